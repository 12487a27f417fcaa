import { LRUCache } from 'lru-cache'
import { openFrame } from '../core/chunk.ts'
import type { Frame, SourcedFrame } from '../core/chunk.ts'
import type { Digest } from '../core/digest.ts'
import type { EntryName, EntryQuery, SignedEntry } from '../core/entry.ts'
import { bestMatch, foldKey, matchEntry } from '../core/entry-match.ts'
import type { EntryMatch } from '../core/entry-match.ts'
import { errorMessage, SwarmCacheError } from '../core/errors.ts'
import type { Inbox } from '../core/inbox.ts'
import { decodeManifest } from '../core/manifest.ts'
import { incompleteEntry, storeFull } from './store-fault.ts'
import { assertFrame, assertOwn, yieldsTo } from './store-input.ts'
import type { IndexedEntry, Store, StoreOptions, StoreReport, StoreUsage } from './store.ts'

const MAX_NEAR_MISSES = 5

/** Whose entries, and the bound. */
export interface MemoryStoreOptions {
  /** owner/name. */
  readonly repository: string
  /** Bound on frames and manifests together; what was not used for longest goes, and the entries that need it. */
  readonly limitBytes: number
  readonly verifyEntry?: (entry: SignedEntry) => boolean
  readonly now?: () => number
}

interface Held {
  readonly entry: SignedEntry
  readonly digests: readonly Digest[]
  lastUsed: number
  uses: number
}

interface Part {
  readonly bytes: Uint8Array
  /** Set for chunks, undefined for manifests. */
  readonly frame: Frame | undefined
}

/** A store that ends with its process. */
export class MemoryStore implements Store {
  readonly #options: MemoryStoreOptions
  readonly #now: () => number
  readonly #parts: LRUCache<Digest, Part>
  readonly #entries = new Map<string, Held>()
  /** Names of the entries that need a chunk or manifest. */
  readonly #needs = new Map<Digest, Set<string>>()
  #isClosed = false

