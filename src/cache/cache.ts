import type { OfferedPart } from '../core/archive-part.ts'
import type { BytesByTier, Frame, SourcedFrame } from '../core/chunk.ts'
import type { Digest } from '../core/digest.ts'
import type { Entry, EntryQuery, NearMiss, SignedEntry } from '../core/entry.ts'
import type { EntryMatch } from '../core/entry-match.ts'
import type { Inbox } from '../core/inbox.ts'
import type { ChunkRef } from '../core/manifest.ts'
import type { Company, Turn, TurnOptions } from '../lease/lease.ts'

export type { RequestScope } from '../core/request-scope.ts'

/** Bytes and peers while a request runs. */
export interface CacheProgress {
  readonly phase: 'lookup' | 'transfer' | 'upstream' | 'pack'
  readonly bytes: number
  readonly totalBytes?: number
  readonly peers: number
}

/** Options of every request. */
export interface CacheOptions {
  readonly signal?: AbortSignal
  /** The folder that relative paths are relative to; the process's own by default. */
  readonly workingDirectory?: string
  readonly crossOs?: boolean
  readonly onProgress?: (progress: CacheProgress) => void
}

/** The answer to a restore. */
export interface RestoreResult {
  readonly hit: 'exact' | 'prefix' | 'miss'
  readonly key: string
  readonly matchedKey?: string
  readonly scope?: string
  readonly files: number
  /** Files that were in place already. */
  readonly skipped: number
  /** Plain bytes by where they came from. */
  readonly bytes: BytesByTier
  /** Number of peers that served bytes. */
  readonly peers: number
  readonly milliseconds: number
}

/** The answer to a save. */
export interface SaveResult {
  readonly saved: boolean
  readonly reason?: string
  readonly key: string
  readonly scope: string
  readonly digest?: Digest
  readonly files: number
  readonly bytes: { readonly content: number; readonly new: number; readonly stored: number }
  readonly chunks: { readonly total: number; readonly new: number }
  readonly milliseconds: number
}

/** Restores and saves trees under keys; faults of peers, disk, network and upstream become warnings and misses. */
export interface Cache {
  /** @throws ERR_INPUT for bad keys or paths; nothing else, but the signal's reason on abort. */
  restore(
    paths: readonly string[],
    key: string,
    restoreKeys?: readonly string[],
    options?: CacheOptions & { readonly lookupOnly?: boolean },
  ): Promise<RestoreResult>
  /** @throws ERR_INPUT for a bad key or paths, ERR_PATH for paths that match nothing or cannot be read. */
  save(paths: readonly string[], key: string, options?: CacheOptions): Promise<SaveResult>
  /** Waits for what goes on in the background (indexing, upstream copies) until the signal aborts. */
  settle(options?: { readonly signal?: AbortSignal }): Promise<void>
}

/** The bytes of a blob, whole or as they come. */
export type BlobContent = Uint8Array | AsyncIterable<Uint8Array>

/** A blob that was found; its bytes are read when asked for. */
export interface StoredBlob {
  readonly key: string
  readonly hit: 'exact' | 'prefix'
  readonly bytes: number
  /** Verified bytes in order, with bounded buffering; rejects if a part can be had nowhere. */
  stream(options?: BlobOptions): AsyncIterable<Uint8Array>
}

/** A wait that can be ended. */
export interface BlobOptions {
  readonly signal?: AbortSignal
}

/** Single blobs under keys, in the same tiers and scopes as trees. */
export interface Blobs {
  /** The blob of a key, or the newest with a restore key as prefix; undefined if there is none. */
  get(
    key: string,
    restoreKeys?: readonly string[],
    options?: BlobOptions,
  ): Promise<StoredBlob | undefined>
  /** Stores a blob; false if the key is taken in the own scope. */
  put(key: string, content: BlobContent, options?: BlobOptions): Promise<boolean>
}

