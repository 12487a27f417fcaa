import { NUMBERS_A_PIECE, PIECE_ENDS, WINDOW_BYTES } from './segment-packer.ts'
import type { SegmentJob } from './segment-packer.ts'
import type { Piece, Segment } from './segment.ts'

// Less than a window, because one byte more than a file has is read to see its end.
const JOB_BYTES = WINDOW_BYTES - 64 * 1024

/** Consecutive segments to be packed in one piece of work. */
export interface PackJob {
  readonly job: Pick<SegmentJob, 'paths' | 'numbers'>
  /** For each piece the index of its row in the catalog. */
  readonly rows: Uint32Array
  /** The numbers of its segments. */
  readonly segments: readonly number[]
  /** Files that end in it. */
  readonly files: number
}

/**
 * Puts segments together to jobs, each as much as fits one window, so that it asks once what is new.
 *
 * A scan is far ahead of the packing: what waits is kept in few large objects, which cost the collector nothing.
 */
export class PackJobs {
  readonly #ready: (PackJob | undefined)[] = []
  #next = 0
  #segments: Segment[] = []
  #numbers: number[] = []
  #bytes = 0
  /** Of all segments so far. */
  bytesAdded = 0
  filesAdded = 0

  get hasNext(): boolean {
    return this.#next < this.#ready.length
  }

  /** `number` says where the segment stands among all of the content. */
  add(segment: Segment, number: number): void {
    if (this.#bytes + segment.bytes > JOB_BYTES) this.end()
    this.#segments.push(segment)
    this.#numbers.push(number)
    this.#bytes += segment.bytes
    this.bytesAdded += segment.bytes
    this.filesAdded += segment.pieces.length
  }

  /** Completes the last job. */
  end(): void {
    if (this.#segments.length === 0) return
    const pieces = this.#segments.flatMap((segment) => segment.pieces)
    this.#ready.push({ ...encodeJob(pieces), segments: this.#numbers })
    this.#segments = []
    this.#numbers = []
    this.#bytes = 0
  }

  /** The next job, and its number. */
  take(): PackJob & { readonly index: number } {
    const index = this.#next
    this.#next += 1
    const job = this.#ready[index]!
    this.#ready[index] = undefined
    return { ...job, index }
  }
}

function encodeJob(pieces: readonly Piece[]): Omit<PackJob, 'segments'> {
  const numbers = new Float64Array(pieces.length * NUMBERS_A_PIECE)
  const rows = new Uint32Array(pieces.length)
  const paths: string[] = []
  let files = 0
  let at = 0
  for (const { row, offset, bytes, last, ends } of pieces) {
    rows[paths.length] = row.index
    paths.push(row.path)
    numbers[at] = offset
    numbers[at + 1] = bytes
    numbers[at + 2] = row.seconds
    numbers[at + 3] = row.nanos
    numbers[at + 4] = (last ? PIECE_ENDS.FILE : 0) + (ends ? PIECE_ENDS.SEGMENT : 0)
    at += NUMBERS_A_PIECE
    if (last) files += 1
  }
  return { job: { paths: paths.join('\0'), numbers }, rows, files }
}
