import type { OfferedPart } from '../core/archive-part.ts'
import type { SourcedFrame, Frame } from '../core/chunk.ts'
import type { Digest } from '../core/digest.ts'
import type { Entry, EntryQuery, SignedEntry } from '../core/entry.ts'
import type { Inbox } from '../core/inbox.ts'
import type { ChunkRef } from '../core/manifest.ts'
import type { Company, Turn, TurnOptions } from '../lease/lease.ts'
import type {
  FollowedPiece,
  FollowOptions,
  FollowRequest,
  ForgetOptions,
  ReadOptions,
  TierLookup,
  Tiers,
} from './cache.ts'

interface Wait {
  readonly signal?: AbortSignal
}

/** What the tiers of a request are made of. */
export interface LazyTiersParts {
  readonly open: (options: Wait) => Promise<Tiers>
  /** Signs here instead of in the node, for a job whose ID token must be of no use to others on the machine. */
  readonly sign?: (entry: Omit<Entry, 'writer'>) => Promise<SignedEntry>
}

/** Tiers that are opened with the first call: what fails before it (bad input) costs no node. */
export class LazyTiers implements Tiers {
  readonly #open: (options: Wait) => Promise<Tiers>
  readonly #sign: LazyTiersParts['sign']
  #opened: Promise<Tiers> | undefined

  constructor(parts: LazyTiersParts) {
    this.#open = parts.open
    this.#sign = parts.sign
  }

  async find(query: EntryQuery, options?: Wait): Promise<TierLookup> {
    return await (await this.#tiers(options)).find(query, options)
  }

  async readManifest(entry: SignedEntry, options?: Wait): Promise<Uint8Array> {
    return await (await this.#tiers(options)).readManifest(entry, options)
  }

  async *readChunks(
    entry: SignedEntry,
    chunks: readonly ChunkRef[],
    options?: ReadOptions,
  ): AsyncIterable<SourcedFrame> {
    yield* (await this.#tiers(options)).readChunks(entry, chunks, options)
  }

  async has(digests: readonly Digest[]): Promise<boolean[]> {
    return await (await this.#tiers()).has(digests)
  }

  async put(frame: Frame): Promise<void> {
    await (await this.#tiers()).put(frame)
  }

  async inbox(): Promise<Inbox | undefined> {
    return await (await this.#tiers()).inbox()
  }

  async putManifest(digest: Digest, bytes: Uint8Array): Promise<void> {
    await (await this.#tiers()).putManifest(digest, bytes)
  }

  async commit(entry: Omit<Entry, 'writer'> | SignedEntry): Promise<boolean> {
    return await (await this.#tiers()).commit(await this.#signed(entry))
  }

  async takeTurn(name: Digest, options?: TurnOptions): Promise<Turn> {
    return await (await this.#tiers(options)).takeTurn(name, options)
  }

  async company(work: Digest): Promise<Company> {
    return await (await this.#tiers()).company(work)
  }

  async offerPart(work: Digest, { entry, ...part }: OfferedPart): Promise<boolean> {
    const signed = await this.#signed(entry)
    return await (await this.#tiers()).offerPart(work, { entry: signed, ...part })
  }

  async *followArchive(
    request: FollowRequest,
    options: FollowOptions,
  ): AsyncIterable<FollowedPiece> {
    yield* (await this.#tiers(options)).followArchive(request, options)
  }

  async forget(entry: SignedEntry, options?: ForgetOptions): Promise<void> {
    await (await this.#tiers()).forget(entry, options)
  }

  async #signed(
    entry: Omit<Entry, 'writer'> | SignedEntry,
  ): Promise<Omit<Entry, 'writer'> | SignedEntry> {
    return 'signature' in entry || this.#sign === undefined ? entry : await this.#sign(entry)
  }

  /** A failed opening is tried again with the next call. */
  async #tiers(options: Wait = {}): Promise<Tiers> {
    this.#opened ??= this.#open(options).catch((error: unknown) => {
      this.#opened = undefined
      throw error
    })
    return await this.#opened
  }
}
