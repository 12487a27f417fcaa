import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { errorMessage, isSwarmCacheError, SwarmCacheError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { PeerId, PeerRecord } from '../core/peer.ts'
import type { PeerKey, SwarmKeys } from '../identity/identity.ts'
import type { Upstream } from '../store/store.ts'
import { ANNOUNCEMENT_LIFE_MS, AnnouncementKeys } from './github-announcement.ts'
import { Holdoff } from './github-holdoff.ts'
import { KnownPeers } from './github-known-peers.ts'
import { LISTED_ENTRIES } from './github-listing.ts'
import type { CacheListing, ListedEntry } from './github-listing.ts'
import { ANNOUNCEMENT_PATH } from './github-lookup.ts'
import type { CacheLookup } from './github-lookup.ts'
import type { Registry, RegistryOptions, RegistryPace } from './registry.ts'

/** Ways to GitHub; what the job has no credentials for is undefined. */
export interface GithubRegistryParts {
  readonly keys: SwarmKeys
  /** Signs what this node announces. */
  readonly peerKey: Pick<PeerKey, 'sign'>
  readonly logger: Logger
  /** Writes entries: the client of the cache service. */
  readonly upstream?: Pick<Upstream, 'save'>
  readonly lookup?: CacheLookup
  readonly listing?: CacheListing
}

/** Settings of the registry. */
export interface GithubRegistryOptions {
  /** owner/name. */
  readonly repository: string
  /** Refs that this run trusts like its own: its own, its base, the default branch. */
  readonly readable: readonly string[]
  readonly now?: () => number
}

// 200 uploads and 1500 lookups a minute are all that the jobs of a repository have together.
const PACE: RegistryPace = {
  expiryMs: ANNOUNCEMENT_LIFE_MS,
  // Two fit into the life, so that one may be lost.
  heartbeatMs: 8 * 60_000,
  // Relays and observed addresses follow the first ones within seconds.
  settleMs: 30_000,
  spreadMs: 1_000,
  // The client of the cache service starts a process, packs a file and makes three requests.
  deadlineMs: 30_000,
}
// A newcomer needs one peer to dial; as many connected peers as this that are announced are enough for all.
const ENOUGH_ANNOUNCED = 8
// Whoever is alone looks often, whoever has company seldom.
const FIRST_LOOK_MS = 2_000
const SLOWEST_LOOK_ALONE_MS = 60_000
const SLOWEST_LOOK_FEW_MS = 2 * 60_000
const LOOK_AMONG_MANY_MS = 10 * 60_000
const MANY_PEERS = 4
const JITTER = 0.2
const LOOKUPS_PER_LOOK = 4
const MAX_TRUSTED_REFS = 3
const MAX_WITHDRAWN = 8
// Expired entries are removed a few at a time, by whoever may, not by all at once.
const SWEEP_EVERY_MS = 10 * 60_000
const SWEEP_GRACE_MS = 10 * 60_000
const MAX_SWEPT = 5

/**
 * Peers announce themselves through the repository's own cache on GitHub, with what a job has.
 *
 * An announcement is an entry of no content whose key carries the sealed record, so that looking needs no
 * download. With `actions: read` one request lists them all; without it the cache service names one at a time.
 * Few requests are made: fewer in company, none while GitHub asks to wait, and a runner that is connected to
 * enough announced peers does not announce itself.
 */
export class GithubRegistry implements Registry {
  readonly name: string
  readonly pace: RegistryPace = PACE
  readonly #parts: GithubRegistryParts
  readonly #readable: readonly string[]
  readonly #now: () => number
  readonly #announcements: AnnouncementKeys
  readonly #known: KnownPeers
  readonly #uploads: Holdoff
  /** Keys of entries that this process made. */
  readonly #made = new Map<PeerId, string[]>()
  readonly #told = new Set<string>()
  #looks = 0
  #nextLookAt = 0
  #nextSweepAt: number

  constructor(parts: GithubRegistryParts, options: GithubRegistryOptions) {
    this.name = `github:${options.repository}`
    this.#parts = parts
    this.#readable = options.readable.slice(0, MAX_TRUSTED_REFS)
    this.#now = options.now ?? Date.now
    this.#announcements = new AnnouncementKeys(parts.keys, this.#now)
    this.#known = new KnownPeers(this.#announcements)
    this.#uploads = new Holdoff(this.#now)
    this.#nextSweepAt = this.#now() + SWEEP_EVERY_MS * Math.random()
  }

  async announce(record: PeerRecord, options: RegistryOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    const { upstream } = this.#parts
    if (upstream === undefined || this.#uploads.ended) return
    if (record.role !== 'seeder' && this.#countAnnounced(options) >= ENOUGH_ANNOUNCED) return
    if (!this.#uploads.mayCall) {
      throw new SwarmCacheError('ERR_UPSTREAM', 'GitHub asked to wait before the next upload.')
    }
    const key = this.#announcements.seal(record, (bytes) => this.#parts.peerKey.sign(bytes))
    await this.#upload(upstream, key, options.signal)
    const made = this.#made.get(record.peerId) ?? []
    this.#made.set(record.peerId, [...made, key].slice(-MAX_WITHDRAWN))
  }

  async discover(options: RegistryOptions = {}): Promise<PeerRecord[]> {
    options.signal?.throwIfAborted()
    if (this.#now() >= this.#nextLookAt || options.connected === undefined) {
      this.#planNextLook(options.connected?.size ?? 0)
      await this.#look(options.signal)
    }
    return this.#known.records()
  }

  async withdraw(peerId: PeerId, options: RegistryOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    const { listing } = this.#parts
    const made = this.#made.get(peerId)
    this.#made.delete(peerId)
    this.#known.forget(peerId)
    if (listing === undefined || !listing.deleteHoldoff.mayCall) return
    const entries =
      made?.map((key) => ({ key })) ?? (await this.#entriesOf(listing, peerId, options.signal))
    for (const entry of entries) {
      if (!(await this.#delete(listing, entry, options.signal))) break
    }
  }

  /** GitHub tells nobody of changes. */
  watch(_onChange: () => void): () => void {
    return () => {}
  }

  #countAnnounced({ connected }: RegistryOptions): number {
    if (connected === undefined) return 0
    return this.#known.records().filter(({ peerId }) => connected.has(peerId)).length
  }

  #planNextLook(connected: number): void {
    const growingMs = FIRST_LOOK_MS * 2 ** Math.min(this.#looks, 20)
    const slowestMs = connected === 0 ? SLOWEST_LOOK_ALONE_MS : SLOWEST_LOOK_FEW_MS
    const waitMs = connected >= MANY_PEERS ? LOOK_AMONG_MANY_MS : Math.min(growingMs, slowestMs)
    this.#looks += 1
    this.#nextLookAt = this.#now() + waitMs * (1 + JITTER * (2 * Math.random() - 1))
  }

  /** Asks in the best way that is open; what cannot be asked now is not asked. */
  async #look(signal: AbortSignal | undefined): Promise<void> {
    const { listing, lookup, logger } = this.#parts
    if (listing?.mayList === true) {
      try {
        await this.#readListing(listing, signal)
        return
      } catch (error) {
        signal?.throwIfAborted()
        if (lookup === undefined || lookup.holdoff.ended) throw error
        const level = listing.listHoldoff.ended ? 'info' : 'debug'
        logger.log(
          level,
          "The repository's caches cannot be listed, so peers are looked up one at a time. With the permission actions: read one request would find them all.",
          { reason: errorMessage(error) },
        )
      }
    }
    if (lookup?.holdoff.mayCall === true) await this.#lookUp(lookup, signal)
  }

  async #readListing(listing: CacheListing, signal: AbortSignal | undefined): Promise<void> {
    const { prefix } = this.#announcements
    const newest = await listing.list(prefix, undefined, signal)
    const oldest = newest.at(-1)
    // Entries are valid for a while only, so that a full page need not hide any.
    const complete =
      newest.length < LISTED_ENTRIES ||
      (oldest !== undefined && oldest.created + ANNOUNCEMENT_LIFE_MS < this.#now())
    if (complete) this.#known.clear()
    const isTrusted = ({ ref }: ListedEntry): boolean => this.#readable.includes(ref)
    this.#known.addAll(newest.filter(isTrusted).map(({ key }) => key))
    if (!complete && this.#known.size < ENOUGH_ANNOUNCED) {
      // A flood from any other ref, such as pull requests, must not hide those whom this run trusts.
      for (const ref of this.#readable) {
        if (!listing.mayList) break
        const entries = await listing.list(prefix, ref, signal)
        this.#known.addAll(entries.map(({ key }) => key))
      }
    }
    this.#known.addAll(newest.filter((entry) => !isTrusted(entry)).map(({ key }) => key))
    await this.#sweep(listing, newest, signal)
  }

  async #lookUp(lookup: CacheLookup, signal: AbortSignal | undefined): Promise<void> {
    let places = this.#announcements.recentPlaces()
    for (let count = 0; count < LOOKUPS_PER_LOOK && places.length > 0; count += 1) {
      const key = await lookup.find(places, signal)
      if (key === undefined) return
      this.#known.addAll([key])
      // Each place names only its newest entry: the next question leaves out those that are known.
      const rest = places.filter((place) => !key.startsWith(place))
      if (rest.length === places.length) return
      places = rest
    }
  }

  async #upload(
    upstream: Pick<Upstream, 'save'>,
    key: string,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'swarmcache-announcement-'))
    try {
      await writeFile(join(folder, ANNOUNCEMENT_PATH), '')
      const options = { workingDirectory: folder, crossOs: true, signal }
      await upstream.save([ANNOUNCEMENT_PATH], key, options)
      this.#uploads.succeeded()
    } catch (error) {
      signal?.throwIfAborted()
      const reason = isSwarmCacheError(error, 'ERR_UPSTREAM') ? error.facts['reason'] : undefined
      if (reason === 'denied' || reason === 'unavailable') {
        this.#uploads.forbidden()
        this.#tellOnce(
          'Others cannot find this node, as the cache service lets it read only',
          error,
        )
        return
      }
      if (reason === 'rate-limit') this.#uploads.limited(askedWaitMs(error))
      else this.#uploads.failed()
      throw error
    } finally {
      await rm(folder, { recursive: true, force: true, maxRetries: 3 })
    }
  }

  async #entriesOf(
    listing: CacheListing,
    peerId: PeerId,
    signal: AbortSignal | undefined,
  ): Promise<ListedEntry[]> {
    if (!listing.mayList) return []
    const entries = await listing.list(this.#announcements.prefix, undefined, signal)
    return entries
      .filter(({ key }) => this.#announcements.open(key)?.record.peerId === peerId)
      .slice(0, MAX_WITHDRAWN)
  }

  /** Removes a few of the announcements that have expired, if the token may. */
  async #sweep(
    listing: CacheListing,
    entries: readonly ListedEntry[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    if (this.#now() < this.#nextSweepAt) return
    this.#nextSweepAt = this.#now() + SWEEP_EVERY_MS * (1 + JITTER * Math.random())
    const before = this.#now() - SWEEP_GRACE_MS
    const expired = entries.filter(({ key }) => {
      const expires = this.#announcements.open(key)?.record.expires
      return expires !== undefined && expires < before
    })
    // The oldest ones; those who sweep at the same time mostly begin elsewhere.
    const first = Math.floor(Math.random() * Math.max(1, expired.length - MAX_SWEPT + 1))
    for (const entry of expired.slice(first, first + MAX_SWEPT)) {
      if (!(await this.#delete(listing, entry, signal))) return
    }
  }

  /** False if no more should be deleted now. */
  async #delete(
    listing: CacheListing,
    entry: { id: number } | { key: string },
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    if (!listing.deleteHoldoff.mayCall) return false
    try {
      await listing.delete(entry, signal)
      return true
    } catch (error) {
      signal?.throwIfAborted()
      // What stays behind expires; GitHub drops it a week later.
      this.#parts.logger.log('debug', 'An announcement stays in the cache until GitHub drops it.', {
        reason: errorMessage(error),
      })
      return false
    }
  }

  #tellOnce(what: string, error: unknown): void {
    if (this.#told.has(what)) return
    this.#told.add(what)
    this.#parts.logger.log('info', `${what}: ${errorMessage(error)}`)
  }
}

/** What the client of the cache service repeats of a Retry-After header. */
function askedWaitMs(error: unknown): number | undefined {
  const seconds = /will reset in (\d{1,6}) seconds/.exec(errorMessage(error))?.[1]
  return seconds === undefined ? undefined : Number(seconds) * 1000
}
