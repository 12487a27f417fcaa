import type { ChunkRef } from '../core/manifest.ts'
import type { FetchSource } from './fetch-source.ts'

// What an idle source duplicates at a time, of chunks that another was asked for at least so long ago.
const DUPLICATE_BYTES = 1024 * 1024
const DUPLICATE_AFTER_MS = 100
/** How many sources a chunk is asked of at once. */
export const MAX_COPIES = 2

/**
 * What a source without anything left to do should fetch of what others still owe.
 *
 * The tail of a fetch is as slow as its slowest source; with a few chunks asked for twice, and the
 * second copy cancelled when the first arrives, it is about as slow as the fastest.
 */
export function chunksToDuplicate(
  idle: FetchSource,
  others: Iterable<FetchSource>,
  copiesOf: (chunk: ChunkRef) => number,
  now: number,
): ChunkRef[] {
  const chosen = new Map<string, ChunkRef>()
  let bytes = 0
  for (const other of others) {
    if (other === idle) continue
    // The newest first: a source answers in order, so these would come last.
    for (const { chunk, askedAt } of [...other.outstanding.values()].reverse()) {
      if (bytes >= DUPLICATE_BYTES) return [...chosen.values()]
      if (now - askedAt < DUPLICATE_AFTER_MS || idle.cursor.lacks.has(chunk.digest)) continue
      if (chosen.has(chunk.digest) || copiesOf(chunk) >= MAX_COPIES) continue
      chosen.set(chunk.digest, chunk)
      bytes += chunk.bytes
    }
  }
  return [...chosen.values()]
}
