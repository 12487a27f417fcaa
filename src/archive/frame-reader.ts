import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import type { FramePlace } from '../core/chunk.ts'
import { SwarmCacheError, errorMessage } from '../core/errors.ts'

// A pipe that somebody put there must not hold up a thread, and a link must not lead elsewhere.
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)
const FIRST_BUFFER_BYTES = 256 * 1024

/** Reads frames from their files, one at a time, into memory that it uses again and again. */
export class FrameReader {
  #buffer: Buffer = Buffer.alloc(0)

  /**
   * The bytes of a frame as they are in its file, good until the next call.
   *
   * @throws ERR_STORE if they cannot be had: the file is gone, not a file, too short, or not for this user.
   */
  read(place: FramePlace): Uint8Array {
    const { path, position, bytes } = place
    if (this.#buffer.length < bytes) {
      this.#buffer = Buffer.allocUnsafeSlow(Math.max(bytes, FIRST_BUFFER_BYTES))
    }
    try {
      const file = openSync(path, OPEN_FLAGS)
      try {
        if (!fstatSync(file).isFile()) throw new Error('it is not a file')
        for (let filled = 0; filled < bytes;) {
          const count = readSync(file, this.#buffer, filled, bytes - filled, position + filled)
          if (count === 0) throw new Error('it is too short')
          filled += count
        }
      } finally {
        closeSync(file)
      }
    } catch (cause) {
      throw new SwarmCacheError(
        'ERR_STORE',
        `The frame in ${path} cannot be read: ${errorMessage(cause)}.`,
        { cause, facts: { path } },
      )
    }
    return this.#buffer.subarray(0, bytes)
  }
}
