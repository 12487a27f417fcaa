import { digestOf } from '../core/digest.ts'
import type { Digest } from '../core/digest.ts'
import type { ChunkRef } from '../core/manifest.ts'
import { FileReader } from './file-reader.ts'
import type { FileState } from './file-reader.ts'
import { MAX_CONTENT_CHUNK_BYTES, nextCut } from './fastcdc.ts'
import { MAX_WHOLE_SEGMENT_BYTES } from './segment.ts'

// One packer holds this much plain content, whatever it packs; two or three a thread hide the time that
// asking and storing take.
export const WINDOW_BYTES: number = 4 * 1024 * 1024

/** A chunk as cut: its name and plain size. */
export interface CutChunk {
  readonly digest: Digest
  readonly bytes: number
}

/** A new chunk, compressed; its frame is either here or in a file of the inbox. */
export interface NewFrame extends CutChunk {
  readonly frame?: Uint8Array
  /** Number of the file. */
  readonly file?: number
  readonly frameBytes: number
}

/** What a packer needs of the side that knows which chunks exist. */
export interface PackPort {
  /** For each chunk whether it is new and must be put. */
  ask(chunks: readonly CutChunk[]): Promise<readonly boolean[]>
  put(frames: readonly NewFrame[]): Promise<void>
}

/** Makes the frame of a chunk; `plain` is only lent. */
export type StoreChunk = (chunk: CutChunk, plain: Uint8Array) => NewFrame | Promise<NewFrame>

/** Some segments in the form that crosses threads cheaply. */
export interface SegmentJob {
  /** Paths as byte strings, joined with NUL. */
  readonly paths: string
  /** For each piece: offset, expected bytes, seconds and nanoseconds of its modification time, its ends. */
  readonly numbers: Float64Array
  /** Where new chunks may be written as files: the beginning of their paths, and the first number that is free. */
  readonly inbox?: { readonly path: string; readonly firstFile: number }
}

export const NUMBERS_A_PIECE = 5
/** What a piece ends; to be added. */
export const PIECE_ENDS = { FILE: 1, SEGMENT: 2 } as const

/** A piece that was not read as it was expected. */
export interface Deviation {
  readonly piece: number
  /** Bytes really read. */
  readonly bytes: number
  readonly state: FileState
}

/** What became of a job. */
export interface PackedSegments {
  readonly chunks: readonly CutChunk[]
  /** For each segment how many chunks there are up to its end. */
  readonly ends: readonly number[]
  readonly deviations: readonly Deviation[]
}

/** Reads, cuts, hashes and compresses one job at a time, with a fixed amount of memory. */
export class SegmentPacker {
  readonly #port: PackPort
  readonly #storeChunk: StoreChunk
  readonly #buffer = Buffer.allocUnsafeSlow(WINDOW_BYTES)
  #filled = 0
  /** Where the first chunk starts that is not cut yet. */
  #uncut = 0
  #chunks: CutChunk[] = []
  /** Of `#chunks`, those before it have been put. */
  #put = 0

  constructor(port: PackPort, storeChunk: StoreChunk) {
    this.#port = port
    this.#storeChunk = storeChunk
  }

  /** @throws ERR_PATH naming a file that cannot be read, or what the port throws. */
  async pack(job: SegmentJob): Promise<PackedSegments> {
    this.#start()
    const { numbers } = job
    const deviations: Deviation[] = []
    const segmentEnds: number[] = []
    let piece = 0
    for (const path of job.paths.split('\0')) {
      const at = piece * NUMBERS_A_PIECE
      const bytes = numbers[at + 1]!
      const ends = numbers[at + 4]!
      using reader = new FileReader(path, {
        offset: numbers[at]!,
        bytes,
        seconds: numbers[at + 2]!,
        nanos: numbers[at + 3]!,
        last: (ends & PIECE_ENDS.FILE) !== 0,
      })
      for (;;) {
        this.#filled += reader.read(this.#buffer, this.#filled)
        if (reader.done) break
        await this.#makeRoom()
      }
      if (reader.bytesRead !== bytes || reader.state !== 0) {
        deviations.push({ piece, bytes: reader.bytesRead, state: reader.state })
      }
      if ((ends & PIECE_ENDS.SEGMENT) !== 0) {
        this.#endSegment(segmentEnds.at(-1) ?? 0)
        segmentEnds.push(this.#chunks.length)
      }
      piece += 1
    }
    await this.#putNew(this.#buffer)
    return { chunks: this.#chunks, ends: segmentEnds, deviations }
  }

  /** Packs content that is in memory already. */
  async packBytes(bytes: Uint8Array): Promise<readonly ChunkRef[]> {
    this.#start()
    this.#filled = bytes.length
    this.#cut(bytes, true)
    await this.#putNew(bytes)
    return this.#chunks
  }

  /** Packs content as it arrives. */
  async packStream(content: AsyncIterable<Uint8Array>): Promise<readonly ChunkRef[]> {
    this.#start()
    for await (const bytes of content) {
      for (let taken = 0; taken < bytes.length;) {
        const part = bytes.subarray(taken, taken + this.#buffer.length - this.#filled)
        this.#buffer.set(part, this.#filled)
        taken += part.length
        this.#filled += part.length
        if (this.#filled === this.#buffer.length) await this.#makeRoom()
      }
    }
    this.#cut(this.#buffer, true)
    await this.#putNew(this.#buffer)
    return this.#chunks
  }

  #start(): void {
    this.#filled = 0
    this.#uncut = 0
    this.#chunks = []
    this.#put = 0
  }

  /** Puts what can be cut for certain, and moves the rest to the start of the buffer. */
  async #makeRoom(): Promise<void> {
    this.#cut(this.#buffer, false)
    await this.#putNew(this.#buffer)
    this.#buffer.copyWithin(0, this.#uncut, this.#filled)
    this.#filled -= this.#uncut
    this.#uncut = 0
  }

  #cut(window: Uint8Array, isEnd: boolean): void {
    const end = this.#filled
    while (this.#uncut < end && (isEnd || end - this.#uncut >= MAX_CONTENT_CHUNK_BYTES)) {
      this.#endChunk(window, nextCut(window, this.#uncut, end))
    }
  }

  /** `firstChunk` is the number of the segment's first one. */
  #endSegment(firstChunk: number): void {
    const isWhole = this.#chunks.length === firstChunk
    const bytes = this.#filled - this.#uncut
    if (isWhole && bytes <= MAX_WHOLE_SEGMENT_BYTES) this.#endChunk(this.#buffer, this.#filled)
    else this.#cut(this.#buffer, true)
  }

  #endChunk(window: Uint8Array, end: number): void {
    const start = this.#uncut
    if (start === end) return
    this.#chunks.push({ digest: digestOf(window.subarray(start, end)), bytes: end - start })
    this.#uncut = end
  }

  /** What is cut and not put yet lies before the uncut rest of the window. */
  async #putNew(window: Uint8Array): Promise<void> {
    const chunks = this.#chunks.slice(this.#put)
    if (chunks.length === 0) return
    this.#put = this.#chunks.length
    const wanted = await this.#port.ask(chunks)
    const frames: Promise<NewFrame>[] = []
    let start = this.#uncut
    for (const chunk of chunks) start -= chunk.bytes
    for (const [i, chunk] of chunks.entries()) {
      const end = start + chunk.bytes
      if (wanted[i] === true) {
        frames.push(Promise.resolve(this.#storeChunk(chunk, window.subarray(start, end))))
      }
      start = end
    }
    if (frames.length > 0) await this.#port.put(await Promise.all(frames))
  }
}
