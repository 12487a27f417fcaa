import type { Frame } from '../core/chunk.ts'
import type { Digest } from '../core/digest.ts'
import type { Inbox } from '../core/inbox.ts'
import type { ChunkRef, Manifest } from '../core/manifest.ts'

/** Where packed chunks go. */
export interface ChunkSink {
  /** Which chunks need not be sent, in the order asked. */
  has(digests: readonly Digest[]): Promise<boolean[]>
  put(frame: Frame): Promise<void>
  /** Where new chunks may be written as files, which costs less than `put`; undefined if they must be put. */
  inbox?(): Promise<Inbox | undefined>
}

/** Progress of packing or unpacking, in content bytes and files. */
export interface ArchiveProgress {
  readonly bytes: number
  readonly files: number
}

/** Options of packing and unpacking. */
export interface ArchiveOptions {
  readonly signal?: AbortSignal
  /** The folder that relative paths are relative to. */
  readonly workingDirectory: string
  /** How many threads may work beside the caller's; 0 keeps everything on the caller's. */
  readonly threads?: number
  readonly onProgress?: (progress: ArchiveProgress) => void
}

/** Options of packing. */
export interface PackOptions extends ArchiveOptions {
  /**
   * Milliseconds since the epoch: packing is given up with ERR_PATH if a file or folder changed after it
   * (by its ctime), because the tree is no longer what the caller means to describe.
   */
  readonly unchangedSince?: number
  /**
   * A file of the same user where packing notes how it found the tree, so that the next packing with the same file
   * reads only what has changed since.
   */
  readonly notes?: string
}

/** Options of planning a restore. */
export interface PlanOptions extends ArchiveOptions {
  /** Told once the catalog has come if nothing is there yet: then most likely all chunks are needed. */
  readonly onCold?: () => void
}

/** What was packed. */
export interface Packed {
  readonly manifest: Manifest
  readonly files: number
  readonly bytes: { readonly content: number; readonly new: number; readonly stored: number }
  readonly chunks: { readonly total: number; readonly new: number }
  /** Paths that could not be read as they were found (vanished, changed while read), for a warning. */
  readonly warnings: readonly string[]
}

/** A restore in preparation: what has to be fetched to bring the declared paths to the catalog's state. */
export interface UnpackPlan {
  /** Chunks whose content is needed, no digest twice, in the order that suits writing. */
  readonly chunks: readonly ChunkRef[]
  readonly files: number
  /** Files that are in place already (size, mtime and mode agree) and are left alone. */
  readonly skipped: number
  readonly contentBytes: number
  /**
   * Writes the tree from frames that come in any order; every frame is opened and checked against its digest.
   *
   * On failure or abort everything this call created is removed again and the reason is thrown: ERR_INTEGRITY
   * (with `facts.digest`) for a bad frame, ERR_PATH for what the file system refused.
   */
  write(frames: AsyncIterable<Frame>, options?: { readonly signal?: AbortSignal }): Promise<void>
  /**
   * Notes how the tree was written, so that a packing of the same paths with the same file (see
   * `PackOptions.notes`) reads only what has changed since; to be called when `write` has succeeded, before anybody else
   * changes the tree.
   */
  note(notes: string): Promise<void>
  /** Releases threads and files; call it whether or not `write` ran. */
  close(): Promise<void>
}

/** Where an archive of the upstream is going to be unpacked. */
export interface ArchiveCheckOptions {
  /** The folder that declared relative paths are relative to. */
  readonly workingDirectory: string
  /** The folder that names in the archive are relative to. */
  readonly folder: string
}

/** A check of a compressed tar archive while its bytes come. */
export interface ArchiveCheck {
  /** @throws ERR_INTEGRITY if it is damaged, ERR_PATH if it would write outside of the declared paths. */
  write(bytes: Uint8Array): Promise<void>
  /** Nothing follows. @throws as `write`. */
  end(): Promise<void>
  /** Releases what the check holds; call it in any case. */
  close(): void
}

/** Trees of files as a catalog plus deduplicated content. */
export interface Archive {
  /**
   * Packs what the declared paths (globs, `~`, `!exclusions`) match.
   *
   * @throws ERR_PATH if nothing matches or something cannot be read, naming it.
   */
  pack(paths: readonly string[], sink: ChunkSink, options: PackOptions): Promise<Packed>
  /**
   * Reads a catalog (the frames of `manifest.catalog`, in order) and compares it with the disk.
   *
   * @throws ERR_INTEGRITY if the catalog is malformed or disagrees with the manifest, ERR_PATH if it names
   * anything outside the declared paths.
   */
  plan(
    manifest: Manifest,
    catalog: AsyncIterable<Frame>,
    paths: readonly string[],
    options: PlanOptions,
  ): Promise<UnpackPlan>
  /** Cuts a stream of bytes into chunks, sends the new ones to the sink, and returns them in order. */
  packStream(
    content: AsyncIterable<Uint8Array>,
    sink: ChunkSink,
    options?: { readonly signal?: AbortSignal },
  ): Promise<ChunkRef[]>
  /** Checks an archive of the upstream that comes from peers, before `tar` unpacks it to the declared paths. */
  check(paths: readonly string[], options: ArchiveCheckOptions): Promise<ArchiveCheck>
}
