import { SwarmCacheError } from '../core/errors.ts'
import type { Frame } from '../core/chunk.ts'
import type { Digest } from '../core/digest.ts'
import type { ChunkRef } from '../core/manifest.ts'

/** The chunks of a list, each digest once, in the order of their first use. */
export function distinctChunks(chunks: readonly ChunkRef[]): ChunkRef[] {
  return [...new Map(chunks.map((chunk) => [chunk.digest, chunk])).values()]
}

/** Frames in the order of `chunks` (which may repeat a digest), from frames that come in any order, each once. */
export async function* orderFrames(
  chunks: readonly ChunkRef[],
  frames: AsyncIterable<Frame>,
): AsyncIterable<Frame> {
  const remaining = new Map<Digest, number>()
  for (const { digest } of chunks) remaining.set(digest, (remaining.get(digest) ?? 0) + 1)
  const waiting = new Map<Digest, Frame>()
  let next = 0
  for await (const frame of frames) {
    waiting.set(frame.chunk.digest, frame)
    for (;;) {
      const digest = chunks[next]?.digest
      const ready = digest === undefined ? undefined : waiting.get(digest)
      if (digest === undefined || ready === undefined) break
      next += 1
      const uses = (remaining.get(digest) ?? 0) - 1
      remaining.set(digest, uses)
      if (uses <= 0) waiting.delete(digest)
      yield ready
    }
  }
  if (next < chunks.length) {
    throw new SwarmCacheError(
      'ERR_PEER',
      `Only ${next} of ${chunks.length} chunks of a catalog could be read.`,
    )
  }
}