/** A lookup in the local index and among the peers. */
export interface TierLookup {
  readonly match?: EntryMatch<SignedEntry>
  readonly nearMisses: readonly NearMiss[]
}

/** Options of reading chunks. */
export interface ReadOptions {
  readonly signal?: AbortSignal
  /**
   * Frames from peers come as they arrive, before anybody opened them, so that each is opened only once; the
   * reader must call `settle` of every frame that has it.
   */
  readonly unopened?: boolean
  /** With `unopened`: frames that lie in a file of this machine come as their `place` there. */
  readonly placed?: boolean
}

/** A download that another works on, and from where on its bytes are wanted. */
export interface FollowRequest {
  /** The name of the turn in which it is done. */
  readonly work: Digest
  /** Whose word counts for what is in it, and the key under which the upstream has it. */
  readonly scope: string
  readonly key: string
  /** Number of the first piece. */
  readonly first: number
  /** Pieces that lie in a file of this machine come as their `place` there, which need not be settled. */
  readonly placed?: boolean
}

/** A piece of an archive that another downloads. */
export interface FollowedPiece extends SourcedFrame {
  readonly archiveBytes: number
}

/** How a download is followed. */
export interface FollowOptions {
  readonly signal: AbortSignal
  /** Called when pieces come in, a few times a second at most: they may be some that are handed over later. */
  readonly onArrival?: () => void
}

/** Why an entry is forgotten. */
export interface ForgetOptions {
  /** What its writer signed contradicts itself: the writer is to be avoided. */
  readonly malformed?: boolean
}

/**
 * Entries and chunks of one repository in every tier but the upstream: the local store and the peers.
 *
 * It may live in another process (a node behind its control socket), so everything crosses as plain data and streams.
 */
export interface Tiers {
  find(query: EntryQuery, options?: { readonly signal?: AbortSignal }): Promise<TierLookup>
  /** Encoded manifest of an entry that `find` returned, verified; rejects if nobody has it. */
  readManifest(entry: SignedEntry, options?: { readonly signal?: AbortSignal }): Promise<Uint8Array>
  /** Frames of chunks (no digest twice) of that entry, in any order, from the nearest tier; rejects once one is nowhere. */
  readChunks(
    entry: SignedEntry,
    chunks: readonly ChunkRef[],
    options?: ReadOptions,
  ): AsyncIterable<SourcedFrame>
  has(digests: readonly Digest[]): Promise<boolean[]>
  put(frame: Frame): Promise<void>
  /** Where this process may write new chunks as files, instead of a `put` of each; undefined if it cannot. */
  inbox(): Promise<Inbox | undefined>
  putManifest(digest: Digest, bytes: Uint8Array): Promise<void>
  /**
   * Signs unless that has been done, indexes and announces; false if the name is taken.
   *
   * @throws ERR_PROOF if other peers would not believe the entry.
   */
  commit(entry: Omit<Entry, 'writer'> | SignedEntry): Promise<boolean>
  /** The turn for work that one of all who share this repository's swarm or node does for the others. */
  takeTurn(name: Digest, options?: TurnOptions): Promise<Turn>
  /** Whether there are others for whom the work of a turn is done. */
  company(work: Digest): Promise<Company>
  /**
   * Offers pieces of an archive, which have been put, to those who wait for the turn of `work`; signs unless that has
   * been done. False if there is no room for more.
   *
   * @throws ERR_PROOF if other peers would not believe it.
   */
  offerPart(work: Digest, part: OfferedPart): Promise<boolean>
  /**
   * The pieces in order, as whoever has the turn offers them; ends with the archive. Waits without end for what
   * nobody offers or supplies; rejects with ERR_PROOF if what is offered is not to be believed.
   */
  followArchive(request: FollowRequest, options: FollowOptions): AsyncIterable<FollowedPiece>
  /** Forgets an entry whose content turned out to be damaged or gone. */
  forget(entry: SignedEntry, options?: ForgetOptions): Promise<void>
}
