import type { Frame, FramePlace, StoredFrame } from '../core/chunk.ts'
import type { Digest } from '../core/digest.ts'
import type { EntryName, EntryQuery, SignedEntry } from '../core/entry.ts'
import type { EntryMatch } from '../core/entry-match.ts'
import type { Inbox } from '../core/inbox.ts'

/** A wait that can be ended. */
export interface StoreOptions {
  readonly signal?: AbortSignal
}

/** Space that this repository uses; its bound may be shared with others of the same home. */
export interface StoreUsage {
  readonly bytes: number
  readonly limitBytes: number
  readonly chunks: number
  readonly entries: number
}

/** What a check of everything stored found; damaged parts have been taken out of use. */
export interface StoreReport {
  readonly chunks: number
  readonly manifests: number
  readonly entries: number
  /** Chunks and manifests that no entry needs (yet, or any more); the next clean-up takes the old ones. */
  readonly orphans: number
  /** One line for each thing found wrong: what, where, and what was done. */
  readonly problems: readonly string[]
}

/** An entry as the index lists it. */
export interface IndexedEntry extends SignedEntry {
  /** Milliseconds since the epoch. */
  readonly lastUsed: number
  readonly uses: number
}

/** A frame that lies in the store's care without being part of it, until it is kept or dropped. */
export interface AsideFrame {
  readonly place: FramePlace
  /** Makes it a stored chunk: it has been verified. @throws ERR_STORE; it is gone then. */
  keep(): Promise<void>
  /** Deletes it; nothing happens if it was kept or dropped before. */
  drop(): void
}

/**
 * Chunks, manifests and entries of one repository on this machine, bounded in bytes.
 *
 * Chunks and manifests are immutable and named by digest. Frames are handed out as they were put in,
 * checked against damage since then (not against their digest: whoever opens a frame does that).
 * A damaged one is a miss, taken out of use and reported.
 */
export interface Store {
  /** Which chunks are held, in the order asked. */
  has(digests: readonly Digest[]): Promise<boolean[]>
  /** The frame of a chunk and the tier that had it, or undefined. */
  get(digest: Digest, options?: StoreOptions): Promise<StoredFrame | undefined>
  /**
   * Keeps a frame that the caller has verified; nothing happens if the chunk is held already. Once it resolves
   * the bytes are the caller's alone again.
   *
   * @throws ERR_STORE if it cannot be written, or nothing may be dropped to make room for it.
   */
  put(frame: Frame, options?: StoreOptions): Promise<void>
  /** Where frames that the caller has verified may be written as files; undefined if the store keeps none. */
  inbox(): Promise<Inbox | undefined>
  /**
   * Where the frames of chunks lie, in the order asked, undefined for what is not held; like chunks that `has` found
   * they stay for a while. What is in the files is not checked. A store without files has no answer at all.
   */
  locate(digests: readonly Digest[]): Promise<(FramePlace | undefined)[] | undefined>
  /**
   * Writes a frame that nobody has verified to a file that is no chunk's; undefined from a store without files.
   *
   * @throws as `put`.
   */
  putAside(frame: Frame, options?: StoreOptions): Promise<AsideFrame | undefined>
  /** Encoded manifest by digest, verified, or undefined. */
  getManifest(digest: Digest): Promise<Uint8Array | undefined>
  /** @throws ERR_INTEGRITY if the bytes are not a manifest of that digest; else as `put`. */
  putManifest(digest: Digest, bytes: Uint8Array): Promise<void>
  /**
   * Adds an entry whose manifest and chunks are stored; false if its name is taken (the first writer wins;
   * keys that differ only in case are one name). Only one without an ID token yields, to one with.
   *
   * @throws ERR_STORE if the manifest or a chunk is not stored, or the entry is not one of this repository.
   */
  addEntry(entry: SignedEntry): Promise<boolean>
  getEntry(name: EntryName): Promise<SignedEntry | undefined>
  /** The best answer by GitHub's rules. Counts as a use of the entry. */
  findEntry(query: EntryQuery): Promise<EntryMatch<SignedEntry> | undefined>
  /** Entries with the query's key (exactly) under another version or in another scope; a bounded number. */
  findNearMisses(query: EntryQuery): Promise<SignedEntry[]>
  entries(): Promise<IndexedEntry[]>
  /** Forgets an entry; its chunks go with the next clean-up, unless another entry needs them. */
  removeEntry(name: EntryName): Promise<void>
  usage(): Promise<StoreUsage>
  /** Reads and checks everything; `deep` also opens every frame against its digest. */
  verify(options?: StoreOptions & { readonly deep?: boolean }): Promise<StoreReport>
  /** Brings the store within its bound; called by the store itself as it grows. */
  evict(options?: StoreOptions): Promise<void>
  close(): Promise<void>
}

/** What an upstream restored. */
export interface UpstreamHit {
  readonly key: string
}

/**
 * The cache service behind the peers. It reads and writes the files of the declared paths itself.
 *
 * Failures reject with ERR_UPSTREAM saying what the service answered; callers turn them into a warning and a miss.
 */
export interface Upstream {
  /** What a restore would bring, without bringing it. */
  lookup(
    paths: readonly string[],
    key: string,
    restoreKeys: readonly string[],
    options?: UpstreamOptions,
  ): Promise<UpstreamHit | undefined>
  restore(
    paths: readonly string[],
    key: string,
    restoreKeys: readonly string[],
    options?: UpstreamOptions,
  ): Promise<UpstreamHit | undefined>
  /** False if the service has the key already, or another run is about to write it. */
  save(paths: readonly string[], key: string, options?: UpstreamOptions): Promise<boolean>
  close(): Promise<void>
}

/** The bytes of an archive of the service from some offset on, in order. */
export interface ArchiveBytes {
  /** Of the whole archive. */
  readonly archiveBytes: number
  readonly content: AsyncIterable<Uint8Array>
}

/** Bytes of an archive that are on their way. */
export interface ArchiveDownload extends ArchiveBytes {
  /** How many have come so far, whether they were taken yet or not. */
  readonly receivedBytes: () => number
}

/** The archive that the service named for a restore. */
export interface UpstreamArchive {
  readonly key: string
  /** The folder that names in it are relative to. */
  readonly folder: string
  /** How many bytes it has; undefined if the service does not say. Never rejects. */
  size(): Promise<number | undefined>
  /** Downloads it from the service. @throws ERR_UPSTREAM, or the signal's reason. */
  download(from: number, signal: AbortSignal): Promise<ArchiveDownload>
}

/** Where a restore gets the bytes of the archive from, in place of the service's storage. */
export interface ArchiveSource {
  /**
   * All bytes of the archive, or undefined to let the upstream fetch it as usual. What the content throws fails the
   * restore; nothing has been written to the declared paths by then.
   */
  open(archive: UpstreamArchive): Promise<ArchiveBytes | undefined>
}

/** Options of one upstream call. */
export interface UpstreamOptions {
  readonly signal?: AbortSignal
  readonly crossOs?: boolean
  /** The folder that relative paths are relative to; the upstream's own by default. */
  readonly workingDirectory?: string
  /** Bytes moved so far, if the service tells. */
  readonly onProgress?: (bytes: number) => void
  /** Only for a restore; an upstream that cannot do it fetches the archive as usual. */
  readonly source?: ArchiveSource
}
