import { encodePieces } from '../core/archive-part.ts'
import type { OfferedPart } from '../core/archive-part.ts'
import type { Frame, SourcedFrame } from '../core/chunk.ts'
import { digestOf } from '../core/digest.ts'
import type { Digest } from '../core/digest.ts'
import type { Entry, EntryQuery, NearMiss, SignedEntry } from '../core/entry.ts'
import { compareMatches, nearMissOf } from '../core/entry-match.ts'
import type { EntryMatch } from '../core/entry-match.ts'
import { SwarmCacheError, errorMessage, inputError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Inbox } from '../core/inbox.ts'
import { decodeManifest } from '../core/manifest.ts'
import type { ChunkRef } from '../core/manifest.ts'
import type { PeerId } from '../core/peer.ts'
import type { CheckEntry } from '../identity/identity.ts'
import { UNLED_TURN } from '../lease/lease.ts'
import type { Company, Leases, Turn, TurnOptions } from '../lease/lease.ts'
import type { FoundEntry } from '../router/router.ts'
import type { Store } from '../store/store.ts'
import type {
  FollowedPiece,
  FollowOptions,
  FollowRequest,
  ForgetOptions,
  ReadOptions,
  TierLookup,
  Tiers,
} from './cache.ts'
import { fetchManifest } from './fetch-manifest.ts'
import type { TierPeers } from './fetch-manifest.ts'
import { followArchive } from './followed-archive.ts'
import { readTiers } from './tier-reads.ts'
import type { VerifyFrame } from './tier-reads.ts'

/** What the tiers of a repository are made of. */
export interface NodeTiersParts {
  readonly store: Store
  /** Left out where no swarm is joined. */
  readonly peers?: TierPeers
  /** Without them every turn is the caller's. */
  readonly leases?: Leases
  /** Adds this node as the writer, and its signature. */
  readonly sign: (entry: Omit<Entry, 'writer'>) => SignedEntry
  /** Entries that fail it are neither used nor kept, wherever they come from. */
  readonly checkEntry: CheckEntry
  readonly logger: Logger
}

/** Settings of a repository's tiers. */
export interface NodeTiersOptions {
  readonly repository: string
  /** Whether the swarm is told what this node holds; a reader does not tell. True by default. */
  readonly provides?: boolean
  /** Whether only entries with an ID token will do. */
  readonly attested?: boolean
  /** Why the store keeps nothing beyond this request; a commit is refused with it. */
  readonly savesRefused?: string
}

interface Wait {
  readonly signal?: AbortSignal
}

// Enough to say why a key was missed; the rest would only fill the log.
const MAX_NEAR_MISSES = 8
const INDEX_UNREAD = 'The local index could not be read.'
// Holders are remembered from `find` until the chunks are read; one request needs one or two entries.
const MAX_REMEMBERED = 64
// Entries of the store that turn out to be unusable; seldom any, but for a store that was filled by other rules.
const MAX_DROPPED = 32

/** The tiers of a repository in this process: its store and, behind it, the peers of its swarm. */
export class NodeTiers implements Tiers {
  readonly #parts: NodeTiersParts
  readonly #repository: string
  readonly #provides: boolean
  readonly #attested: boolean
  readonly #savesRefused: string | undefined
  readonly #holders = new Map<Digest, readonly PeerId[]>()

  constructor(parts: NodeTiersParts, options: NodeTiersOptions) {
    this.#parts = parts
    this.#repository = options.repository
    this.#provides = options.provides ?? true
    this.#attested = options.attested ?? false
    this.#savesRefused = options.savesRefused
  }

  async find(asked: EntryQuery, { signal }: Wait = {}): Promise<TierLookup> {
    signal?.throwIfAborted()
    this.#assertOwn(asked.repository)
    const query = this.#attested ? { ...asked, attested: true } : asked
    const local = await this.#orWarn(INDEX_UNREAD, this.#findHere(query, signal), signal)
    if (local?.scopeRank === 0 && local.keyRank === 0) return { match: local, nearMisses: [] }
    const [found, near] = await Promise.all([
      this.#findAmongPeers(query, signal),
      local === undefined
        ? this.#orWarn(INDEX_UNREAD, this.#parts.store.findNearMisses(query))
        : undefined,
    ])
    signal?.throwIfAborted()
    if (found?.match !== undefined) this.#remember(found.match.entry.manifest, found.holders)
    const theirs = found?.match
    const match =
      local === undefined || (theirs !== undefined && compareMatches(theirs, local) < 0)
        ? theirs
        : local
    if (match !== undefined) return { match, nearMisses: [] }
    const nearMisses = (near ?? []).map((entry) => nearMissOf(entry, query))
    return { nearMisses: distinctNearMisses([...nearMisses, ...(found?.nearMisses ?? [])]) }
  }

