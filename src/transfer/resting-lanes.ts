import type { PeerId } from '../core/peer.ts'

/** A lane between two conversations. */
export interface RestingLane<T> {
  readonly peerId: PeerId
  /** What the next conversation from here goes on with; undefined where the peer is the one to begin it. */
  readonly talk: T | undefined
  /** Ends the lane; called once at most, and not after it was taken or removed. */
  end(): void
}

/** Bounds of what rests. */
export interface RestingLanesOptions {
  readonly maxLanes?: number
  /** Of one peer, in both directions together. */
  readonly maxLanesPerPeer?: number
  /** Calls back once, unless the returned function is called before; a timer by default. */
  readonly after?: (milliseconds: number, callback: () => void) => () => void
}

// Some 100 KiB of buffers each.
const MAX_RESTING = 64
// Fetches of one peer that run at once are few.
const MAX_RESTING_PER_PEER = 4

/** Lanes that are kept for the next conversation of the two peers; where there are too many, the longest resting go. */
export class RestingLanes<T> {
  readonly #maxLanes: number
  readonly #maxLanesPerPeer: number
  readonly #after: NonNullable<RestingLanesOptions['after']>
  /** With what stops the clock of each; the longest resting first. */
  readonly #lanes = new Map<RestingLane<T>, () => void>()
  #stopped = false

  constructor(options: RestingLanesOptions = {}) {
    this.#maxLanes = options.maxLanes ?? MAX_RESTING
    this.#maxLanesPerPeer = options.maxLanesPerPeer ?? MAX_RESTING_PER_PEER
    this.#after = options.after ?? afterByTimer
  }

  get size(): number {
    return this.#lanes.size
  }

  /** Keeps a lane for so long at most. */
  add(lane: RestingLane<T>, milliseconds: number): void {
    if (this.#stopped) {
      lane.end()
      return
    }
    this.#lanes.set(
      lane,
      this.#after(milliseconds, () => this.#end(lane)),
    )
    const ofPeer = [...this.#lanes.keys()].filter(({ peerId }) => peerId === lane.peerId)
    if (ofPeer.length > this.#maxLanesPerPeer) this.#end(ofPeer[0]!)
    if (this.#lanes.size > this.#maxLanes) this.endOldest()
  }

  /** What to go on with on the lane that rests for the shortest time; it is the caller's from now on. */
  take(peerId: PeerId): T | undefined {
    const lane = [...this.#lanes.keys()].findLast(
      (candidate) => candidate.peerId === peerId && candidate.talk !== undefined,
    )
    if (lane === undefined) return undefined
    this.remove(lane)
    return lane.talk
  }

  /** False if the lane does not rest here. */
  remove(lane: RestingLane<T>): boolean {
    this.#lanes.get(lane)?.()
    return this.#lanes.delete(lane)
  }

  /** Makes room; false if nothing rests. */
  endOldest(): boolean {
    const [oldest] = this.#lanes.keys()
    if (oldest !== undefined) this.#end(oldest)
    return oldest !== undefined
  }

  /** Ends all lanes of a peer. */
  endAllOf(peerId: PeerId): void {
    for (const lane of this.#lanes.keys()) if (lane.peerId === peerId) this.#end(lane)
  }

  /** Ends all, and keeps none from now on. */
  stop(): void {
    this.#stopped = true
    for (const lane of this.#lanes.keys()) this.#end(lane)
  }

  #end(lane: RestingLane<T>): void {
    if (this.remove(lane)) lane.end()
  }
}

function afterByTimer(milliseconds: number, callback: () => void): () => void {
  const timer = setTimeout(callback, milliseconds)
  timer.unref()
  return () => clearTimeout(timer)
}
