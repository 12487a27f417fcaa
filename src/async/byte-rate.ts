import { pause } from './deadline.ts'

// What may go at once after a while without any: short enough to be no burst, long enough for a timer to keep up.
const BURST_MS = 100
const MIN_WAIT_MS = 5

/** Keeps what is spent to a number of bytes a second, over all that share it. */
export class ByteRate {
  readonly #bytesPerMs: number
  readonly #now: () => number
  #at: number
  #bytes: number

  constructor(bytesPerSecond: number, now: () => number = () => performance.now()) {
    this.#bytesPerMs = bytesPerSecond / 1000
    this.#now = now
    this.#at = now()
    this.#bytes = this.#bytesPerMs * BURST_MS
  }

  /** True if something may be spent now. */
  get isOpen(): boolean {
    this.#refill()
    return this.#bytes > 0
  }

  /** Takes bytes, more than there are if need be: what is spent too much is waited for afterwards. */
  spend(bytes: number): void {
    this.#refill()
    this.#bytes -= bytes
  }

  /** Resolves once something may be spent; rejects with the signal's reason. */
  async opened(signal: AbortSignal): Promise<void> {
    while (!this.isOpen) {
      await pause(Math.max(MIN_WAIT_MS, -this.#bytes / this.#bytesPerMs), signal)
    }
  }

  #refill(): void {
    const now = this.#now()
    const most = this.#bytesPerMs * BURST_MS
    this.#bytes = Math.min(most, this.#bytes + (now - this.#at) * this.#bytesPerMs)
    this.#at = now
  }
}
