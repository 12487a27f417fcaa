import { KIND } from './catalog.ts'
import type { ScannedRow } from './tree-scan.ts'

// Content is divided at places that depend on paths and sizes alone, so that any number of threads cuts
// the same chunks, and a change in one place leaves the chunks of all other segments as they are.
// About one path in 128 starts a segment: some 800 KiB of the files of a node_modules.
const DIVIDING_HASH_MASK = 127
/** A file of this size starts a segment of its own, so that it deduplicates wherever it lies. */
const OWN_SEGMENT_BYTES = 1024 * 1024
/** Larger files are sliced, so that several threads share one: an insertion costs a chunk or two a slice. */
const SLICE_BYTES = 32 * 1024 * 1024

/** A file, or a slice of one, as the content of a segment. */
export interface Piece {
  readonly row: ScannedRow
  readonly offset: number
  /** Bytes expected, from the size at the scan. */
  readonly bytes: number
  /** True if the file is read to its end, wherever that is. */
  readonly last: boolean
  /** True for the last of a segment. */
  ends: boolean
}

/** Consecutive content that is read, cut and hashed as one piece of work. */
export interface Segment {
  readonly pieces: readonly Piece[]
  readonly bytes: number
}

/** Divides the files of a tree, given in order, into segments. */
export class Segmenter {
  readonly #onSegment: (segment: Segment) => void
  #pieces: Piece[] = []
  #bytes = 0

  constructor(onSegment: (segment: Segment) => void) {
    this.#onSegment = onSegment
  }

  add(row: ScannedRow): void {
    if (row.kind !== KIND.FILE) return
    const own = row.bytes >= OWN_SEGMENT_BYTES
    if (own || (row.pathHash & DIVIDING_HASH_MASK) === 0) this.end()
    for (let offset = 0; offset + SLICE_BYTES < row.bytes; offset += SLICE_BYTES) {
      this.#push({ row, offset, bytes: SLICE_BYTES, last: false, ends: false })
      this.end()
    }
    const offset = row.bytes === 0 ? 0 : Math.floor((row.bytes - 1) / SLICE_BYTES) * SLICE_BYTES
    this.#push({ row, offset, bytes: row.bytes - offset, last: true, ends: false })
    if (own) this.end()
  }

  end(): void {
    const end = this.#pieces.at(-1)
    if (end === undefined) return
    end.ends = true
    this.#onSegment({ pieces: this.#pieces, bytes: this.#bytes })
    this.#pieces = []
    this.#bytes = 0
  }

  #push(piece: Piece): void {
    this.#pieces.push(piece)
    this.#bytes += piece.bytes
  }
}
