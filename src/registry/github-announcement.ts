import type { PeerRecord } from '../core/peer.ts'
import { SHORT_SEALED_LENGTH } from '../identity/identity.ts'
import type { DatedRecord, PeerKey, SwarmKeys } from '../identity/identity.ts'

// A cache key of at most 512 characters, without a comma, is the whole announcement:
//   swarmcache-peers-<24 hex: place of the swarm>-<epoch, base 36>-<slot>-<sealed record>
// The cache service answers a prefix with the newest key alone. Slots, chosen at random, let several questions find
// several peers; epochs keep what has expired, which stays for days, out of the answers.
const HEAD = 'swarmcache-peers-'
const PLACE_CHARACTERS = 24
const PLACE_PATTERN = /^([0-9a-z]{1,8}-[0-9]-)(.+)$/s
/** With the epoch of now and the one before: ten prefixes, as many as one question may name. */
const SLOTS = 5
/** How long an announcement stays valid; as long as an epoch, so that a valid one is in one of the last two. */
export const ANNOUNCEMENT_LIFE_MS: number = 20 * 60_000
// A record that would live for ever is no announcement.
const LONGEST_LIFE_MS = 3 * ANNOUNCEMENT_LIFE_MS
// Machines of one fleet disagree by seconds; more than this is a wrong clock.
const MAX_CLOCK_SKEW_MS = 5 * 60_000

/** Turns peer records into keys of cache entries, and back. */
export class AnnouncementKeys {
  /** What every announcement of the swarm starts with. */
  readonly prefix: string
  readonly #keys: SwarmKeys
  readonly #now: () => number

  constructor(keys: SwarmKeys, now: () => number) {
    this.prefix = `${HEAD}${keys.place.slice(0, PLACE_CHARACTERS)}-`
    this.#keys = keys
    this.#now = now
  }

  /** Prefixes under which announcements that may still be valid are, in an order that differs each time. */
  recentPlaces(): string[] {
    const epoch = this.#epoch()
    const first = Math.floor(Math.random() * SLOTS)
    const slots = Array.from({ length: SLOTS }, (_, index) => (first + index) % SLOTS)
    return [epoch, epoch - 1].flatMap((each) => slots.map((slot) => this.#place(each, slot)))
  }

  /** The key that announces a record; `sign` is its peer's. */
  seal(record: PeerRecord, sign: PeerKey['sign']): string {
    const place = this.#place(this.#epoch(), Math.floor(Math.random() * SLOTS))
    return place + this.#keys.sealShort({ record, announced: this.#now() }, place, sign)
  }

  /** The record that a key announces, fresh or not; undefined if it was not made for this swarm by the peer itself. */
  open(key: string): DatedRecord | undefined {
    if (!key.startsWith(this.prefix)) return undefined
    const [, place, sealed] = PLACE_PATTERN.exec(key.slice(this.prefix.length)) ?? []
    if (place === undefined || sealed?.length !== SHORT_SEALED_LENGTH) return undefined
    return this.#keys.openShort(sealed, this.prefix + place)
  }

  /** True if the record is valid now, as far as clocks that differ a little can tell. */
  isFresh({ record, announced }: DatedRecord): boolean {
    const now = this.#now()
    const lifeMs = record.expires - announced
    return record.expires > now && announced <= now + MAX_CLOCK_SKEW_MS && lifeMs <= LONGEST_LIFE_MS
  }

  #epoch(): number {
    return Math.floor(this.#now() / ANNOUNCEMENT_LIFE_MS)
  }

  #place(epoch: number, slot: number): string {
    return `${this.prefix}${epoch.toString(36)}-${slot}-`
  }
}
