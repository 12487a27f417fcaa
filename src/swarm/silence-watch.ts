import type { MessageStream } from '@libp2p/interface'

// Both ends ping at every keep-alive, so bytes arrive at least that often; three may be late.
const MISSED_KEEP_ALIVES = 3.5

/**
 * Cuts connections from which nothing has arrived for a while: a machine that lost its power or its
 * network never says so, and TCP alone needs a quarter of an hour to notice. Unlike libp2p's monitor
 * it counts any byte as a sign of life, so that a busy connection is never cut.
 */
export class SilenceWatch {
  readonly #silenceMs: number
  readonly #lastMs = new Map<MessageStream, number>()
  readonly #timer: NodeJS.Timeout

  constructor(options: { readonly keepAliveMs: number }) {
    this.#silenceMs = options.keepAliveMs * MISSED_KEEP_ALIVES
    this.#timer = setInterval(() => this.#check(), options.keepAliveMs / 2)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Only for connections that somebody reads already: the first listener gets what is buffered. */
  follow(connection: MessageStream): void {
    const heard = (): void => void this.#lastMs.set(connection, performance.now())
    heard()
    connection.addEventListener('message', heard)
    connection.addEventListener('close', () => {
      this.#lastMs.delete(connection)
      connection.removeEventListener('message', heard)
    })
  }

  #check(): void {
    const now = performance.now()
    for (const [connection, lastMs] of this.#lastMs) {
      if (now - lastMs < this.#silenceMs) continue
      connection.abort(new Error(`nothing was heard for ${Math.round(now - lastMs)} ms`))
    }
  }
}
