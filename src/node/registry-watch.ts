import type { PeerRecord } from '../core/peer.ts'
import type { RegistryCalls } from './registry-calls.ts'

/** Tunables of looking into a registry. */
export interface RegistryWatchOptions {
  /** Time from the first look to the second; doubles with each further one. */
  readonly firstDiscoverMs?: number
  /** The registry is looked into at least this often. */
  readonly slowestDiscoverMs?: number
}

// Nodes of a job matrix start within seconds of each other: look often at first.
const FIRST_DISCOVER_MS = 250
const SLOWEST_DISCOVER_MS = 15_000
const JITTER = 0.2
// After a change: one look takes a write or two of others along, and ten times what a look takes is left between two.
const LEAST_GAP_MS = 50
const GAP_PER_LOOK = 10

/** Looks into one registry, soon after each change and in between ever less often. */
export class RegistryWatch {
  readonly #calls: RegistryCalls
  readonly #onLook: (records: readonly PeerRecord[] | undefined) => void
  readonly #firstDiscoverMs: number
  readonly #slowestDiscoverMs: number
  readonly #stopped = new AbortController()
  #delayMs: number
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #again = false
  // Of the last look, by the monotonic clock; and when the next one is due.
  #endedAt = 0
  #tookMs = 0
  #dueAt = 0
  #stopListening: () => void = () => {}

  /** `onLook` gets what each look found; undefined if it failed. */
  constructor(
    parts: { calls: RegistryCalls; onLook: (records: readonly PeerRecord[] | undefined) => void },
    options: RegistryWatchOptions = {},
  ) {
    this.#calls = parts.calls
    this.#onLook = parts.onLook
    this.#firstDiscoverMs = options.firstDiscoverMs ?? FIRST_DISCOVER_MS
    this.#slowestDiscoverMs = options.slowestDiscoverMs ?? SLOWEST_DISCOVER_MS
    this.#delayMs = this.#firstDiscoverMs
  }

  start(): void {
    this.#stopListening = this.#calls.watch(() => this.#changed())
    this.#look()
  }

  /** Looks as often as at the start. */
  hurry(): void {
    this.#delayMs = this.#firstDiscoverMs
    if (this.#running === undefined) this.#schedule(this.#delayMs)
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    clearTimeout(this.#timer)
    this.#stopListening()
    await this.#running
  }

  /** A change is looked at soon, but a busy registry costs no more than a tenth of the time. */
  #changed(): void {
    if (this.#running !== undefined) {
      this.#again = true
      return
    }
    const gapMs = Math.max(LEAST_GAP_MS, GAP_PER_LOOK * this.#tookMs)
    const sinceMs = performance.now() - this.#endedAt
    if (this.#dueAt <= this.#endedAt + gapMs) return
    this.#schedule(Math.max(0, gapMs - sinceMs))
  }

  #look(): void {
    this.#again = false
    const started = performance.now()
    this.#running = this.#lookOnce().finally(() => {
      this.#running = undefined
      this.#endedAt = performance.now()
      this.#tookMs = this.#endedAt - started
      const jitter = 1 + JITTER * (2 * Math.random() - 1)
      this.#schedule(this.#delayMs * jitter)
      this.#delayMs = Math.min(this.#delayMs * 2, this.#slowestDiscoverMs)
      if (this.#again) this.#changed()
    })
  }

  async #lookOnce(): Promise<void> {
    const { signal } = this.#stopped
    const records = await this.#calls.discover(signal)
    if (!signal.aborted) this.#onLook(records)
  }

  #schedule(delayMs: number): void {
    if (this.#stopped.signal.aborted) return
    clearTimeout(this.#timer)
    this.#dueAt = performance.now() + delayMs
    this.#timer = setTimeout(() => this.#look(), delayMs)
    this.#timer.unref()
  }
}
