import type { ByteStream } from '../core/byte-stream.ts'
import type { Digest } from '../core/digest.ts'
import type { PeerId } from '../core/peer.ts'
import type { Attestation } from '../identity/identity.ts'

/** A wait that can be ended. */
export interface SwarmOptions {
  readonly signal?: AbortSignal
}

/** A connected member. */
export interface SwarmPeer {
  readonly peerId: PeerId
  /** The multiaddr it is connected through. */
  readonly address: string
  /** True if bytes pass through a relay. */
  readonly relayed: boolean
  /** Milliseconds since the epoch. */
  readonly since: number
  /** What its ID token says of it, where it has shown one. */
  readonly attestation?: Attestation
}

/** Answers a conversation that a member opened; the stream is ended for it when it returns or throws. */
export type StreamHandler = (stream: ByteStream, peerId: PeerId) => Promise<void>

/** What a swarm tells its listeners. */
export interface SwarmListener {
  connected?(peer: SwarmPeer): void
  disconnected?(peerId: PeerId): void
  /** The peer is refused from now on; whatever goes on with it beside the swarm is to be ended, too. */
  banned?(peerId: PeerId): void
  /** The addresses under which this node can be reached have changed. */
  addressesChanged?(): void
}

/**
 * The connections of one node to the other members of one private swarm.
 *
 * Only members get as far as a connection; what they send is still checked by whoever reads it.
 */
export interface Swarm {
  readonly peerId: PeerId
  start(options?: SwarmOptions): Promise<void>
  /** Closes every connection; resolves within its own short deadline. */
  stop(): Promise<void>
  /** Multiaddrs, each ending in `/p2p/<peerId>`, under which others may reach this node now. */
  addresses(): string[]
  peers(): SwarmPeer[]
  listen(listener: SwarmListener): () => void
  /** Connects to a peer by its addresses, the direct ones first; at once if it is connected already. */
  dial(peerId: PeerId, addresses: readonly string[], options?: SwarmOptions): Promise<SwarmPeer>
  disconnect(peerId: PeerId): Promise<void>
  /**
   * Cuts a peer off and refuses it, whoever dials, until the time is over. Its id alone is known: a member
   * that makes up another comes back as somebody else.
   */
  ban(peerId: PeerId, milliseconds: number): void
  /** Registers the answer to a protocol; before `start`. */
  handle(protocol: string, handler: StreamHandler): void
  /** Opens a conversation with a connected peer, or one whose addresses the DHT or an earlier dial told. */
  open(peerId: PeerId, protocol: string, options?: SwarmOptions): Promise<ByteStream>
  /** Tells the DHT that this node holds `digest`; resolves when the closest peers know. */
  provide(digest: Digest, options?: SwarmOptions): Promise<void>
  /** Stops renewing that statement; what peers have recorded expires. */
  withdraw(digest: Digest): Promise<void>
  /** Peers that the DHT names for `digest`, as they become known; ends when the search does. */
  findProviders(digest: Digest, options?: SwarmOptions): AsyncIterable<PeerId>
}
