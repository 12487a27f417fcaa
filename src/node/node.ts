import type { AnswerTiers, ApiStats, QuotaView } from '../api-cache/api-cache.ts'
import type { Tiers } from '../cache/cache.ts'
import type { AuthPolicy } from '../core/membership.ts'
import type { PeerId, Role } from '../core/peer.ts'
import type { Attestation } from '../identity/identity.ts'
import type { StoreReport, StoreUsage } from '../store/store.ts'
import type { LoggedEntry } from './write-log.ts'

export type { LoggedEntry }

/** A peer as people see it in `swarmcache peers`. */
export interface PeerStatus {
  readonly peerId: PeerId
  readonly address: string
  readonly relayed: boolean
  /** What its ID token says of it, where it has shown one. */
  readonly attestation?: Attestation
  readonly connectedSeconds: number
  readonly bytesReceived: number
  readonly bytesSent: number
}

/** A node as people see it in `swarmcache status`. */
export interface NodeStatus {
  readonly version: string
  readonly pid: number
  readonly home: string
  readonly role: Role
  readonly uptimeSeconds: number
  /** What keeps strangers out, `none` when no swarm is joined, with the reason. */
  readonly membership: { readonly proof: AuthPolicy | 'none'; readonly reason?: string }
  readonly registries: readonly string[]
  readonly swarms: readonly {
    readonly repository: string
    readonly peerId: PeerId
    readonly addresses: readonly string[]
    readonly peers: number
    readonly store: StoreUsage
    /** What became of the requests to the GitHub API that came this way. */
    readonly api: ApiStats
  }[]
}

/** What a node shares of a repository's answers of the GitHub API with whoever asks through it. */
export interface NodeAnswers {
  readonly tiers: AnswerTiers
  readonly quota: QuotaView
  /**
   * Adds what `stats` says, now and later, to the node's statistics. The returned function takes it in for good.
   */
  count(stats: () => ApiStats): () => Promise<void>
}

/** One running swarmcache process, or the way to one that runs already. */
export interface Node {
  /** The tiers of a repository; joins its swarm first if this node has not yet. */
  tiers(repository: string, options?: { readonly signal?: AbortSignal }): Promise<Tiers>
  /** The answers of the GitHub API of a repository; joins its swarm as `tiers` does. */
  answers(repository: string, options?: { readonly signal?: AbortSignal }): Promise<NodeAnswers>
  status(): Promise<NodeStatus>
  peers(repository: string): Promise<PeerStatus[]>
  entries(repository: string): Promise<LoggedEntry[]>
  verify(
    repository: string,
    options?: { readonly deep?: boolean; readonly signal?: AbortSignal },
  ): Promise<StoreReport>
  /** A node of this process drains and leaves its swarms; one behind a socket is only disconnected. */
  stop(options?: { readonly signal?: AbortSignal }): Promise<void>
}
