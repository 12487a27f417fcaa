import type { BytePath } from './byte-path.ts'

/**
 * What a path in a catalog is. An `ANCESTOR` is a folder on the way to something selected that is not
 * selected itself: it is made if it is missing, and otherwise left as it is.
 */
export const KIND = { ANCESTOR: 0, FOLDER: 1, FILE: 2, SYMLINK: 3, HARD_LINK: 4 } as const
export type Kind = (typeof KIND)[keyof typeof KIND]

/** One path on its way into a catalog, parents before children and siblings in byte order of names. */
export interface CatalogRow {
  readonly kind: Kind
  /** 0 for the root of a pattern, one more than its folder's for everything else. */
  readonly depth: number
  /** Index of the declared pattern, for a root. */
  readonly pattern: number
  /** Empty for a root. */
  readonly name: BytePath
  /** Permission bits, 0o777 at most: setuid, setgid and sticky bits do not travel in a cache. */
  readonly mode: number
  /** Modification time in seconds since the epoch, rounded down, and nanoseconds within the second. */
  readonly seconds: number
  readonly nanos: number
  /** Bytes of content, for a file. */
  readonly bytes: number
  /** What a symbolic link points to. */
  readonly target: BytePath
  /** The file that a hard link is another name of; it comes before the link. */
  readonly source?: CatalogRow
}

/**
 * A decoded catalog: one column for each property, so that 100,000 paths cost a few arrays, and in
 * shared memory, so that threads read it without a copy.
 */
export interface CatalogColumns {
  readonly count: number
  readonly kinds: Uint8Array
  /** Index of the folder; for a root, minus one minus the index of its pattern. */
  readonly parents: Int32Array
  readonly modes: Uint16Array
  readonly seconds: Float64Array
  readonly nanos: Uint32Array
  /** Bytes of a file's content; zero for everything else. */
  readonly sizes: Float64Array
  /** Where the content of a file starts in the content of the manifest. */
  readonly starts: Float64Array
  /** Indices of the files that have content, in its order. */
  readonly contentFiles: Uint32Array
  /** The name at `i` is `names[nameEnds[i - 1] .. nameEnds[i]]`. */
  readonly names: Uint8Array
  readonly nameEnds: Uint32Array
  /** Index of the file that a hard link is another name of. */
  readonly linkSources: Uint32Array
  /** Targets of symbolic links, addressed as names are. */
  readonly targets: Uint8Array
  readonly targetEnds: Uint32Array
}

/** "sct1": the version of the layout is part of the mark. */
export const CATALOG_MAGIC = 0x73637431
/** Number of sections after the header: kinds, depths, roots, name lengths, names, modes, sizes, seconds, nanos, links. */
export const CATALOG_SECTIONS = 10
export const CATALOG_HEADER_BYTES: number = 8 + CATALOG_SECTIONS * 4
/** A catalog larger than this is neither written nor read: about five million paths. */
export const MAX_CATALOG_BYTES: number = 256 * 1024 * 1024
/** PATH_MAX of Linux allows half as many components; it bounds what a hostile catalog can nest. */
export const MAX_DEPTH = 2048
/** PATH_MAX of Linux, also the longest target of a symbolic link. */
export const MAX_PATH_BYTES = 4096

/** True for the kinds that have children. */
export function isFolderKind(kind: number): boolean {
  return kind === KIND.FOLDER || kind === KIND.ANCESTOR
}

/** True for the kinds that record a modification time. */
export function hasTime(kind: number): boolean {
  return kind === KIND.FILE || kind === KIND.FOLDER || kind === KIND.SYMLINK
}
