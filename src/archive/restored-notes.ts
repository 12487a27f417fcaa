import { lstatSync, statSync } from 'node:fs'
import type { BigIntStats } from 'node:fs'
import type { Digest } from '../core/digest.ts'
import type { ChunkRef } from '../core/manifest.ts'
import { KIND } from './catalog.ts'
import type { CatalogColumns } from './catalog.ts'
import type { CatalogPaths } from './catalog-paths.ts'
import { MAX_CONTENT_CHUNK_BYTES, MIN_CHUNK_BYTES } from './fastcdc.ts'
import { SegmentKeys } from './segment-key.ts'
import { restoredNotes, writeNotes } from './segment-notes.ts'
import type { TimeSpan } from './segment-notes.ts'
import { MAX_WHOLE_SEGMENT_BYTES, Segmenter } from './segment.ts'
import type { Segment, SegmentRow } from './segment.ts'
import { PATH_HASH_START, hashName } from './tree-scan.ts'

/** A tree that has just been written. */
export interface RestoredTree {
  readonly columns: CatalogColumns
  readonly paths: CatalogPaths
  readonly content: readonly ChunkRef[]
  /** Whether a file was written, rather than found in place by its size, time and mode. */
  readonly isWritten: (file: number) => boolean
  /** Whether the root of a pattern may be a link to a folder. */
  readonly followsRoot: (pattern: number) => boolean
  readonly span: TimeSpan
}

/**
 * Notes the segments of a tree that has just been written, for the next packing, without a look at its files: their
 * folders tell which files they are, and the time of the writing that they have not been changed since.
 */
export function noteRestored(notes: string, tree: RestoredTree): void {
  // Elsewhere times are not restored to the nanosecond, and a file need not get a new ctime with a new name.
  if (process.platform !== 'linux') return
  try {
    const found = new RestoredSegments(tree).find()
    if (found.size > 0) writeNotes(restoredNotes(notes), found, tree.span)
  } catch {
    // A folder may not be looked at: the next packing reads every file.
  }
}

interface RestoredRow extends SegmentRow {
  readonly index: number
}

class RestoredSegments {
  readonly #tree: RestoredTree
  readonly #keys = new SegmentKeys(0)
  readonly #folders = new Map<number, BigIntStats | undefined>()
  readonly #pathHashes: Uint32Array
  readonly #found = new Map<Digest, readonly ChunkRef[]>()
  /** Of the content: the next chunk, where it starts, and where the next segment does. */
  #chunk = 0
  #chunkStart = 0
  #segmentStart = 0

  constructor(tree: RestoredTree) {
    this.#tree = tree
    this.#pathHashes = new Uint32Array(tree.columns.count)
  }

  find(): ReadonlyMap<Digest, readonly ChunkRef[]> {
    const { columns, paths } = this.#tree
    const { kinds, parents, seconds, nanos, sizes } = columns
    const segmenter = new Segmenter<RestoredRow>((segment) => this.#add(segment))
    for (let index = 0; index < columns.count; index += 1) {
      const parent = parents[index]!
      const name = parent < 0 ? '' : paths.nameOf(index)
      const pathHash = parent < 0 ? PATH_HASH_START : hashName(this.#pathHashes[parent]!, name)
      this.#pathHashes[index] = pathHash
      if (kinds[index] !== KIND.FILE) continue
      const time = { seconds: seconds[index]!, nanos: nanos[index]! }
      segmenter.add({ index, kind: KIND.FILE, name, pathHash, bytes: sizes[index]!, ...time })
    }
    segmenter.end()
    return this.#found
  }

  #add(segment: Segment<RestoredRow>): void {
    const chunks = this.#chunksOf(segment.bytes)
    if (chunks === undefined || !segment.pieces.every(({ row }) => this.#isWritten(row))) return
    const key = this.#keys.restoredKeyOf(segment, (row) => this.#folderOf(row))
    if (key !== undefined) this.#found.set(key, chunks)
  }

  #isWritten({ index }: RestoredRow): boolean {
    return this.#tree.isWritten(index)
  }

  /** The chunks of the next so many bytes, if packing would cut them in the same way. */
  #chunksOf(bytes: number): readonly ChunkRef[] | undefined {
    const { content } = this.#tree
    const start = this.#segmentStart
    const end = start + bytes
    this.#segmentStart = end
    const chunks: ChunkRef[] = []
    let isApart = true
    while (this.#chunkStart < end && this.#chunk < content.length) {
      const chunk = content[this.#chunk]!
      const chunkEnd = this.#chunkStart + chunk.bytes
      isApart &&= this.#chunkStart >= start && chunkEnd <= end
      chunks.push(chunk)
      // It belongs to the next segment as well.
      if (chunkEnd > end) break
      this.#chunk += 1
      this.#chunkStart = chunkEnd
    }
    if (!isApart) return undefined
    if (bytes <= MAX_WHOLE_SEGMENT_BYTES) return chunks.length <= 1 ? chunks : undefined
    const isUsual = chunks.every(
      (chunk, i) =>
        chunk.bytes <= MAX_CONTENT_CHUNK_BYTES &&
        (chunk.bytes > MIN_CHUNK_BYTES || i === chunks.length - 1),
    )
    return isUsual ? chunks : undefined
  }

  #folderOf({ index }: RestoredRow): BigIntStats | undefined {
    const { columns, paths, followsRoot } = this.#tree
    const folder = columns.parents[index]!
    if (folder < 0 || this.#folders.has(folder)) return this.#folders.get(folder)
    const parent = columns.parents[folder]!
    const look = parent < 0 && followsRoot(-1 - parent) ? statSync : lstatSync
    const options = { bigint: true, throwIfNoEntry: false } as const
    const stats = look(paths.fsPathOf(folder), options)
    this.#folders.set(folder, stats)
    return stats
  }
}
