import type { PeerId, PeerRecord } from '../core/peer.ts'

/** A wait that can be ended. */
export interface RegistryOptions {
  readonly signal?: AbortSignal
  /** Whom the caller is connected to: where calls are scarce, fewer are made the more there are. */
  readonly connected?: ReadonlySet<PeerId>
}

/** How often a registry is announced in, where that is costly. */
export interface RegistryPace {
  /** How long a record stays valid. */
  readonly expiryMs: number
  /** Time between two announcements of the same addresses. */
  readonly heartbeatMs: number
  /** How long new addresses wait for further ones before they are announced. */
  readonly settleMs: number
  /** The first announcement waits for a random part of this, since many nodes start together. */
  readonly spreadMs: number
  /** How long one call may take. */
  readonly deadlineMs: number
}

/**
 * Where the peers of one swarm announce themselves so that others find them.
 *
 * Every method may fail for reasons outside (disk, network): callers log and try again later.
 */
export interface Registry {
  /** What it is, for people: `dir:/var/cache/peers`. */
  readonly name: string
  /** Undefined: as often as the caller likes. */
  readonly pace?: RegistryPace
  /** Adds or refreshes the peer's own record; repeat before it expires. */
  announce(record: PeerRecord, options?: RegistryOptions): Promise<void>
  /** All records that are not stale, the caller's own included; forged, foreign and oversized ones are dropped. */
  discover(options?: RegistryOptions): Promise<PeerRecord[]>
  /** Takes the peer's own record back; nothing happens if there is none. */
  withdraw(peerId: PeerId, options?: RegistryOptions): Promise<void>
  /** Calls `onChange` soon after somebody announced or withdrew, where the place can tell; returns how to stop. */
  watch(onChange: () => void): () => void
}
