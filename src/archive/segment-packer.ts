import { digestOf } from '../core/digest.ts'
import type { Digest } from '../core/digest.ts'
import { FileReader } from './file-reader.ts'
import type { FileState } from './file-reader.ts'
import { MAX_CONTENT_CHUNK_BYTES, nextCut } from './fastcdc.ts'
import { freeMemory } from './free-memory.ts'

// One packer holds this much plain content, whatever it packs; two or three a thread hide the time that
// asking and storing take.
const WINDOW_BYTES = 4 * 1024 * 1024

/** A chunk as cut: its name and plain size. */
export interface CutChunk {
  readonly digest: Digest
  readonly bytes: number
}

/** A new chunk, compressed. */
export interface NewFrame extends CutChunk {
  readonly frame: Uint8Array
}

/** What a packer needs of the side that knows which chunks exist. */
export interface PackPort {
  /** For each chunk whether it is new and must be put. */
  ask(chunks: readonly CutChunk[]): Promise<readonly boolean[]>
  put(frames: readonly NewFrame[]): Promise<void>
}

/** A segment in the form that crosses threads cheaply. */
export interface SegmentJob {
  /** Paths as byte strings, joined with NUL. */
  readonly paths: string
  /** For each piece: offset, expected bytes, seconds and nanoseconds of its modification time, 1 if last. */
  readonly numbers: Float64Array
}

export const NUMBERS_A_PIECE = 5

/** What became of a segment. */
export interface PackedSegment {
  readonly chunks: readonly CutChunk[]
  /** Bytes really read of each piece. */
  readonly sizes: Float64Array
  /** For each piece as it was found: 0, or why it was not. */
  readonly states: Uint8Array
}

/** Reads, cuts, hashes and compresses one segment at a time, with a fixed amount of memory. */
export class SegmentPacker {
  readonly #port: PackPort
  readonly #makeFrame: (plain: Uint8Array) => Uint8Array | Promise<Uint8Array>
  readonly #buffer = Buffer.allocUnsafeSlow(WINDOW_BYTES)
  #chunks: CutChunk[] = []

  constructor(port: PackPort, makeFrame: (plain: Uint8Array) => Uint8Array | Promise<Uint8Array>) {
    this.#port = port
    this.#makeFrame = makeFrame
  }

  /** @throws ERR_PATH naming a file that cannot be read, or what the port throws. */
  async pack(job: SegmentJob): Promise<PackedSegment> {
    const { numbers } = job
    const paths = job.paths.split('\0')
    const sizes = new Float64Array(paths.length)
    const states = new Uint8Array(paths.length)
    this.#chunks = []
    let filled = 0
    for (const [i, path] of paths.entries()) {
      const at = i * NUMBERS_A_PIECE
      using reader = new FileReader(path, {
        offset: numbers[at]!,
        bytes: numbers[at + 1]!,
        seconds: numbers[at + 2]!,
        nanos: numbers[at + 3]!,
        last: numbers[at + 4] === 1,
      })
      for (;;) {
        filled += reader.read(this.#buffer, filled)
        if (reader.done) break
        filled = await this.#flush(filled, false)
      }
      sizes[i] = reader.bytesRead
      states[i] = reader.state satisfies FileState
    }
    await this.#flush(filled, true)
    return { chunks: this.#chunks, sizes, states }
  }

  /** Packs content that is in memory already. */
  async packBytes(bytes: Uint8Array): Promise<readonly CutChunk[]> {
    this.#chunks = []
    await this.#packWindow(bytes, bytes.length, true)
    return this.#chunks
  }

  /** Packs content as it arrives. */
  async packStream(content: AsyncIterable<Uint8Array>): Promise<readonly CutChunk[]> {
    this.#chunks = []
    let filled = 0
    for await (const bytes of content) {
      for (let taken = 0; taken < bytes.length;) {
        const part = bytes.subarray(taken, taken + this.#buffer.length - filled)
        this.#buffer.set(part, filled)
        taken += part.length
        filled += part.length
        if (filled === this.#buffer.length) filled = await this.#flush(filled, false)
      }
    }
    await this.#flush(filled, true)
    return this.#chunks
  }

  /** Packs what is in the buffer as far as cuts are certain; returns how much is left at its start. */
  async #flush(filled: number, isEnd: boolean): Promise<number> {
    const done = await this.#packWindow(this.#buffer, filled, isEnd)
    this.#buffer.copyWithin(0, done, filled)
    return filled - done
  }

  async #packWindow(window: Uint8Array, end: number, isEnd: boolean): Promise<number> {
    const plains: Uint8Array[] = []
    const chunks: CutChunk[] = []
    let start = 0
    while (start < end && (isEnd || end - start >= MAX_CONTENT_CHUNK_BYTES)) {
      const cut = nextCut(window, start, end)
      const plain = window.subarray(start, cut)
      plains.push(plain)
      chunks.push({ digest: digestOf(plain), bytes: plain.length })
      start = cut
    }
    if (chunks.length > 0) await this.#putNew(chunks, plains)
    return start
  }

  async #putNew(chunks: readonly CutChunk[], plains: readonly Uint8Array[]): Promise<void> {
    for (const chunk of chunks) this.#chunks.push(chunk)
    const wanted = await this.#port.ask(chunks)
    const frames: Promise<NewFrame>[] = []
    for (const [i, chunk] of chunks.entries()) {
      if (wanted[i] === true) frames.push(this.#compress(chunk, plains[i]!))
    }
    if (frames.length > 0) await this.#port.put(await Promise.all(frames))
  }

  async #compress(chunk: CutChunk, plain: Uint8Array): Promise<NewFrame> {
    // A copy of the exact size: the compressor's buffer has room for incompressible input.
    const roomy = await this.#makeFrame(plain)
    const frame = new Uint8Array(roomy)
    freeMemory(roomy)
    return { ...chunk, frame }
  }
}
