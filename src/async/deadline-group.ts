import { timedOut } from './deadline.ts'

interface Wait {
  readonly what: string
  readonly milliseconds: number
  readonly until: number
  readonly reject: (error: unknown) => void
}

// A tenth of the shortest deadline that uses this.
const STEP_MS = 250

/**
 * Deadlines that share one timer and one signal, where there are thousands of short waits a second.
 *
 * One that is over is noticed up to a quarter of a second late.
 */
export class DeadlineGroup {
  readonly #signal: AbortSignal
  readonly #waits = new Set<Wait>()
  #timer: NodeJS.Timeout | undefined

  constructor(signal: AbortSignal) {
    this.#signal = signal
    signal.addEventListener('abort', () => this.#rejectAll(), { once: true })
  }

  /**
   * Settles as `work` does, rejects with ERR_TIMEOUT when it takes too long, or with the signal's reason.
   *
   * The work itself goes on; its late rejection is swallowed.
   */
  async run<T>(milliseconds: number, what: string, work: () => Promise<T>): Promise<T> {
    this.#signal.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const wait = { what, milliseconds, until: performance.now() + milliseconds, reject }
    this.#waits.add(wait)
    this.#timer ??= setInterval(() => this.#check(), STEP_MS)
    work().then(resolve, reject)
    try {
      return await promise
    } finally {
      this.#waits.delete(wait)
      if (this.#waits.size === 0) this.#stop()
    }
  }

  #check(): void {
    const now = performance.now()
    for (const { what, milliseconds, until, reject } of this.#waits) {
      if (now >= until) reject(timedOut(what, milliseconds))
    }
  }

  #rejectAll(): void {
    for (const { reject } of this.#waits) reject(this.#signal.reason)
    this.#stop()
  }

  #stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
