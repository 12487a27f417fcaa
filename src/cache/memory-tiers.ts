import { pieceCount } from '../core/archive-part.ts'
import type { OfferedPart } from '../core/archive-part.ts'
import type { Frame, SourcedFrame } from '../core/chunk.ts'
import type { Digest } from '../core/digest.ts'
import { digestOf } from '../core/digest.ts'
import { entryDigest } from '../core/entry.ts'
import type { Entry, EntryQuery, SignedEntry } from '../core/entry.ts'
import { bestMatch, foldKey, nearMissOf } from '../core/entry-match.ts'
import { SwarmCacheError } from '../core/errors.ts'
import type { Inbox } from '../core/inbox.ts'
import type { ChunkRef } from '../core/manifest.ts'
import { UNLED_TURN } from '../lease/lease.ts'
import type { Company, Leases, Turn, TurnOptions } from '../lease/lease.ts'
import type {
  FollowedPiece,
  FollowOptions,
  FollowRequest,
  ReadOptions,
  TierLookup,
  Tiers,
} from './cache.ts'

interface Wait {
  readonly signal?: AbortSignal
}

/** What tiers in memory work with. */
export interface MemoryTiersParts {
  readonly sign: (entry: Omit<Entry, 'writer'>) => SignedEntry
  /** Without them every turn is the caller's. */
  readonly leases?: Leases
}

/** Tiers that forget everything with the process: one unbounded map of each kind and no peers. */
export class MemoryTiers implements Tiers {
  readonly #sign: MemoryTiersParts['sign']
  readonly #leases: Leases | undefined
  readonly #entries = new Map<Digest, SignedEntry>()
  readonly #manifests = new Map<Digest, Uint8Array>()
  readonly #frames = new Map<Digest, Uint8Array>()

  constructor(parts: MemoryTiersParts) {
    this.#sign = parts.sign
    this.#leases = parts.leases
  }

  async find(query: EntryQuery, { signal }: Wait = {}): Promise<TierLookup> {
    signal?.throwIfAborted()
    const entries = [...this.#entries.values()]
    const match = bestMatch(entries, query)
    if (match !== undefined) return { match, nearMisses: [] }
    const near = entries.filter((entry) => foldKey(entry.key) === foldKey(query.key))
    return { nearMisses: near.map((entry) => nearMissOf(entry, query)) }
  }

  async readManifest(entry: SignedEntry, { signal }: Wait = {}): Promise<Uint8Array> {
    signal?.throwIfAborted()
    const bytes = this.#manifests.get(entry.manifest)
    if (bytes === undefined) throw missing(`The manifest ${entry.manifest}`)
    return bytes
  }

  async *readChunks(
    _entry: SignedEntry,
    chunks: readonly ChunkRef[],
    { signal }: ReadOptions = {},
  ): AsyncGenerator<SourcedFrame, void, void> {
    for (const chunk of chunks) {
      signal?.throwIfAborted()
      const bytes = this.#frames.get(chunk.digest)
      if (bytes === undefined) throw missing(`The chunk ${chunk.digest}`)
      yield { chunk, bytes, tier: 'memory' }
    }
  }

  async has(digests: readonly Digest[]): Promise<boolean[]> {
    return digests.map((digest) => this.#frames.has(digest))
  }

  async put(frame: Frame): Promise<void> {
    if (!this.#frames.has(frame.chunk.digest)) this.#frames.set(frame.chunk.digest, frame.bytes)
  }

  async inbox(): Promise<Inbox | undefined> {
    return undefined
  }

  async putManifest(digest: Digest, bytes: Uint8Array): Promise<void> {
    if (digestOf(bytes) !== digest) {
      throw new SwarmCacheError(
        'ERR_INTEGRITY',
        `The manifest ${digest} is not what its name says.`,
      )
    }
    this.#manifests.set(digest, bytes)
  }

  async commit(entry: Omit<Entry, 'writer'> | SignedEntry): Promise<boolean> {
    const name = entryDigest(entry)
    if (this.#entries.has(name)) return false
    this.#entries.set(name, 'signature' in entry ? entry : this.#sign(entry))
    return true
  }

  async takeTurn(name: Digest, options: TurnOptions = {}): Promise<Turn> {
    options.signal?.throwIfAborted()
    return this.#leases === undefined ? UNLED_TURN : await this.#leases.takeTurn(name, options)
  }

  async company(work: Digest): Promise<Company> {
    return this.#leases?.company(work) ?? 'none'
  }

  async offerPart(work: Digest, { entry, ...part }: OfferedPart): Promise<boolean> {
    const signed = 'signature' in entry ? entry : this.#sign(entry)
    return this.#leases?.offer(work, { entry: signed, ...part }) ?? false
  }

  async *followArchive(
    { work, first }: FollowRequest,
    { signal, onArrival }: FollowOptions,
  ): AsyncGenerator<FollowedPiece, void, void> {
    if (this.#leases === undefined) throw missing('What another downloads')
    let next = first
    for await (const { part } of this.#leases.follow(work, first, signal)) {
      const { archiveBytes } = part
      for (const chunk of part.pieces.slice(Math.max(0, next - part.first))) {
        const bytes = this.#frames.get(chunk.digest)
        if (bytes === undefined) throw missing(`The chunk ${chunk.digest}`)
        next += 1
        onArrival?.()
        yield { chunk, bytes, tier: 'memory', archiveBytes }
      }
      if (next >= pieceCount(archiveBytes)) return
    }
  }

  async forget(entry: SignedEntry): Promise<void> {
    const name = entryDigest(entry)
    if (this.#entries.get(name)?.manifest === entry.manifest) this.#entries.delete(name)
  }
}

function missing(what: string): SwarmCacheError {
  return new SwarmCacheError('ERR_STORE', `${what} is not held in memory.`)
}
