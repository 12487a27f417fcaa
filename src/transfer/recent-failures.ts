import type { PeerId } from '../core/peer.ts'

// Trying again costs every fetch a second or two, and whoever was dialled in vain a connection.
const RETRY_AFTER_MS = 60_000
// A seeder meets thousands of runners in its life; forgetting one costs a try that fails.
const MAX_FAILURES = 256

/** Peers with which something failed within the last minute. */
export class RecentFailures {
  readonly #failedAt = new Map<PeerId, number>()

  has(peerId: PeerId): boolean {
    const failedAt = this.#failedAt.get(peerId)
    return failedAt !== undefined && performance.now() - failedAt < RETRY_AFTER_MS
  }

  add(peerId: PeerId): void {
    this.#failedAt.delete(peerId)
    this.#failedAt.set(peerId, performance.now())
    const [oldest] = this.#failedAt.keys()
    if (this.#failedAt.size > MAX_FAILURES && oldest !== undefined) this.#failedAt.delete(oldest)
  }

  delete(peerId: PeerId): void {
    this.#failedAt.delete(peerId)
  }
}
