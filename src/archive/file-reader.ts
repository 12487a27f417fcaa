import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { errnoOf } from '../core/errors.ts'
import { fsPath } from './byte-path.ts'
import type { BytePath } from './byte-path.ts'
import { pathError } from './path-error.ts'

/** Whether a file was read as the scan had found it. */
export const FILE_STATE = { AS_FOUND: 0, CHANGED: 1, VANISHED: 2 } as const
export type FileState = (typeof FILE_STATE)[keyof typeof FILE_STATE]

/** Which part of a file to read, and what the scan saw of it. */
export interface FilePart {
  readonly offset: number
  readonly bytes: number
  readonly seconds: number
  readonly nanos: number
  /** Read to the end of the file, wherever it is by now. */
  readonly last: boolean
}

// Another file may have taken the path since the scan: do not follow a link, do not wait for a pipe.
const READ_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)
const GONE = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'ENXIO', 'EAGAIN'])
// `Stats` hold milliseconds as a double, which is this coarse for present dates.
const MTIME_STEP_MS = 0.0005

/** Reads one file or a part of it, and notices if it is not what the scan found. */
export class FileReader implements Disposable {
  readonly #path: BytePath
  readonly #part: FilePart
  #fd: number | undefined
  #state: FileState = FILE_STATE.AS_FOUND
  bytesRead = 0
  done = false

  /** @throws ERR_PATH if the file is there but cannot be opened. */
  constructor(path: BytePath, part: FilePart) {
    this.#path = path
    this.#part = part
    try {
      this.#fd = openSync(fsPath(path), READ_FLAGS)
    } catch (error) {
      this.#fail(error)
    }
  }

  get state(): FileState {
    return this.#state
  }

  /**
   * Fills `buffer` from `start` on and returns how many bytes were read; less than there was room for
   * only when `done`.
   */
  read(buffer: Buffer, start: number): number {
    const { bytes, offset, last } = this.#part
    let filled = start
    try {
      while (!this.done && filled < buffer.length) {
        // One byte more than expected: getting less tells the end of the file without another call.
        const missing = bytes - this.bytesRead
        const wanted = !last ? missing : missing >= 0 ? missing + 1 : Infinity
        const room = Math.min(wanted, buffer.length - filled)
        const position = offset === 0 && last ? null : offset + this.bytesRead
        const count = readSync(this.#fd!, buffer, filled, room, position)
        filled += count
        this.bytesRead += count
        if (count === 0 || (last ? count < room : this.bytesRead === bytes)) {
          this.#finish()
        }
      }
    } catch (error) {
      this.#fail(error)
    }
    return filled - start
  }

  #finish(): void {
    const { bytes, seconds, nanos } = this.#part
    const found = seconds * 1e3 + nanos / 1e6
    const stats = fstatSync(this.#fd!)
    const touched = Math.abs(stats.mtimeMs - found) > MTIME_STEP_MS
    if (this.bytesRead !== bytes || touched || !stats.isFile()) this.#state = FILE_STATE.CHANGED
    this.done = true
  }

  #fail(error: unknown): void {
    this.done = true
    if (!GONE.has(errnoOf(error) ?? '')) throw pathError('read', this.#path, error)
    this.#state = this.bytesRead === 0 ? FILE_STATE.VANISHED : FILE_STATE.CHANGED
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }
}
