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

  /** Takes what keys from refs that this run trusts announce; the first ones if there are too many. */
  addTrusted(keys: readonly string[]): void {
    for (const dated of this.#freshOnes(keys)) {
      const { peerId } = dated.record
      const last = this.#lastAnnounced.get(peerId) ?? 0
      // Keys come newest first: of two from the same moment the first one counts.
      if (dated.announced < last) continue
      if (dated.announced === last && this.#records.has(peerId)) continue
      this.#lastAnnounced.set(peerId, dated.announced)
      this.#add(dated)
    }
  }

  /** Takes what keys from other refs announce of peers that no trusted one names. */
  addOthers(keys: readonly string[]): void {
    for (const dated of this.#freshOnes(keys)) {
      const { peerId } = dated.record
      const known = this.#records.get(peerId)
      if (this.#lastAnnounced.has(peerId) && known !== undefined) continue
      if (known === undefined || known.announced < dated.announced) this.#add(dated)
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

  #freshOnes(keys: readonly string[]): DatedRecord[] {
    return keys
      .map((key) => this.#announcements.open(key))
      .filter((dated) => dated !== undefined && this.#announcements.isFresh(dated)) as DatedRecord[]
  }

  #add(dated: DatedRecord): void {
    const { peerId } = dated.record
    if (this.#records.size < MAX_KNOWN || this.#records.has(peerId))
      this.#records.set(peerId, dated)
  }
}
