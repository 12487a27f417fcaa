/** Tunables of pacing. */
export interface PacedBytesOptions {
  /** Bytes kept back until the end, for the time in which none come. */
  readonly reserveBytes?: number
  /** After so long without any, a few of them are given. */
  readonly silenceMs?: number
}

// Given in drops of 4 KiB every two seconds this lasts for two minutes: longer than a turn goes to the next in line.
const RESERVE_BYTES = 256 * 1024
const DROP_BYTES = 4 * 1024
// The client gives a download up after five seconds without a byte.
const SILENCE_MS = 2000

/**
 * Bytes for a client that gives up when none come for a while: a reserve is kept back, and given drop by drop while
 * there is nothing new. Until the reserve is full nothing is given at all.
 */
export class PacedBytes implements AsyncIterable<Uint8Array> {
  readonly #signal: AbortSignal
  readonly #content: AsyncIterator<Uint8Array>
  readonly #reserveBytes: number
  readonly #silenceMs: number
  readonly #reserve: Uint8Array[] = []
  #bytes = 0
  #isFull = false

  constructor(
    content: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
    options: PacedBytesOptions = {},
  ) {
    this.#signal = signal
    this.#content = content[Symbol.asyncIterator]()
    this.#reserveBytes = options.reserveBytes ?? RESERVE_BYTES
    this.#silenceMs = options.silenceMs ?? SILENCE_MS
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    let next: Promise<IteratorResult<Uint8Array>> | undefined
    try {
      for (;;) {
        next ??= this.#content.next()
        const result = await this.#within(next)
        if (result === undefined) {
          const drop = this.#isFull ? this.#take(DROP_BYTES) : undefined
          if (drop !== undefined) yield drop
          continue
        }
        next = undefined
        if (result.done === true) break
        this.#reserve.push(result.value)
        this.#bytes += result.value.length
        this.#isFull ||= this.#bytes > this.#reserveBytes
        // Pieces are not cut where they need not be: each part is a write of its own.
        while (this.#bytes - this.#reserve[0]!.length >= this.#reserveBytes) {
          yield this.#take(this.#reserve[0]!.length)!
        }
      }
      yield* this.#reserve
    } finally {
      next?.catch(() => {})
      void this.#content.return?.()?.then(undefined, () => {})
    }
  }

  /** What comes, or undefined after a while without; rejects with the signal's reason. */
  async #within(
    next: Promise<IteratorResult<Uint8Array>>,
  ): Promise<IteratorResult<Uint8Array> | undefined> {
    this.#signal.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    const timer = setTimeout(() => resolve(undefined), this.#silenceMs)
    const onAbort = (): void => reject(this.#signal.reason as Error)
    this.#signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await Promise.race([next, promise])
    } finally {
      clearTimeout(timer)
      this.#signal.removeEventListener('abort', onAbort)
    }
  }

  /** The first bytes of the reserve, `most` of them at most; undefined if that is none. */
  #take(most: number): Uint8Array | undefined {
    const first = this.#reserve[0]
    if (first === undefined || most <= 0) return undefined
    if (first.length <= most) this.#reserve.shift()
    else this.#reserve[0] = first.subarray(most)
    const taken = first.subarray(0, most)
    this.#bytes -= taken.length
    return taken
  }
}
