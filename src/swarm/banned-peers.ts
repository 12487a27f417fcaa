import type { PeerId } from '../core/peer.ts'

// Whoever has the key can make up peers; when there are more, those whose ban ends soonest go free.
const MAX_BANNED = 2048

/** Peers that are refused until their bans end. */
export class BannedPeers {
  readonly #untilMs = new Map<PeerId, number>()
  readonly #now: () => number

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Bans a peer for that long; a ban that lasts longer already stays as it is. */
  ban(peerId: PeerId, milliseconds: number): void {
    const untilMs = Math.max(this.#now() + milliseconds, this.#untilMs.get(peerId) ?? 0)
    this.#untilMs.set(peerId, untilMs)
    if (this.#untilMs.size > MAX_BANNED) this.#dropOne()
  }

  has(peerId: PeerId): boolean {
    const untilMs = this.#untilMs.get(peerId)
    if (untilMs === undefined) return false
    if (untilMs > this.#now()) return true
    this.#untilMs.delete(peerId)
    return false
  }

  get size(): number {
    return this.#untilMs.size
  }

  #dropOne(): void {
    let soonest: [PeerId, number] | undefined
    for (const each of this.#untilMs) {
      if (soonest === undefined || each[1] < soonest[1]) soonest = each
    }
    if (soonest !== undefined) this.#untilMs.delete(soonest[0])
  }
}
