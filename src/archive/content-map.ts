import { SwarmCacheError } from '../core/errors.ts'
import type { Digest } from '../core/digest.ts'
import type { ChunkRef } from '../core/manifest.ts'
import type { CatalogColumns } from './catalog.ts'

/** A chunk that is needed, and every place in the content where it belongs. */
export interface PlacedChunk {
  readonly chunk: ChunkRef
  readonly places: readonly number[]
}

/** First of `columns.contentFiles` (as position in it) whose content ends after `offset`. */
export function firstContentFile(columns: CatalogColumns, offset: number): number {
  const { contentFiles, starts, sizes } = columns
  let low = 0
  let high = contentFiles.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const file = contentFiles[middle]!
    if (starts[file]! + sizes[file]! > offset) high = middle
    else low = middle + 1
  }
  return low
}

/**
 * The chunks that hold content of the files that `isNeeded`, in the order of the content, none twice;
 * counts in `pieces` how many chunks each file is spread over.
 *
 * @throws ERR_INTEGRITY if the manifest gives one digest two sizes.
 */
export function placeChunks(
  content: readonly ChunkRef[],
  columns: CatalogColumns,
  isNeeded: (file: number) => boolean,
  pieces: Int32Array,
): Map<Digest, PlacedChunk> {
  const { contentFiles, starts, sizes } = columns
  const placed = new Map<Digest, { chunk: ChunkRef; places: number[] }>()
  let offset = 0
  let next = 0
  for (const chunk of content) {
    const end = offset + chunk.bytes
    let needed = false
    for (; next < contentFiles.length; next += 1) {
      const file = contentFiles[next]!
      if (starts[file]! >= end) break
      needed ||= isNeeded(file)
      pieces[file]! += 1
      // The file goes on in the next chunk.
      if (starts[file]! + sizes[file]! > end) break
    }
    if (needed) {
      const known = placed.get(chunk.digest)
      if (known === undefined) placed.set(chunk.digest, { chunk, places: [offset] })
      else if (known.chunk.bytes === chunk.bytes) known.places.push(offset)
      else {
        throw new SwarmCacheError(
          'ERR_INTEGRITY',
          `The manifest gives the chunk ${chunk.digest} both ${known.chunk.bytes} and ${chunk.bytes} bytes.`,
          { facts: { digest: chunk.digest, malformed: true } },
        )
      }
    }
    offset = end
  }
  return placed
}
