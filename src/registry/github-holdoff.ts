// GitHub asks for at least a minute where it says nothing else about a limit.
const DEFAULT_WAIT_MS = 60_000
const LONGEST_WAIT_MS = 60 * 60_000
const FIRST_RETRY_MS = 5_000
const LONGEST_RETRY_MS = 5 * 60_000
// Whoever is refused that often in a row has not understood something; it asks no more.
const MAX_REFUSALS = 5
const JITTER = 0.25

/** Whether one kind of request may be made now, as the answers so far allow. */
export class Holdoff {
  readonly #now: () => number
  #until = 0
  #refusals = 0
  #failures = 0
  #forbidden = false

  constructor(now: () => number) {
    this.#now = now
  }

  get mayCall(): boolean {
    return !this.ended && this.#now() >= this.#until
  }

  /** True if no such request is made any more. */
  get ended(): boolean {
    return this.#forbidden || this.#refusals >= MAX_REFUSALS
  }

  succeeded(): void {
    this.#refusals = 0
    this.#failures = 0
  }

  /** The service asked to wait; each time in a row twice as long as it says. */
  limited(waitMs: number | undefined): void {
    const askedMs = Math.max(waitMs ?? DEFAULT_WAIT_MS, 1000) * 2 ** this.#refusals
    this.#refusals += 1
    // Later than asked, never earlier: all who were refused come back at different times.
    this.#until =
      this.#now() + Math.min(askedMs, LONGEST_WAIT_MS) * (1 + JITTER * 2 * Math.random())
  }

  /** The credentials do not allow it, which does not change. */
  forbidden(): void {
    this.#forbidden = true
  }

  /** No usable answer came: tried again after a growing while. */
  failed(): void {
    const waitMs = Math.min(FIRST_RETRY_MS * 2 ** Math.min(this.#failures, 20), LONGEST_RETRY_MS)
    this.#failures += 1
    this.#until = this.#now() + waitMs * (1 + JITTER * (2 * Math.random() - 1))
  }
}

/** Milliseconds that a Retry-After header asks to wait; undefined if it says nothing usable. */
export function parseRetryAfter(value: string | null | undefined, now: number): number | undefined {
  if (value === null || value === undefined) return undefined
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}
