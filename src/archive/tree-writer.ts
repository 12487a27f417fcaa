import {
  closeSync,
  constants,
  fchmodSync,
  futimesSync,
  openSync,
  rmdirSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { errnoOf } from '../core/errors.ts'
import type { BytePath } from './byte-path.ts'
import type { CatalogColumns } from './catalog.ts'
import { CatalogPaths } from './catalog-paths.ts'
import { firstContentFile } from './content-map.ts'
import { pathError } from './path-error.ts'
import { ON_DISK } from './row-comparison.ts'

/** What all threads of one restore share; every array lies in shared memory. */
export interface WriteState {
  readonly columns: CatalogColumns
  /** Roots of all declared patterns on this machine. */
  readonly roots: readonly BytePath[]
  /** One of ON_DISK for each row. */
  readonly onDisk: Uint8Array
  /** 1 for each row that this restore made, or was about to make. */
  readonly made: Uint8Array
  /** For files in several chunks: how far the file itself has come, one of PART. */
  readonly parts: Int32Array
  /** For files in several chunks: how many of their pieces are still to be written. */
  readonly piecesLeft: Int32Array
  /** Not zero once writing must end. */
  readonly stop: Int32Array
  readonly umask: number
  /** 1 while somebody else sets the times that Node cannot set to the nanosecond. */
  readonly exactTimes: Int32Array
}

const PART = { UNTOUCHED: 0, BEING_MADE: 1, MADE: 2, FAILED: 3 } as const

const CREATE_FLAGS =
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0)
const REOPEN_FLAGS = constants.O_WRONLY | (constants.O_NOFOLLOW ?? 0)

/** A time as `utimes` takes it: numbers below zero would become the present. */
export function utime(columns: CatalogColumns, index: number): number | Date {
  const time = columns.seconds[index]! + columns.nanos[index]! / 1e9
  return time < 0 ? new Date(time * 1e3) : time
}

/** True if the time survives being a floating-point number of seconds, as Node takes it apart again. */
export function isExactTime({ seconds, nanos }: CatalogColumns, index: number): boolean {
  const whole = seconds[index]!
  const time = whole + nanos[index]! / 1e9
  return time >= 0 && Math.trunc((time - whole) * 1e9) === nanos[index]
}

/** Removes what is in the way of a file or link: anything but a folder with something in it. */
export function removeObstacle(path: string | Buffer): void {
  try {
    unlinkSync(path)
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === 'ENOENT') return
    if (errno !== 'EISDIR' && errno !== 'EPERM') throw error
    rmdirSync(path)
  }
}

/**
 * Writes the content of files, on any number of threads at once; their folders must be there.
 *
 * A file has its final size, mode and time together only when it is complete: until then its time is
 * that of the writing, and a file that needs several chunks has another mode.
 */
export class TreeWriter {
  readonly #state: WriteState
  readonly #paths: CatalogPaths
  filesWritten = 0

  constructor(state: WriteState) {
    this.#state = state
    this.#paths = new CatalogPaths(state.columns, state.roots)
  }

  /**
   * Writes what belongs at `offset` of the content.
   *
   * @throws ERR_PATH naming what the file system refused.
   */
  writeContent(plain: Uint8Array, offset: number): void {
    const { columns, onDisk, stop } = this.#state
    const { contentFiles, starts, sizes } = columns
    const end = offset + plain.length
    for (let i = firstContentFile(columns, offset); i < contentFiles.length; i += 1) {
      const file = contentFiles[i]!
      const start = starts[file]!
      if (start >= end || Atomics.load(stop, 0) !== 0) return
      if (onDisk[file] === ON_DISK.SAME) continue
      const fileEnd = start + sizes[file]!
      if (start >= offset && fileEnd <= end) {
        this.writeFile(file, plain.subarray(start - offset, fileEnd - offset))
      } else {
        const from = Math.max(start, offset)
        const piece = plain.subarray(from - offset, Math.min(fileEnd, end) - offset)
        this.#writePiece(file, piece, from - start)
      }
    }
  }

  /** Writes a whole file. */
  writeFile(file: number, content: Uint8Array): void {
    const { columns, umask } = this.#state
    const path = this.#paths.fsPathOf(file)
    const mode = columns.modes[file]!
    try {
      const fd = this.#create(file, path, mode)
      try {
        if (content.length > 0) writeAll(fd, content, 0)
        if ((mode & umask) !== 0) fchmodSync(fd, mode)
        this.#setTime(fd, file)
      } finally {
        closeSync(fd)
      }
    } catch (error) {
      throw pathError('write', this.#paths.pathOf(file), error)
    }
    this.filesWritten += 1
  }

  #writePiece(file: number, piece: Uint8Array, position: number): void {
    const { columns, piecesLeft } = this.#state
    const path = this.#paths.fsPathOf(file)
    try {
      const fd = this.#openPart(file, path)
      try {
        writeAll(fd, piece, position)
        if (Atomics.sub(piecesLeft, file, 1) > 1) return
        fchmodSync(fd, columns.modes[file]!)
        this.#setTime(fd, file)
      } finally {
        closeSync(fd)
      }
    } catch (error) {
      throw pathError('write', this.#paths.pathOf(file), error)
    }
    this.filesWritten += 1
  }

  /** A file keeps the time of its writing, and so is not taken for complete, until it has the exact one. */
  #setTime(fd: number, file: number): void {
    const { columns, exactTimes } = this.#state
    const isLeft = columns.parents[file]! >= 0 && Atomics.load(exactTimes, 0) === 1
    if (isLeft && !isExactTime(columns, file)) return
    const time = utime(columns, file)
    futimesSync(fd, time, time)
  }

  /** Opens a file of several chunks; the first thread that needs it makes it. */
  #openPart(file: number, path: string | Buffer): number {
    const { parts, columns } = this.#state
    if (Atomics.compareExchange(parts, file, PART.UNTOUCHED, PART.BEING_MADE) === PART.UNTOUCHED) {
      let outcome: number = PART.FAILED
      try {
        // Not the final mode, and writable for the threads that open it again.
        const fd = this.#create(file, path, columns.modes[file] === 0o600 ? 0o200 : 0o600)
        outcome = PART.MADE
        return fd
      } finally {
        Atomics.store(parts, file, outcome)
        Atomics.notify(parts, file)
      }
    }
    while (Atomics.load(parts, file) === PART.BEING_MADE) {
      Atomics.wait(parts, file, PART.BEING_MADE)
    }
    if (Atomics.load(parts, file) === PART.FAILED) {
      throw new Error('another thread could not make it')
    }
    return openSync(path, REOPEN_FLAGS)
  }

  #create(file: number, path: string | Buffer, mode: number): number {
    const { made, onDisk } = this.#state
    if (onDisk[file] !== ON_DISK.MISSING) removeObstacle(path)
    made[file] = 1
    try {
      return openSync(path, CREATE_FLAGS, mode)
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error
      removeObstacle(path)
      return openSync(path, CREATE_FLAGS, mode)
    }
  }
}

function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  let written = 0
  while (written < bytes.length) {
    written += writeSync(fd, bytes, written, bytes.length - written, position + written)
  }
}
