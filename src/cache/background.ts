import { abortable } from '../async/deadline.ts'
import { errorMessage } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'

/** Work that a request starts but does not wait for. */
export class Background {
  readonly #logger: Logger
  readonly #running = new Set<Promise<void>>()
  readonly #controller = new AbortController()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Starts `work`; its failure becomes a warning. */
  start(what: string, work: (signal: AbortSignal) => Promise<void>): void {
    const running = work(this.#controller.signal)
      .catch((error: unknown) => {
        this.#logger.log('warning', `${what} did not succeed: ${errorMessage(error)}`)
      })
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  /** Waits until everything started so far has ended; when the signal aborts, ends it instead. */
  async settle(signal?: AbortSignal): Promise<void> {
    const all = Promise.all(this.#running).then(() => {})
    if (signal === undefined) return await all
    try {
      await abortable(all, signal)
    } catch (error) {
      this.#controller.abort(error)
      await all
    }
  }
}
