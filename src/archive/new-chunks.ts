import type { Digest } from '../core/digest.ts'
import type { ChunkSink } from './archive.ts'
import type { CutChunk, NewFrame, PackPort } from './segment-packer.ts'

/** Sends the chunks of one packing to a sink: each new one once, however often it is cut. */
export class NewChunks implements PackPort {
  readonly #sink: ChunkSink
  readonly #signal: AbortSignal | undefined
  /** Whoever asks for a chunk first puts it. */
  readonly #asked = new Set<Digest>()
  /** Plain bytes cut so far, new or not. */
  bytesCut = 0
  /** Plain bytes, frame bytes and number of the chunks put so far. */
  newBytes = 0
  storedBytes = 0
  newCount = 0

  constructor(sink: ChunkSink, signal: AbortSignal | undefined) {
    this.#sink = sink
    this.#signal = signal
  }

  async ask(chunks: readonly CutChunk[]): Promise<readonly boolean[]> {
    this.#signal?.throwIfAborted()
    const first: CutChunk[] = []
    for (const chunk of chunks) {
      this.bytesCut += chunk.bytes
      if (this.#asked.has(chunk.digest)) continue
      this.#asked.add(chunk.digest)
      first.push(chunk)
    }
    if (first.length === 0) return chunks.map(() => false)
    const has = await this.#sink.has(first.map(({ digest }) => digest))
    const wanted = new Set(first.filter((_, i) => has[i] !== true))
    return chunks.map((chunk) => wanted.has(chunk))
  }

  async put(frames: readonly NewFrame[]): Promise<void> {
    for (const { digest, bytes, frame } of frames) {
      this.#signal?.throwIfAborted()
      await this.#sink.put({ chunk: { digest, bytes }, bytes: frame })
      this.newBytes += bytes
      this.storedBytes += frame.length
      this.newCount += 1
    }
  }
}
