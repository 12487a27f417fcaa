import type { ChunkSink } from '../../src/archive/archive.ts'
import type { Frame } from '../../src/core/chunk.ts'
import type { Digest } from '../../src/core/digest.ts'
import type { ChunkRef } from '../../src/core/manifest.ts'

/** Keeps packed chunks in memory and counts what it was asked and given. */
export class MemorySink implements ChunkSink {
  readonly frames: Map<Digest, Frame> = new Map()
  puts = 0
  bytesPut = 0

  async has(digests: readonly Digest[]): Promise<boolean[]> {
    return digests.map((digest) => this.frames.has(digest))
  }

  async put(frame: Frame): Promise<void> {
    this.puts += 1
    this.bytesPut += frame.chunk.bytes
    this.frames.set(frame.chunk.digest, frame)
  }

  /** The frames of some chunks, in the order given. */
  async *open(chunks: Iterable<ChunkRef>): AsyncGenerator<Frame> {
    for (const { digest } of chunks) yield this.frames.get(digest)!
  }
}
