import { hash } from 'node:crypto'
import type { BigIntStats } from 'node:fs'
import type { Digest } from '../core/digest.ts'
import { CUT_VERSION } from './fastcdc.ts'
import type { TimeSpan } from './segment-notes.ts'
import type { Segment, SegmentRow } from './segment.ts'
import { splitTime } from './tree-scan.ts'

// A file that is changed twice within one tick of its file system's clock looks the same after both. So a file
// counts as settled only some time after its last change: the clocks of Linux tick every 10 ms or faster; one
// that shows whole seconds may be that of a file system that keeps no more, two of them on FAT.
const TICK_MS = 100
const COARSE_TICK_MS = 4000

// Of each piece: device, inode, times of change and of modification; offset, size, hash of the path.
const INTEGERS_A_PIECE = 4
const FIELDS_A_PIECE = 7
const FIELD_BYTES = 8

/**
 * Names what the content of segments is, without reading it: by the properties of their files that cannot stay as
 * they are when content changes, above all the ctime, which no program can set.
 *
 * As with every backup tool that looks at times, what a process writes later through a mapping of a file that
 * it made before is not noticed where the file system does not note the time of such writes.
 */
export class SegmentKeys {
  readonly #settledBefore: number
  readonly #coarseSettledBefore: number
  #integers = new BigInt64Array()
  #numbers = new Float64Array()

  /** `startedMs` is when the scan began. */
  constructor(startedMs: number) {
    this.#settledBefore = startedMs - TICK_MS
    this.#coarseSettledBefore = startedMs - COARSE_TICK_MS
  }

  /** Undefined if a file has changed so recently that it may change again unnoticed. */
  keyOf({ pieces }: Segment): Digest | undefined {
    this.#reserve(1 + pieces.length * FIELDS_A_PIECE)
    const integers = this.#integers
    const numbers = this.#numbers
    numbers[0] = CUT_VERSION
    let at = 1
    for (const { row, offset } of pieces) {
      const { stats } = row
      const { seconds, nanos } = splitTime(stats.ctimeNs)
      const changedMs = seconds * 1e3 + nanos / 1e6
      if (changedMs >= (nanos === 0 ? this.#coarseSettledBefore : this.#settledBefore)) {
        return undefined
      }
      integers[at] = stats.dev
      integers[at + 1] = stats.ino
      integers[at + 2] = stats.ctimeNs
      integers[at + 3] = stats.mtimeNs
      numbers[at + INTEGERS_A_PIECE] = offset
      numbers[at + INTEGERS_A_PIECE + 1] = row.bytes
      numbers[at + INTEGERS_A_PIECE + 2] = row.pathHash
      at += FIELDS_A_PIECE
    }
    return this.#hash(at)
  }

  /**
   * Names a segment of files that were written by a restore, as `keyOf` by what tells which files they are, but without
   * their own inodes and times of change: so it holds only for those that `isOfRestore`.
   *
   * What file has a path is told by the inode of its folder: the folder cannot have been exchanged, and giving the
   * path to another file would have changed the ctime of that file.
   */
  restoredKeyOf<Row extends SegmentRow>(
    { pieces }: Segment<Row>,
    folderOf: (row: Row) => BigIntStats | undefined,
  ): Digest | undefined {
    this.#reserve(1 + pieces.length * FIELDS_A_PIECE)
    const integers = this.#integers
    const numbers = this.#numbers
    numbers[0] = -CUT_VERSION
    let at = 1
    for (const { row, offset } of pieces) {
      const folder = folderOf(row)
      if (folder === undefined) return undefined
      integers[at] = folder.dev
      integers[at + 1] = folder.ino
      numbers[at + 2] = row.seconds
      numbers[at + 3] = row.nanos
      numbers[at + INTEGERS_A_PIECE] = offset
      numbers[at + INTEGERS_A_PIECE + 1] = row.bytes
      numbers[at + INTEGERS_A_PIECE + 2] = row.pathHash
      at += FIELDS_A_PIECE
    }
    return this.#hash(at)
  }

  /** True if all files of a segment were changed last while a restore was writing. */
  isOfRestore({ pieces }: Segment, { fromMs, toMs }: TimeSpan): boolean {
    return pieces.every(({ row: { stats, folder } }) => {
      const { seconds, nanos } = splitTime(stats.ctimeNs)
      const changedMs = seconds * 1e3 + nanos / 1e6
      const tickMs = nanos === 0 ? COARSE_TICK_MS : TICK_MS
      return changedMs >= fromMs - tickMs && changedMs < toMs - tickMs && stats.dev === folder?.dev
    })
  }

  #hash(fields: number): Digest {
    return hash('sha256', new Uint8Array(this.#numbers.buffer, 0, fields * FIELD_BYTES), 'hex')
  }

  #reserve(fields: number): void {
    if (this.#numbers.length >= fields) return
    this.#numbers = new Float64Array(fields * 2)
    this.#integers = new BigInt64Array(this.#numbers.buffer)
  }
}