  async readManifest(entry: SignedEntry, { signal }: Wait = {}): Promise<Uint8Array> {
    signal?.throwIfAborted()
    this.#assertOwn(entry.repository)
    const { store } = this.#parts
    const held = await this.#orWarn(
      'A stored manifest could not be read.',
      store.getManifest(entry.manifest),
    )
    if (held !== undefined) return held
    const known = this.#holders.get(entry.manifest) ?? []
    const fetched = await fetchManifest(this.#parts.peers, entry, known, signal)
    await this.#orWarn(
      'A manifest could not be stored.',
      store.putManifest(entry.manifest, fetched),
    )
    return fetched
  }

  async *readChunks(
    entry: SignedEntry,
    chunks: readonly ChunkRef[],
    options: ReadOptions = {},
  ): AsyncGenerator<SourcedFrame, void, void> {
    this.#assertOwn(entry.repository)
    const { store, peers, logger } = this.#parts
    const holders = this.#holders.get(entry.manifest) ?? []
    const fetch = peers?.transfer.fetchChunks.bind(peers.transfer)
    const parts = {
      store,
      logger,
      fetch:
        fetch &&
        ((missing: readonly ChunkRef[], stop: AbortSignal, verify?: VerifyFrame) =>
          fetch({ manifest: entry.manifest, chunks: missing, holders, verify }, { signal: stop })),
    }
    let left = chunks.length
    try {
      for await (const frame of readTiers(parts, chunks, options)) {
        left -= 1
        yield frame
      }
    } finally {
      // A consumer that has everything may not ask once more: what it got still makes this node a holder.
      if (left <= 0) await this.#orWarn('A fetched entry could not be indexed.', this.#adopt(entry))
    }
  }

  async has(digests: readonly Digest[]): Promise<boolean[]> {
    return await this.#parts.store.has(digests)
  }

  async put(frame: Frame): Promise<void> {
    await this.#parts.store.put(frame)
  }

  async inbox(): Promise<Inbox | undefined> {
    return await this.#parts.store.inbox()
  }

  async putManifest(digest: Digest, bytes: Uint8Array): Promise<void> {
    await this.#parts.store.putManifest(digest, bytes)
  }

  async commit(entry: Omit<Entry, 'writer'> | SignedEntry): Promise<boolean> {
    if (this.#savesRefused !== undefined) {
      throw new SwarmCacheError('ERR_STORE', this.#savesRefused)
    }
    const signed = await this.#signed(entry)
    const added = await this.#parts.store.addEntry(signed)
    if (added) this.#provide(signed)
    return added
  }

  async takeTurn(name: Digest, options: TurnOptions = {}): Promise<Turn> {
    options.signal?.throwIfAborted()
    const { leases } = this.#parts
    return leases === undefined ? UNLED_TURN : await leases.takeTurn(name, options)
  }

  async company(work: Digest): Promise<Company> {
    return this.#parts.leases?.company(work) ?? 'none'
  }

  async offerPart(work: Digest, { entry, ...part }: OfferedPart): Promise<boolean> {
    const manifest = encodePieces(part.pieces)
    if (digestOf(manifest) !== entry.manifest) {
      throw inputError('The entry of a part names another manifest than that of its pieces.')
    }
    const signed = await this.#signed(entry)
    return this.#parts.leases?.offer(work, { entry: signed, ...part }) ?? false
  }

  async *followArchive(
    request: FollowRequest,
    options: FollowOptions,
  ): AsyncGenerator<FollowedPiece, void, void> {
    const { store, leases, peers, checkEntry, logger } = this.#parts
    if (leases === undefined) throw new SwarmCacheError('ERR_PEER', 'Nobody else works on it.')
    const forged = (peerId: PeerId, reason: string): void =>
      peers?.router.failed(peerId, reason, true)
    const parts = { store, leases, transfer: peers?.transfer, checkEntry, forged, logger }
    yield* followArchive(parts, this.#repository, request, options)
  }

  async forget(entry: SignedEntry, { malformed = false }: ForgetOptions = {}): Promise<void> {
    this.#assertOwn(entry.repository)
    if (malformed) this.#blame(entry)
    this.#holders.delete(entry.manifest)
    const held = await this.#parts.store.getEntry(entry)
    if (held?.manifest !== entry.manifest) return
    await this.#parts.store.removeEntry(entry)
    if (this.#provides) await this.#parts.peers?.router.withdraw(entry)
  }

  async #signed(entry: Omit<Entry, 'writer'> | SignedEntry): Promise<SignedEntry> {
    this.#assertOwn(entry.repository)
    const signed = 'signature' in entry ? entry : this.#parts.sign(entry)
    const verdict = await this.#parts.checkEntry(signed)
    if (verdict.trusted) return signed
    throw new SwarmCacheError(
      'ERR_PROOF',
      `"${entry.key}" is not saved for the peers, which would refuse it: ${verdict.reason}.`,
      { facts: { key: entry.key, scope: entry.scope } },
    )
  }

  /** The signature proves who made it; whoever offered it may have been deceived as this node was. */
  #blame({ key, writer, manifest }: SignedEntry): void {
    const router = this.#parts.peers?.router
    for (const peerId of this.#holders.get(manifest) ?? []) {
      if (peerId !== writer) router?.failed(peerId, `it offered "${key}", which is malformed`)
    }
    router?.failed(writer, `it signed the entry "${key}", which is malformed`, true)
  }

  /** The best entry of the store that is to be believed; what nobody will ever believe is dropped. */
  async #findHere(
    query: EntryQuery,
    signal: AbortSignal | undefined,
  ): Promise<EntryMatch<SignedEntry> | undefined> {
    const { store, logger } = this.#parts
    for (let dropped = 0; dropped < MAX_DROPPED; dropped += 1) {
      const match = await store.findEntry(query)
      if (match === undefined) return undefined
      const verdict = await this.#parts.checkEntry(match.entry, { signal })
      if (verdict.trusted) return match
      const { key, scope, writer } = match.entry
      const { reason, why } = verdict
      logger.log('warning', `The stored entry "${key}" is not used: ${reason}.`, { scope, writer })
      if (why !== 'forged') return undefined
      await this.forget(match.entry)
    }
    return undefined
  }

  async #findAmongPeers(
    query: EntryQuery,
    signal: AbortSignal | undefined,
  ): Promise<FoundEntry | undefined> {
    const { peers } = this.#parts
    if (peers === undefined) return undefined
    return await this.#orWarn(
      'The peers could not be asked.',
      peers.router.find(query, { signal }),
      signal,
    )
  }

  /** Makes this node a holder of an entry of which everything is stored by now. */
  async #adopt(entry: SignedEntry): Promise<void> {
    const { store } = this.#parts
    const known = await store.getEntry(entry)
    if (known !== undefined) return
    const encoded = await store.getManifest(entry.manifest)
    if (encoded === undefined) return
    const manifest = decodeManifest(encoded, entry.manifest)
    const digests = new Set([...manifest.catalog, ...manifest.content].map((ref) => ref.digest))
    const held = await store.has([...digests])
    if (!held.every(Boolean)) return
    const verdict = await this.#parts.checkEntry(entry)
    if (!verdict.trusted) {
      this.#parts.logger.log('warning', `"${entry.key}" is not kept: ${verdict.reason}.`)
      return
    }
    if (await store.addEntry(entry)) this.#provide(entry)
  }

  #provide(entry: SignedEntry): void {
    if (this.#provides) this.#parts.peers?.router.provide(entry)
  }

  #remember(manifest: Digest, holders: readonly PeerId[]): void {
    this.#holders.delete(manifest)
    this.#holders.set(manifest, holders)
    if (this.#holders.size <= MAX_REMEMBERED) return
    const [oldest] = this.#holders.keys()
    if (oldest !== undefined) this.#holders.delete(oldest)
  }

  /** Faults of the disk and of peers are misses with a warning; an abort passes. */
  async #orWarn<T>(
    warning: string,
    work: Promise<T>,
    signal?: AbortSignal,
  ): Promise<T | undefined> {
    try {
      return await work
    } catch (error) {
      signal?.throwIfAborted()
      this.#parts.logger.log('warning', warning, { reason: errorMessage(error) })
      return undefined
    }
  }

  #assertOwn(repository: string): void {
    if (repository === this.#repository) return
    throw inputError(
      `A request for ${repository} reached the tiers of ${this.#repository}. Ask the node for the tiers of that repository.`,
      { repository },
    )
  }
}

function distinctNearMisses(nearMisses: readonly NearMiss[]): NearMiss[] {
  const byName = new Map(nearMisses.map((miss) => [JSON.stringify(miss), miss]))
  return [...byName.values()].slice(0, MAX_NEAR_MISSES)
}
