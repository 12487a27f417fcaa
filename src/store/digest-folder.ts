import {
  closeSync,
  fstatSync,
  futimesSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  utimesSync,
  writeSync,
  writevSync,
} from 'node:fs'
import { dirname, join, normalize, sep } from 'node:path'
import { isDigest } from '../core/digest.ts'
import type { Digest } from '../core/digest.ts'
import { SwarmCacheError, errnoOf } from '../core/errors.ts'
import { FILE_MODE, FOLDER_MODE, namesOrEmpty, removeFile } from './disk-layout.ts'
import type { DiskLayout } from './disk-layout.ts'
import { storeFault } from './store-fault.ts'

// A file system with a clock of its own may be off; what was written a moment ago need not be marked again.
const MAX_CLOCK_SKEW_MS = 2000

/** A file as a clean-up sees it. */
export interface StoredFile {
  readonly digest: Digest
  readonly bytes: number
  readonly mtimeMs: number
}

/** A file's bytes as they are, too large ones left unread. */
export type FileBytes = { readonly bytes: Uint8Array } | { readonly size: number }

/**
 * Immutable files named by digest, spread over 256 folders by its first two digits.
 *
 * Calls are synchronous: for files of this size a round trip to the thread pool costs several times the
 * work itself. The file's presence is the only truth; its mtime says when somebody last relied on it.
 */
export class DigestFolder {
  readonly #folder: string
  readonly #layout: DiskLayout
  readonly #now: () => number
  /** A file relied on longer ago than this is marked as in use again. */
  readonly #touchAfterMs: number

  constructor(folder: string, layout: DiskLayout, now: () => number, touchAfterMs: number) {
    this.#folder = normalize(folder)
    this.#layout = layout
    this.#now = now
    this.#touchAfterMs = touchAfterMs
  }

  path(digest: Digest): string {
    // Asked for thousands of digests at a time: `join` would take longer than to look for the file.
    return `${this.#folder}${sep}${digest.slice(0, 2)}${sep}${digest}`
  }

  /** True if the file is there, and then a clean-up spares it for its grace period. */
  hold(digest: Digest): boolean {
    return this.holdSize(digest) !== undefined
  }

