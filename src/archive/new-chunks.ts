import type { Digest } from '../core/digest.ts'
import { inboxName } from '../core/inbox.ts'
import type { Inbox, WrittenFrame } from '../core/inbox.ts'
import type { ChunkSink } from './archive.ts'
import type { CutChunk, NewFrame, PackPort } from './segment-packer.ts'

/** Sends the chunks of one packing to a sink: each new one once, however often it is cut. */
export class NewChunks implements PackPort {
  readonly #sink: ChunkSink
  readonly #signal: AbortSignal | undefined
  /** Where frames that come as files have been written. */
  inbox: Inbox | undefined
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

  /** Of some chunks those that need not be sent. */
  async hold(digests: ReadonlySet<Digest>): Promise<ReadonlySet<Digest>> {
    if (digests.size === 0) return digests
    const list = [...digests]
    const has = await this.#sink.has(list)
    return new Set(list.filter((_, i) => has[i] === true))
  }

  /** Counts chunks that `hold` has found to be there. */
  skip(chunks: readonly CutChunk[]): void {
    for (const { digest, bytes } of chunks) {
      this.bytesCut += bytes
      this.#asked.add(digest)
    }
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
    this.#signal?.throwIfAborted()
    const written: WrittenFrame[] = []
    for (const { digest, bytes, frame, file, frameBytes } of frames) {
      const chunk = { digest, bytes }
      if (file !== undefined && this.inbox !== undefined) {
        written.push({ chunk, frameBytes, name: inboxName(this.inbox, file) })
      } else if (frame !== undefined) {
        this.#signal?.throwIfAborted()
        await this.#sink.put({ chunk, bytes: frame })
      }
    }
    if (written.length > 0) await this.inbox?.take(written)
    for (const { bytes, frameBytes } of frames) {
      this.newBytes += bytes
      this.storedBytes += frameBytes
      this.newCount += 1
    }
  }
}
