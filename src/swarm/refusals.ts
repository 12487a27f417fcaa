import type { MessageStream, MultiaddrConnection } from '@libp2p/interface'
import { publish } from '../core/events.ts'
import type { Logger } from '../core/logger.ts'

// A flood of strangers must not become a flood of log lines.
const WINDOW_MS = 10_000
const MAX_LINES_PER_WINDOW = 10
const MAX_REASON_LENGTH = 200

/** Notices connections from outside that end before they have proved membership, and says so. */
export class Refusals {
  readonly #logger: Logger
  readonly #proof: string
  readonly #undecided = new WeakMap<MessageStream, string>()
  #windowEndsMs = 0
  #lines = 0
  #unsaid = 0

  /** `proof` names what members prove. */
  constructor(parts: { readonly logger: Logger; readonly proof: string }) {
    this.#logger = parts.logger
    this.#proof = parts.proof
  }

  /** Follows a connection that has just been accepted, until it is admitted or refused. */
  follow(connection: MultiaddrConnection): void {
    this.#undecided.set(connection, connection.remoteAddr.toString())
    connection.addEventListener('close', () => {
      this.refused(connection, `it left without proving ${this.#proof}`)
    })
  }

  admitted(connection: MessageStream): void {
    this.#undecided.delete(connection)
  }

  /** Tells once for each connection that is followed. */
  refused(connection: MessageStream, reason: string): void {
    const address = this.#undecided.get(connection)
    if (address === undefined) return
    this.#undecided.delete(connection)
    const why = reason.slice(0, MAX_REASON_LENGTH)
    publish('peer:refused', { address, reason: why })
    this.#log(address, why)
  }

  #log(address: string, reason: string): void {
    const now = performance.now()
    if (now > this.#windowEndsMs) {
      this.#windowEndsMs = now + WINDOW_MS
      this.#lines = 0
    }
    if (++this.#lines > MAX_LINES_PER_WINDOW) {
      this.#unsaid += 1
      return
    }
    const unsaid = this.#unsaid === 0 ? undefined : this.#unsaid
    this.#unsaid = 0
    this.#logger.log('warning', 'A connection was refused.', { address, reason, unsaid })
  }
}
