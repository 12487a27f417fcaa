import type { ArchivePart } from '../core/archive-part.ts'
import type { Digest } from '../core/digest.ts'
import type { PeerId } from '../core/peer.ts'

/** A wait for a turn that can be ended and followed. */
export interface TurnOptions {
  readonly signal?: AbortSignal
  /** Called about twice a second while another works; `progress` grows as that work moves on. */
  readonly onWaiting?: (progress: number) => void
}

/** Whether work was done; `for-now`: with success, but who comes later has to do it again. */
export type TurnResult = boolean | 'for-now'

/** True if `value` (from elsewhere) is a result. */
export function isTurnResult(value: unknown): value is TurnResult {
  return typeof value === 'boolean' || value === 'for-now'
}

/** The work is the caller's to do; the others wait for it. */
export interface OwnTurn {
  readonly kind: 'mine'
  /** Says that the work moves on; a turn in which it does not for half a minute goes to the next in line. */
  progressed(): void
  /**
   * Ends the turn: after a success everybody who waits learns of it, after a failure the next in line has a turn.
   * Resolves when that is known to who leads the line, or after a short deadline; never rejects.
   */
  done(result: TurnResult): Promise<void>
}

/** Another has just done the work with success. */
export interface DoneTurn {
  readonly kind: 'done'
  readonly by: PeerId
}

/** What became of waiting for a turn. */
export type Turn = OwnTurn | DoneTurn

/** `waiting`: others wait for the turn of some work; `possible`: there are others who may yet want it. */
export type Company = 'none' | 'possible' | 'waiting'

/** A part of an archive, and the peer that offers it. It is as it came: nobody has checked who wrote it. */
export interface FollowedPart {
  readonly part: ArchivePart
  readonly by: PeerId
}

/**
 * Work that one peer of a swarm does for all: whoever asks for the turn of a name gets it, or learns that
 * another has done that work.
 *
 * A turn is lost when its process dies, stands still or lets the work stand still; then the next in line
 * has it. This saves work and never guards correctness: while views of who is alive differ (during a start,
 * a partition, or after a peer was lost) two may have a turn of the same name, and who lost one may
 * still be at work. A success is remembered for some seconds, for those who come late,
 * unless it was one `for-now`.
 */
export interface Leases {
  /** Registers the answers to other peers; before the swarm starts. */
  start(): void
  /** Ends all turns and waits; those of others go on elsewhere. */
  stop(): Promise<void>
  /**
   * Waits for the turn of `name`, at most as long as others make something of theirs.
   *
   * At once where nobody else takes part. Rejects only with the signal's reason, or ERR_CLOSED after `stop`.
   */
  takeTurn(name: Digest, options?: TurnOptions): Promise<Turn>
  /** Whether there are others for whom the work of a turn that is held here is done. */
  company(name: Digest): Company
  /** Keeps a part of what is downloaded in a turn for those who wait for it; false if there is no room. */
  offer(name: Digest, part: ArchivePart): boolean
  /**
   * Parts from piece `first` on that whoever has the turn offers, as they come; some may come again. Goes on with
   * the next one who has it, and ends only by rejecting with the signal's reason, or ERR_CLOSED after `stop`.
   */
  follow(name: Digest, first: number, signal: AbortSignal): AsyncIterable<FollowedPart>
  /**
   * True for some seconds after others were told that this node has done their work, or have asked for a part of
   * it: they may come for it now.
   */
  hasFollowers(): boolean
}

/** A turn that nobody else knows of: where no line can be joined, work that is done twice beats none. */
export const UNLED_TURN: OwnTurn = { kind: 'mine', progressed() {}, async done() {} }

/** What leases need to know of peers: a slice of the router. */
export interface PeerView {
  isUsable(peerId: PeerId): boolean
  failed(peerId: PeerId, reason: string, misbehaved?: boolean): void
}