  /** The size of a file that is held, or undefined if there is none. */
  holdSize(digest: Digest): number | undefined {
    if (!isDigest(digest)) return undefined
    const path = this.path(digest)
    try {
      const stats = statSync(path, { throwIfNoEntry: false })
      if (stats === undefined) return undefined
      const now = this.#now()
      if (now - stats.mtimeMs >= this.#touchAfterMs) utimesSync(path, now / 1000, now / 1000)
      return stats.size
    } catch (error) {
      if (isGone(error)) return undefined
      throw storeFault('Looking for a file', path, error)
    }
  }

  /** Puts a file in place whole, or not at all. @throws ERR_STORE. */
  write(digest: Digest, parts: readonly Uint8Array[]): void {
    this.adopt(digest, this.writeAside(digest, parts))
  }

  /** Writes a file that its digest does not lead to yet, for `adopt` or `removeQuietly`; its path. @throws ERR_STORE. */
  writeAside(digest: Digest, parts: readonly Uint8Array[]): string {
    const temporary = this.#layout.temporaryPath()
    try {
      writeWhole(temporary, parts, this.#now())
      return temporary
    } catch (cause) {
      removeQuietly(temporary)
      throw storeFault('Writing', this.path(digest), cause)
    }
  }

  /** Moves a file that was written aside to its place. @throws ERR_STORE, and then it is gone. */
  adopt(digest: Digest, aside: string): void {
    const path = this.path(digest)
    try {
      moveInto(aside, path)
    } catch (cause) {
      removeQuietly(aside)
      throw storeFault('Writing', path, cause)
    }
  }

  /** Puts a whole file that lies on the same file system in place. @throws ERR_STORE if it has another size. */
  take(digest: Digest, from: string, bytes: number): void {
    const path = this.path(digest)
    try {
      const stats = lstatSync(from)
      if (!stats.isFile() || stats.size !== bytes) {
        throw new SwarmCacheError(
          'ERR_STORE',
          `The file ${from} was to be taken into the store with ${bytes} bytes, but it has ${stats.size}.`,
          { facts: { path: from } },
        )
      }
      const now = this.#now()
      if (Math.abs(now - stats.mtimeMs) > MAX_CLOCK_SKEW_MS) {
        utimesSync(from, now / 1000, now / 1000)
      }
      moveInto(from, path)
    } catch (cause) {
      removeQuietly(from)
      throw storeFault('Taking over', from, cause)
    }
  }

  /** A file's bytes, only its size if that is over `maxBytes`, or undefined if there is none. */
  read(digest: Digest, maxBytes: number): FileBytes | undefined {
    return isDigest(digest) ? readWhole(this.path(digest), maxBytes) : undefined
  }

  /**
   * Removes a file unless `isWanted` holds for it once nobody can reach it any more.
   *
   * Moving it away first closes the gap between a look and the removal: who asks meanwhile sees a miss,
   * and what was touched or replaced just before goes back to its place.
   */
  remove(digest: Digest, isWanted: (movedPath: string) => boolean): boolean {
    const path = this.path(digest)
    const moved = this.#layout.temporaryPath()
    try {
      renameSync(path, moved)
    } catch (error) {
      if (isGone(error)) return false
      throw storeFault('Removing', path, error)
    }
    const wanted = isWanted(moved)
    if (wanted) linkQuietly(moved, path)
    removeFile(moved)
    return !wanted
  }

  /** Every file, one folder after the other, so that the caller can pause in between. */
  *list(): Generator<StoredFile[]> {
    for (const prefix of namesOrEmpty(this.#folder)) {
      const files: StoredFile[] = []
      for (const digest of namesOrEmpty(join(this.#folder, prefix))) {
        if (!isDigest(digest) || !digest.startsWith(prefix)) continue
        const stats = statSync(this.path(digest), { throwIfNoEntry: false })
        if (stats !== undefined) files.push({ digest, bytes: stats.size, mtimeMs: stats.mtimeMs })
      }
      yield files
    }
  }
}

function moveInto(from: string, path: string): void {
  try {
    renameSync(from, path)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
    mkdirSync(dirname(path), { recursive: true, mode: FOLDER_MODE })
    renameSync(from, path)
  }
}

/** Writes a new private file; its age counts from `mtimeMs`, whatever clock the file system has. */
export function writeWhole(path: string, parts: readonly Uint8Array[], mtimeMs: number): void {
  const file = openSync(path, 'wx', FILE_MODE)
  try {
    let written = writevSync(file, parts as Uint8Array[])
    // A short write is how a full disk announces itself; the next one then says so.
    for (const part of parts) {
      const skip = Math.min(written, part.length)
      written -= skip
      for (let at = skip; at < part.length;) at += writeSync(file, part, at)
    }
    futimesSync(file, mtimeMs / 1000, mtimeMs / 1000)
  } finally {
    closeSync(file)
  }
}

/** A file's bytes, only its size if that is over `maxBytes`, or undefined if there is none. */
export function readWhole(path: string, maxBytes: number): FileBytes | undefined {
  let file: number
  try {
    // An error for a file that is not there costs five times as much as this look.
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined
    file = openSync(path, 'r')
  } catch (error) {
    if (isGone(error)) return undefined
    throw storeFault('Reading', path, error)
  }
  try {
    const { size } = fstatSync(file)
    if (size > maxBytes) return { size }
    const bytes = Buffer.allocUnsafeSlow(size)
    let filled = 0
    while (filled < size) {
      const count = readSync(file, bytes, filled, size - filled, filled)
      if (count === 0) break
      filled += count
    }
    return { bytes: bytes.subarray(0, filled) }
  } catch (cause) {
    throw storeFault('Reading', path, cause)
  } finally {
    closeSync(file)
  }
}

function isGone(error: unknown): boolean {
  return errnoOf(error) === 'ENOENT'
}

function linkQuietly(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw storeFault('Putting back', to, error)
  }
}

/** Removes a file that nobody will look for. */
export function removeQuietly(path: string): void {
  try {
    removeFile(path)
  } catch {
    // The reason for the clean-up is reported; what is left goes with the next opening.
  }
}
