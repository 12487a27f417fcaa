import { SwarmCacheError } from '../core/errors.ts'

/** Lets at most a number of units (tasks, bytes) be held at once; waiters are served in order and bounded. */
export class Limit {
  readonly #capacity: number
  readonly #maxWaiting: number
  #held = 0
  #waiting: { units: number; grant: () => void }[] = []

  constructor(capacity: number, maxWaiting: number = Infinity) {
    this.#capacity = capacity
    this.#maxWaiting = maxWaiting
  }

  get held(): number {
    return this.#held
  }

  /**
   * Waits until `units` fit; more than the whole capacity is granted once nothing else is held.
   * Dispose the result to give them back.
   *
   * @throws ERR_LIMIT if too many wait already, or the signal's reason.
   */
  async acquire(units = 1, signal?: AbortSignal): Promise<Disposable> {
    signal?.throwIfAborted()
    if (this.#waiting.length > 0 || !this.#fits(units)) {
      if (this.#waiting.length >= this.#maxWaiting) {
        throw new SwarmCacheError('ERR_LIMIT', 'Too many requests wait for their turn already.')
      }
      await new Promise<void>((resolve, reject) => {
        const waiter = {
          units,
          grant: () => {
            signal?.removeEventListener('abort', onAbort)
            resolve()
          },
        }
        const onAbort = (): void => {
          this.#waiting = this.#waiting.filter((other) => other !== waiter)
          this.#grantNext()
          reject(signal?.reason as Error)
        }
        signal?.addEventListener('abort', onAbort, { once: true })
        this.#waiting.push(waiter)
      })
    } else {
      this.#held += units
    }
    let released = false
    return {
      [Symbol.dispose]: () => {
        if (released) return
        released = true
        this.#held -= units
        this.#grantNext()
      },
    }
  }

  /** Runs `work` while holding one unit. */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    using _held = await this.acquire(1, signal)
    return await work()
  }

  #fits(units: number): boolean {
    return this.#held === 0 || this.#held + units <= this.#capacity
  }

  #grantNext(): void {
    let next = this.#waiting[0]
    while (next !== undefined && this.#fits(next.units)) {
      this.#waiting.shift()
      this.#held += next.units
      next.grant()
      next = this.#waiting[0]
    }
  }
}
