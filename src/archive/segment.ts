import { KIND } from './catalog.ts'
import type { ScannedRow } from './tree-scan.ts'

// Content is divided at places that depend on the names and sizes of files alone, so that any number of threads cuts
// the same chunks, a change in one place leaves those of all other segments as they are, and the same files give the
// same segments wherever they lie. Only what is in large files has to be searched for places to cut.

/** A segment of whole files holds at least this, unless a large file follows, and about the average. */
const MIN_SEGMENT_BYTES = 32 * 1024
const AVERAGE_SEGMENT_BYTES = 128 * 1024
/** No chunk is made of more. */
export const MAX_WHOLE_SEGMENT_BYTES: number = 256 * 1024
/** A file of this size is a segment of its own. */
const OWN_SEGMENT_BYTES = 128 * 1024
/** Larger files are sliced, so that several threads share one: an insertion costs a chunk or two a slice. */
const SLICE_BYTES = 32 * 1024 * 1024

// As in fastcdc.ts, ends are rarer before the average size and more frequent after it.
const RARER = 4

/** What dividing and naming segments need to know of a file. */
export type SegmentRow = Pick<
  ScannedRow,
  'kind' | 'name' | 'bytes' | 'seconds' | 'nanos' | 'pathHash'
>

/** A file, or a slice of one, as the content of a segment. */
export interface Piece<Row extends SegmentRow = ScannedRow> {
  readonly row: Row
  readonly offset: number
  /** Bytes expected, from the size at the scan. */
  readonly bytes: number
  /** True if the file is read to its end, wherever that is. */
  readonly last: boolean
  /** True for the last of a segment. */
  ends: boolean
}

/** Consecutive content that is read, cut and hashed as one piece of work. */
export interface Segment<Row extends SegmentRow = ScannedRow> {
  readonly pieces: readonly Piece<Row>[]
  readonly bytes: number
}

/** Divides the files of a tree, given in order, into segments. */
export class Segmenter<Row extends SegmentRow = ScannedRow> {
  readonly #onSegment: (segment: Segment<Row>) => void
  #pieces: Piece<Row>[] = []
  #bytes = 0

  constructor(onSegment: (segment: Segment<Row>) => void) {
    this.#onSegment = onSegment
  }

  add(row: Row): void {
    if (row.kind !== KIND.FILE) return
    const own = row.bytes >= OWN_SEGMENT_BYTES
    if (own || this.#bytes + row.bytes > MAX_WHOLE_SEGMENT_BYTES) this.end()
    for (let offset = 0; offset + SLICE_BYTES < row.bytes; offset += SLICE_BYTES) {
      this.#push({ row, offset, bytes: SLICE_BYTES, last: false, ends: false })
      this.end()
    }
    const offset = row.bytes === 0 ? 0 : Math.floor((row.bytes - 1) / SLICE_BYTES) * SLICE_BYTES
    this.#push({ row, offset, bytes: row.bytes - offset, last: true, ends: false })
    if (own || (this.#bytes >= MIN_SEGMENT_BYTES && this.#endsAfter(row))) this.end()
  }

  end(): void {
    const end = this.#pieces.at(-1)
    if (end === undefined) return
    end.ends = true
    this.#onSegment({ pieces: this.#pieces, bytes: this.#bytes })
    this.#pieces = []
    this.#bytes = 0
  }

  /** As likely as the file is large, so that segments of few files and of many become as long. */
  #endsAfter({ name, bytes }: Row): boolean {
    const chance = bytes / (AVERAGE_SEGMENT_BYTES - MIN_SEGMENT_BYTES)
    const factor = this.#bytes < AVERAGE_SEGMENT_BYTES ? 1 / RARER : RARER
    return hashOf(name, bytes) < chance * factor * 2 ** 32
  }

  #push(piece: Piece<Row>): void {
    this.#pieces.push(piece)
    this.#bytes += piece.bytes
  }
}

/** 32 bits of a name and a size: FNV-1a, and what MurmurHash does at its end, since the high bits decide. */
function hashOf(name: string, bytes: number): number {
  let value = 0x811c9dc5 ^ bytes
  for (let i = 0; i < name.length; i += 1) {
    value = Math.imul(value ^ name.charCodeAt(i), 0x01000193)
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return (value ^ (value >>> 16)) >>> 0
}
