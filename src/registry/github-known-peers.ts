import { LRUCache } from 'lru-cache'
import type { PeerId, PeerRecord } from '../core/peer.ts'
import type { DatedRecord } from '../identity/identity.ts'
import type { AnnouncementKeys } from './github-announcement.ts'

// A swarm of more than 512 peers knows enough of them.
const MAX_KNOWN = 512
// When the last announcement of each peer was made, so that an older one that is played again changes nothing.
const MAX_REMEMBERED = 4096

/** The peers whose announcements were found and are fresh, one record each: the one announced last. */
export class KnownPeers {
  readonly #announcements: AnnouncementKeys
  readonly #records = new Map<PeerId, DatedRecord>()
  readonly #lastAnnounced = new LRUCache<PeerId, number>({ max: MAX_REMEMBERED })

  constructor(announcements: AnnouncementKeys) {
    this.#announcements = announcements
  }

  get size(): number {
    return this.#records.size
  }

  /** Takes what the keys, the newest first, announce; the first ones if there are too many. */
  addAll(keys: readonly string[]): void {
    for (const key of keys) {
      const dated = this.#announcements.open(key)
      if (dated === undefined || !this.#announcements.isFresh(dated)) continue
      const { peerId } = dated.record
      const last = this.#lastAnnounced.get(peerId) ?? 0
      const known = this.#records.has(peerId)
      // Of two from the same moment the first one counts.
      if (dated.announced < last || (dated.announced === last && known)) continue
      if (!known && this.#records.size >= MAX_KNOWN) continue
      this.#lastAnnounced.set(peerId, dated.announced)
      this.#records.set(peerId, dated)
    }
  }

  /** Those that are fresh now. */
  records(): PeerRecord[] {
    for (const [peerId, dated] of this.#records) {
      if (!this.#announcements.isFresh(dated)) this.#records.delete(peerId)
    }
    return [...this.#records.values()].map(({ record }) => record)
  }

  forget(peerId: PeerId): void {
    this.#records.delete(peerId)
  }

  clear(): void {
    this.#records.clear()
  }
}
