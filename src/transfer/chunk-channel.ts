import type { Digest } from '../core/digest.ts'
import type { ChunkRef } from '../core/manifest.ts'
import type { PeerId } from '../core/peer.ts'
import type { Priority } from './transfer.ts'

/** Chunks of a manifest that are fetched. */
export interface Watched {
  readonly manifest: Digest
  readonly digests: readonly Digest[]
  /** More of them are not known yet, as of a download that goes on. */
  readonly grows: boolean
}

/** What a peer has of what is watched. */
export interface WatchAnswer {
  /** In the order asked. */
  readonly held: readonly boolean[]
  /** Others that fetch the same manifest from it now. */
  readonly readers: readonly PeerId[]
  /** True if the peer is fetching the manifest itself, so that more may come. */
  readonly fetching: boolean
}

/**
 * Requests on their way to one peer, whatever carries them.
 *
 * Many may be in flight, and answers come in any order. The asker keeps what it has asked for within what
 * it can hold, so that answers are taken at once and an answer that does not come is the peer's doing.
 */
export interface ChunkChannel {
  readonly peerId: PeerId
  /** Bytes received so far, parts of answers included: what tells a slow peer from a stalled one. */
  readonly receivedBytes: number
  /** Asks for chunks; each is answered by one call to the receiver, unless it is cancelled. */
  want(chunks: readonly ChunkRef[], priority?: Priority): void
  /** Chunks that are no longer wanted; what is under way already comes all the same. */
  cancel(digests: readonly Digest[]): void
  /**
   * Which of the chunks the peer holds. What it gets of them from then on the receiver is
   * told, until the next watch.
   */
  watch(watched: Watched, signal: AbortSignal): Promise<WatchAnswer>
  /** The encoded manifest as the peer sent it, not verified; undefined if the peer does not hold it. */
  manifest(digest: Digest, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined>
  /** Ends it, with everything asked; the receiver hears nothing more. What carried it may be kept for the next one. */
  close(): void
  /** The same with a peer that is not to be relied on: nothing is kept. */
  abort(): void
}

/** Takes the answers of one channel. */
export interface ChannelReceiver {
  /** A frame that was asked for, and perhaps cancelled since; of a plausible size, not verified. */
  frame(chunk: ChunkRef, bytes: Uint8Array): void
  missing(chunk: ChunkRef): void
  /** Chunks of the last watch that the peer has now. */
  gained(digests: readonly Digest[]): void
  /** The last call: ERR_FRAME for a peer that broke the protocol, ERR_LIMIT for a busy one, else ERR_CLOSED. */
  closed(error: Error): void
}

/** Opens a channel to a peer; rejects if it cannot be reached. */
export type OpenChannel = (
  peerId: PeerId,
  receiver: ChannelReceiver,
  signal: AbortSignal,
) => Promise<ChunkChannel>