  constructor(options: MemoryStoreOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#parts = new LRUCache({
      maxSize: options.limitBytes,
      sizeCalculation: (part) => part.bytes.length,
      disposeAfter: (_part, digest, reason) => {
        if (reason === 'evict') this.#dropEntriesOf(digest)
      },
    })
  }

  async has(digests: readonly Digest[]): Promise<boolean[]> {
    this.#assertOpen()
    // Asking counts as a use: a save that is told so relies on it.
    return digests.map((digest) => this.#parts.get(digest)?.frame !== undefined)
  }

  async get(
    digest: Digest,
    { signal }: StoreOptions = {},
  ): Promise<Pick<SourcedFrame, 'bytes' | 'tier'> | undefined> {
    this.#assertOpen()
    signal?.throwIfAborted()
    const frame = this.#parts.get(digest)?.frame
    return frame === undefined ? undefined : { bytes: frame.bytes, tier: 'memory' }
  }

  async put(frame: Frame, { signal }: StoreOptions = {}): Promise<void> {
    this.#assertOpen()
    signal?.throwIfAborted()
    assertFrame(frame.chunk, frame.bytes.length)
    if (this.#parts.get(frame.chunk.digest) !== undefined) return
    const bytes = new Uint8Array(frame.bytes)
    this.#keep(frame.chunk.digest, { bytes, frame: { ...frame, bytes } })
  }

  async inbox(): Promise<Inbox | undefined> {
    return undefined
  }

  async locate(): Promise<undefined> {
    this.#assertOpen()
  }

  async putAside(): Promise<undefined> {
    this.#assertOpen()
  }

  async getManifest(digest: Digest): Promise<Uint8Array | undefined> {
    this.#assertOpen()
    return this.#manifest(digest)
  }

  async putManifest(digest: Digest, bytes: Uint8Array): Promise<void> {
    this.#assertOpen()
    decodeManifest(bytes, digest)
    this.#keep(digest, { bytes, frame: undefined })
  }

  async addEntry(entry: SignedEntry): Promise<boolean> {
    this.#assertOpen()
    assertOwn(entry, this.#options.repository, this.#isTrusted)
    const name = nameOf(entry)
    const taken = this.#entries.get(name)?.entry
    if (taken !== undefined && !yieldsTo(taken, entry)) return false
    const bytes = this.#manifest(entry.manifest)
    if (bytes === undefined) {
      throw incompleteEntry(entry.key, `its manifest ${entry.manifest} is not stored`)
    }
    const { catalog, content } = decodeManifest(bytes, entry.manifest)
    const digests = [...new Set([...catalog, ...content].map((ref) => ref.digest))]
    for (const digest of digests) {
      if (this.#parts.get(digest) === undefined) {
        throw incompleteEntry(entry.key, `its chunk ${digest} is not stored`)
      }
    }
    const now = this.#now()
    this.#remove(name)
    this.#entries.set(name, {
      entry,
      digests: [entry.manifest, ...digests],
      lastUsed: now,
      uses: 0,
    })
    for (const digest of [entry.manifest, ...digests]) {
      const needs = this.#needs.get(digest) ?? new Set()
      this.#needs.set(digest, needs.add(name))
    }
    return true
  }

  async getEntry(name: EntryName): Promise<SignedEntry | undefined> {
    this.#assertOpen()
    return this.#entries.get(nameOf(name))?.entry
  }

  async findEntry(query: EntryQuery): Promise<EntryMatch<SignedEntry> | undefined> {
    this.#assertOpen()
    const match = bestMatch(this.#all(), query)
    const held = match === undefined ? undefined : this.#entries.get(nameOf(match.entry))
    if (held !== undefined) {
      held.uses += 1
      held.lastUsed = this.#now()
    }
    return match
  }

  async findNearMisses(query: EntryQuery): Promise<SignedEntry[]> {
    this.#assertOpen()
    return this.#all()
      .filter((entry) => foldKey(entry.key) === foldKey(query.key))
      .filter((entry) => matchEntry(entry, query) === undefined)
      .toSorted((a, b) => b.created - a.created)
      .slice(0, MAX_NEAR_MISSES)
  }

  async entries(): Promise<IndexedEntry[]> {
    this.#assertOpen()
    return [...this.#entries.values()]
      .map(({ entry, lastUsed, uses }) => ({ ...entry, lastUsed, uses }))
      .toSorted((a, b) => b.created - a.created)
  }

  async removeEntry(name: EntryName): Promise<void> {
    this.#assertOpen()
    this.#remove(nameOf(name))
  }

  async usage(): Promise<StoreUsage> {
    this.#assertOpen()
    return {
      bytes: this.#parts.calculatedSize,
      limitBytes: this.#options.limitBytes,
      chunks: this.#chunks().length,
      entries: this.#entries.size,
    }
  }

  async verify({
    signal,
    deep = false,
  }: StoreOptions & { readonly deep?: boolean } = {}): Promise<StoreReport> {
    this.#assertOpen()
    const problems: string[] = []
    for (const frame of deep ? this.#chunks() : []) {
      signal?.throwIfAborted()
      try {
        await openFrame(frame)
      } catch (error) {
        this.#parts.delete(frame.chunk.digest)
        this.#dropEntriesOf(frame.chunk.digest)
        problems.push(`${errorMessage(error)} It was removed, with the entries that need it.`)
      }
    }
    const chunks = this.#chunks().length
    return {
      chunks,
      manifests: this.#parts.size - chunks,
      entries: this.#entries.size,
      orphans: [...this.#parts.keys()].filter((digest) => !this.#needs.has(digest)).length,
      problems,
    }
  }

  /** Nothing is left to do: every `put` keeps the bound. */
  async evict({ signal }: StoreOptions = {}): Promise<void> {
    this.#assertOpen()
    signal?.throwIfAborted()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#entries.clear()
    this.#needs.clear()
    this.#parts.clear()
  }

  readonly #isTrusted = (entry: SignedEntry): boolean => this.#options.verifyEntry?.(entry) ?? true

  #manifest(digest: Digest): Uint8Array | undefined {
    const part = this.#parts.get(digest)
    return part === undefined || part.frame !== undefined ? undefined : part.bytes
  }

  #all(): SignedEntry[] {
    return [...this.#entries.values()].map(({ entry }) => entry)
  }

  #chunks(): Frame[] {
    return [...this.#parts.values()].flatMap(({ frame }) => (frame === undefined ? [] : [frame]))
  }

  #keep(digest: Digest, part: Part): void {
    this.#parts.set(digest, part)
    if (!this.#parts.has(digest)) {
      throw storeFull('in memory', part.bytes.length, this.#options.limitBytes)
    }
  }

  #dropEntriesOf(digest: Digest): void {
    for (const name of this.#needs.get(digest) ?? []) this.#remove(name)
  }

  #remove(name: string): void {
    const held = this.#entries.get(name)
    this.#entries.delete(name)
    for (const digest of held?.digests ?? []) {
      const needs = this.#needs.get(digest)
      needs?.delete(name)
      if (needs?.size === 0) this.#needs.delete(digest)
    }
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new SwarmCacheError('ERR_CLOSED', 'The store is closed.')
  }
}

function nameOf(name: EntryName): string {
  return JSON.stringify([name.repository, name.scope, name.version, foldKey(name.key)])
}
