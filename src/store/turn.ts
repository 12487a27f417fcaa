import { setImmediate } from 'node:timers/promises'

// Short enough that sockets and timers of the same process do not notice.
const TURN_MS = 8

/** Gives way to the event loop now and then, for work that is synchronous in its small steps. */
export class Turn {
  #busyMs = 0

  /** Runs one step and notes the time it took. */
  step<T>(work: () => T): T {
    const start = performance.now()
    try {
      return work()
    } finally {
      this.#busyMs += performance.now() - start
    }
  }

  /** Lets others run if the steps since the last time took long enough; rejects with the signal's reason. */
  async pass(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    if (this.#busyMs < TURN_MS) return
    this.#busyMs = 0
    await setImmediate()
    signal?.throwIfAborted()
  }
}
