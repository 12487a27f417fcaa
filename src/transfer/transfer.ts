import type { Frame, SourcedFrame } from '../core/chunk.ts'
import type { Digest } from '../core/digest.ts'
import type { ChunkRef } from '../core/manifest.ts'
import type { PeerId, PeerOutcome } from '../core/peer.ts'

/** A wait that can be ended. */
export interface TransferOptions {
  readonly signal?: AbortSignal
}

/** How urgent a request is to who asks; `usual` by default. */
export type Priority = 'usual' | 'background'

/** Chunks of one manifest to fetch from the peers that hold it. */
export interface FetchRequest {
  readonly manifest: Digest
  /** What to fetch; no digest twice. Order is a hint only: frames come as peers deliver them. */
  readonly chunks: readonly ChunkRef[]
  /** Further chunks as they become known, none of them named before; the fetch goes on until it ends. */
  readonly more?: AsyncIterable<readonly ChunkRef[]>
  /** Peers known to hold the manifest, or part of it. */
  readonly holders: readonly PeerId[]
  /** `background` for what no job waits for: its chunks are sent one at a time beside what jobs ask for. */
  readonly priority?: Priority
  /**
   * Checks a frame in place of the transfer, where the one who opens it anyway can do that: resolves if it is
   * good, rejects with ERR_INTEGRITY if it is not what its chunk names.
   */
  readonly verify?: (frame: Frame, peerId: PeerId) => Promise<unknown>
}

/** A frame's bytes; `isOwned` as in `SourcedFrame`. */
export type SuppliedFrame = Pick<SourcedFrame, 'bytes' | 'isOwned'>

/** What this node serves to others. */
export interface ChunkSupply {
  /** Encoded manifest, or undefined. */
  manifest(digest: Digest): Promise<Uint8Array | undefined>
  /** A frame as stored, or undefined. */
  frame(digest: Digest): Promise<SuppliedFrame | undefined>
  /** Which of the chunks are held here, in the order asked. */
  has(digests: readonly Digest[]): Promise<boolean[]>
}

/** What a transfer needs to know of peers: a slice of the router. */
export interface PeerChoice {
  /** Peers that hold a manifest or part of it, as they become known; ends by its own deadline. */
  holders(manifest: Digest, options?: TransferOptions): AsyncIterable<PeerId>
  /** The usable ones, best first. */
  rank(peers: Iterable<PeerId>): PeerId[]
  isUsable(peerId: PeerId): boolean
  succeeded(peerId: PeerId, outcome: PeerOutcome): void
  failed(peerId: PeerId, reason: string, misbehaved?: boolean): void
}

/**
 * Moves manifests and chunks between peers.
 *
 * Everything handed over is verified. A peer that fails is left and its chunks come from another,
 * from the chunk where it stopped; further holders that the router names join while it runs.
 */
export interface Transfer {
  /** Registers the answers to other peers; before the swarm starts. */
  start(): Promise<void>
  /** Lets running uploads end until the deadline of the signal, then ends them. */
  stop(options?: TransferOptions): Promise<void>
  /** The verified bytes of a manifest of at most `bytes`; rejects with ERR_PEER if no holder supplied it. */
  fetchManifest(
    manifest: Digest,
    bytes: number,
    holders: readonly PeerId[],
    options?: TransferOptions,
  ): Promise<Uint8Array>
  /**
   * Verified frames in any order, with bounded buffering while the consumer is busy.
   *
   * Rejects with ERR_PEER once no known holder can supply what is left, with the signal's reason on abort;
   * frames yielded before that remain good.
   */
  fetchChunks(request: FetchRequest, options?: TransferOptions): AsyncIterable<SourcedFrame>
}
