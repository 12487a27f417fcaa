/** A queue between one or more producers and one consumer; `push` waits while it is full. */
export class BoundedQueue<T> implements AsyncIterable<T> {
  readonly #capacity: number
  readonly #sizeOf: (item: T) => number
  #items: T[] = []
  #size = 0
  #ended = false
  #error: unknown
  #wakeConsumer: (() => void) | undefined
  #wakeProducers: (() => void)[] = []

  /** `capacity` counts items, or whatever `sizeOf` measures; a larger item passes when the queue is empty. */
  constructor(capacity: number, sizeOf: (item: T) => number = () => 1) {
    this.#capacity = capacity
    this.#sizeOf = sizeOf
  }

  /** Resolves once the item is queued; false if the queue has ended, and the item was dropped. */
  async push(item: T): Promise<boolean> {
    const size = this.#sizeOf(item)
    while (!this.#ended && this.#size > 0 && this.#size + size > this.#capacity) {
      await new Promise<void>((resolve) => this.#wakeProducers.push(resolve))
    }
    if (this.#ended) return false
    this.#items.push(item)
    this.#size += size
    this.#wakeConsumer?.()
    return true
  }

  /** No more items; the consumer gets what is queued, then the end. */
  end(): void {
    this.#finish()
  }

  /** No more items; the consumer gets what is queued, then the error. */
  fail(error: unknown): void {
    if (!this.#ended) this.#error = error
    this.#finish()
  }

  #finish(): void {
    this.#ended = true
    this.#wakeConsumer?.()
    this.#releaseProducers()
  }

  #releaseProducers(): void {
    const waiting = this.#wakeProducers
    this.#wakeProducers = []
    for (const wake of waiting) wake()
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T, void, void> {
    try {
      for (;;) {
        while (this.#items.length > 0) {
          const item = this.#items.shift() as T
          this.#size -= this.#sizeOf(item)
          this.#releaseProducers()
          yield item
        }
        if (this.#ended) {
          if (this.#error !== undefined) throw this.#error as Error
          return
        }
        await new Promise<void>((resolve) => (this.#wakeConsumer = resolve))
        this.#wakeConsumer = undefined
      }
    } finally {
      // A consumer that stops early must not leave producers waiting for ever.
      this.#items = []
      this.#size = 0
      this.#finish()
    }
  }
}
