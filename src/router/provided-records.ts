import { startDeadline } from '../async/deadline.ts'
import type { Digest } from '../core/digest.ts'
import { errorMessage } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Swarm } from '../swarm/swarm.ts'

/** What announcing to the DHT needs. */
export interface ProvidedRecordsParts {
  readonly swarm: Swarm
  readonly logger: Logger
}

// Each announcement is a message to every close peer; more at once only queue in the swarm.
const MAX_AT_ONCE = 4
const PROVIDE_MS = 30_000
// When a crowd has what it wanted, each of it has the same to announce; those who are not through yet come first.
const SETTLE_MS = 1000
// Announcements fail when nobody is near; a new connection repeats them sooner.
const RETRY_MS = 30_000
// More entries than a disk of common size holds; beyond it peers are still found by asking them.
const MAX_RECORDS = 20_000

/** The digests that the DHT should know this node for; announced in the background until it does. */
export class ProvidedRecords {
  readonly #parts: ProvidedRecordsParts
  /** How many entries need a digest announced. */
  readonly #uses = new Map<Digest, number>()
  readonly #waiting = new Set<Digest>()
  readonly #stop = new AbortController()
  #running = 0
  #settling: NodeJS.Timeout | undefined
  #retry: NodeJS.Timeout | undefined

  constructor(parts: ProvidedRecordsParts) {
    this.#parts = parts
  }

  add(digest: Digest): void {
    const uses = this.#uses.get(digest) ?? 0
    if (uses === 0 && this.#uses.size >= MAX_RECORDS) return
    this.#uses.set(digest, uses + 1)
    if (uses > 0) return
    this.#waiting.add(digest)
    this.#settling ??= setTimeout(() => this.resume(), SETTLE_MS).unref()
  }

  async remove(digest: Digest): Promise<void> {
    const uses = this.#uses.get(digest)
    if (uses === undefined) return
    if (uses > 1) {
      this.#uses.set(digest, uses - 1)
      return
    }
    this.#uses.delete(digest)
    this.#waiting.delete(digest)
    await this.#parts.swarm.withdraw(digest)
  }

  /** Announces what waits, if there is anybody to tell. */
  resume(): void {
    clearTimeout(this.#settling)
    clearTimeout(this.#retry)
    this.#settling = undefined
    this.#retry = undefined
    while (this.#running < MAX_AT_ONCE && this.#waiting.size > 0) {
      if (this.#stop.signal.aborted || this.#parts.swarm.peers().length === 0) return
      const digest = this.#waiting.values().next().value!
      this.#waiting.delete(digest)
      void this.#announce(digest)
    }
  }

  stop(): void {
    clearTimeout(this.#settling)
    clearTimeout(this.#retry)
    this.#stop.abort()
    this.#waiting.clear()
  }

  async #announce(digest: Digest): Promise<void> {
    const { swarm, logger } = this.#parts
    this.#running += 1
    let failed = false
    try {
      using deadline = startDeadline(PROVIDE_MS, 'Telling the DHT', this.#stop.signal)
      await swarm.provide(digest, { signal: deadline.signal })
      // Taken back while it was being announced.
      if (!this.#uses.has(digest)) await swarm.withdraw(digest)
    } catch (error) {
      failed = true
      logger.log('debug', 'The DHT was not told of a digest; it will be tried again', {
        digest,
        error: errorMessage(error),
      })
    }
    this.#running -= 1
    if (this.#stop.signal.aborted) return
    if (!failed) {
      this.resume()
      return
    }
    if (this.#uses.has(digest)) this.#waiting.add(digest)
    this.#retry ??= setTimeout(() => this.resume(), RETRY_MS).unref()
  }
}
