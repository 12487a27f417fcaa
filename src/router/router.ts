import type { Digest } from '../core/digest.ts'
import type { EntryName, EntryQuery, NearMiss, SignedEntry } from '../core/entry.ts'
import type { EntryMatch } from '../core/entry-match.ts'
import type { PeerId, PeerOutcome } from '../core/peer.ts'

/** A wait that can be ended. */
export interface RouterOptions {
  readonly signal?: AbortSignal
}

/** What this node answers to the questions of others, from its own index. */
export interface LocalAnswers {
  /** The best entry for a peer's query, as far as that peer may read, and, if there is none, what came near. */
  find(query: EntryQuery, asker: PeerId): Promise<LocalAnswer>
  /** True if this node holds the manifest, or some of its chunks. */
  holds(manifest: Digest): Promise<boolean>
}

/** One node's answer to a query. */
export interface LocalAnswer {
  readonly entry?: SignedEntry
  readonly nearMisses: readonly NearMiss[]
}

/** The swarm's answer to a query. */
export interface FoundEntry {
  readonly match?: EntryMatch<SignedEntry>
  /** Peers that answered with this entry, the best first. */
  readonly holders: readonly PeerId[]
  readonly nearMisses: readonly NearMiss[]
  /** How many peers were asked, and how many answered in time. */
  readonly asked: number
  readonly answered: number
}

/**
 * Finds who holds what: one round trip to all connected peers and the DHT, whichever answers first.
 *
 * Peers that fail are left alone for a while that grows with each failure and is forgotten over time.
 */
export interface Router {
  /** Resolves within the router's own deadline, with whatever is known then; a miss is an empty answer. */
  find(query: EntryQuery, options?: RouterOptions): Promise<FoundEntry>
  /** Peers that hold a manifest or part of it, best first, as they become known; ends by its own deadline. */
  holders(manifest: Digest, options?: RouterOptions): AsyncIterable<PeerId>
  /** Tells the DHT that this node holds an entry; in the background, renewed while it runs. */
  provide(entry: EntryName & { manifest: Digest }): void
  withdraw(entry: EntryName & { manifest: Digest }): Promise<void>
  /** Feeds the score of a peer. */
  succeeded(peerId: PeerId, outcome: PeerOutcome): void
  /**
   * `misbehaved`: it sent something wrong on purpose or by damage. It is cut off and refused for a while that
   * grows with each further time, with one line in the log; mere slowness never counts as that.
   */
  failed(peerId: PeerId, reason: string, misbehaved?: boolean): void
  /** False while the peer is in backoff. */
  isUsable(peerId: PeerId): boolean
  /** The same peers, usable ones only, best first. */
  rank(peers: Iterable<PeerId>): PeerId[]
  start(): void
  stop(): Promise<void>
}
