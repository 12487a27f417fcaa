import { availableParallelism } from 'node:os'
import { abortable } from '../async/deadline.ts'
import { makeFrame } from '../core/chunk.ts'
import type { ChunkRef } from '../core/manifest.ts'
import type { ArchiveOptions, ChunkSink, PackOptions, Packed } from './archive.ts'
import { textOf } from './byte-path.ts'
import { KIND } from './catalog.ts'
import type { CatalogRow } from './catalog.ts'
import { encodeCatalog } from './catalog-encode.ts'
import { FILE_STATE } from './file-reader.ts'
import { NewChunks } from './new-chunks.ts'
import { PackCrew } from './pack-crew.ts'
import { PathSelection } from './path-selection.ts'
import { NUMBERS_A_PIECE, SegmentPacker } from './segment-packer.ts'
import type { CutChunk, PackedSegment, SegmentJob } from './segment-packer.ts'
import { Segmenter } from './segment.ts'
import type { Segment } from './segment.ts'
import { changedError, scanTree } from './tree-scan.ts'
import type { ScannedRow } from './tree-scan.ts'

/** Starting a thread takes some 40 ms, in which one thread packs about this much. */
const THREAD_FROM_BYTES = 16 * 1024 * 1024
const THREAD_FROM_FILES = 1500
/** More threads than this wait for the disk and for the one that feeds them. */
const MAX_DEFAULT_THREADS = 4

/** Packs what the declared paths select; see `Archive.pack`. */
export async function packTree(
  paths: readonly string[],
  sink: ChunkSink,
  options: PackOptions,
): Promise<Packed> {
  const selection = PathSelection.of(paths, options.workingDirectory)
  return await new Packing(selection, sink, options).run()
}

/** How many threads serve `options` beside the caller's. */
export function threadsOf(options: ArchiveOptions): number {
  return options.threads ?? Math.min(availableParallelism(), MAX_DEFAULT_THREADS)
}

class Packing {
  readonly #selection: PathSelection
  readonly #options: PackOptions
  /** Aborts with the caller's signal, and with the first failure so that nothing goes on after it. */
  readonly #stop = new AbortController()
  readonly #rows: ScannedRow[] = []
  readonly #segments: Segment[] = []
  readonly #results: (readonly CutChunk[])[] = []
  readonly #newChunks: NewChunks
  readonly #warnings = new Set<string>()
  readonly #sizes = new Map<ScannedRow, number>()
  readonly #vanished = new Set<CatalogRow>()
  #bytesScanned = 0
  #files = 0
  #progressFiles = 0

  constructor(selection: PathSelection, sink: ChunkSink, options: PackOptions) {
    this.#selection = selection
    this.#newChunks = new NewChunks(sink, this.#stop.signal)
    this.#options = options
  }

  async run(): Promise<Packed> {
    const { signal } = this.#options
    signal?.throwIfAborted()
    const onAbort = (): void => this.#stop.abort(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      return await this.#run()
    } catch (error) {
      this.#stop.abort(error)
      throw error
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  async #run(): Promise<Packed> {
    const segmenter = new Segmenter((segment) => {
      this.#segments.push(segment)
      this.#wake()
    })
    const stopping = (error: unknown): void => this.#stop.abort(error)
    // Both must have come to rest before the outcome is told, whichever fails first.
    await Promise.all([this.#scan(segmenter).catch(stopping), this.#packSegments().catch(stopping)])
    this.#stop.signal.throwIfAborted()
    const chunks = this.#results.flat()
    const { newBytes, newCount } = this.#newChunks
    const rows = this.#rowsAsRead()
    const catalog = await this.#packCatalog(rows)
    let contentBytes = 0
    for (const chunk of chunks) contentBytes += chunk.bytes
    return {
      manifest: { catalog, content: chunks },
      files: rows.filter((row) => row.kind >= KIND.FILE).length,
      bytes: { content: contentBytes, new: newBytes, stored: this.#newChunks.storedBytes },
      chunks: { total: chunks.length, new: newCount },
      warnings: [...this.#warnings],
    }
  }

  async #scan(segmenter: Segmenter): Promise<void> {
    await scanTree(this.#selection, {
      signal: this.#stop.signal,
      onRow: (row) => {
        this.#rows.push(row)
        this.#bytesScanned += row.bytes
        this.#files += 1
        segmenter.add(row)
      },
      unchangedSince: this.#options.unchangedSince,
      onWarning: (text) => this.#warnings.add(text),
    })
    if (this.#rows.length === 0) throw this.#selection.nothingFound()
    segmenter.end()
    this.#scanned = true
    this.#wake()
  }

  #scanned = false
  #wake: () => void = () => {}

  /** Resolves once there is a segment at `index` (true) or there will be none. */
  async #hasSegment(index: number): Promise<boolean> {
    while (index >= this.#segments.length) {
      if (this.#scanned) return false
      await this.#change()
    }
    return true
  }

  async #change(): Promise<void> {
    await abortable(new Promise<void>((resolve) => (this.#wake = resolve)), this.#stop.signal)
  }

  async #packSegments(): Promise<void> {
    while (!this.#scanned && !this.#isLarge()) await this.#change()
    const threads = this.#isLarge() ? threadsOf(this.#options) : 0
    await using crew = new PackCrew(this.#newChunks, threads)
    const running = new Set<Promise<void>>()
    for (let index = 0; await this.#hasSegment(index); index += 1) {
      const pack = await abortable(crew.reserve(), this.#stop.signal)
      const work = this.#packSegment(index, pack).finally(() => running.delete(work))
      work.catch((error: unknown) => this.#stop.abort(error))
      running.add(work)
    }
    await abortable(Promise.all(running), this.#stop.signal)
  }

  #isLarge(): boolean {
    return this.#bytesScanned > THREAD_FROM_BYTES || this.#files > THREAD_FROM_FILES
  }

  async #packSegment(
    index: number,
    pack: (job: SegmentJob) => Promise<PackedSegment>,
  ): Promise<void> {
    const { pieces } = this.#segments[index]!
    const numbers = new Float64Array(pieces.length * NUMBERS_A_PIECE)
    for (const [i, { row, offset, bytes, last }] of pieces.entries()) {
      numbers.set([offset, bytes, row.seconds, row.nanos, last ? 1 : 0], i * NUMBERS_A_PIECE)
    }
    const packed = await pack({ paths: pieces.map(({ row }) => row.path).join('\0'), numbers })
    this.#results[index] = packed.chunks
    for (const [i, piece] of pieces.entries()) {
      const { row, bytes, offset, last } = piece
      const size = packed.sizes[i]!
      if (packed.states[i] !== FILE_STATE.AS_FOUND) this.#noteChange(row, packed.states[i]!)
      if (size !== bytes || offset > 0 || !last) {
        this.#sizes.set(row, (this.#sizes.get(row) ?? 0) + size)
      }
      if (last) this.#progressFiles += 1
    }
    this.#options.onProgress?.({ bytes: this.#newChunks.bytesCut, files: this.#progressFiles })
  }

  #noteChange(row: ScannedRow, state: number): void {
    if (this.#options.unchangedSince !== undefined) throw changedError(row.path)
    const path = textOf(row.path)
    if (state === FILE_STATE.VANISHED) this.#vanished.add(row)
    const text =
      state === FILE_STATE.VANISHED
        ? `${path} vanished before it was read: left out.`
        : `${path} changed while it was read: saved as it was read.`
    this.#warnings.add(text)
  }

  /** The rows of the catalog: what vanished left out, sizes as read. */
  #rowsAsRead(): readonly CatalogRow[] {
    if (this.#sizes.size === 0 && this.#vanished.size === 0) return this.#rows
    const replaced = new Map<CatalogRow, CatalogRow>()
    const rows: CatalogRow[] = []
    for (const row of this.#rows) {
      const bytes = this.#sizes.get(row) ?? row.bytes
      if (this.#vanished.has(row) && bytes === 0) continue
      if (row.source !== undefined && !replaced.has(row.source)) continue
      const source = row.source === undefined ? undefined : replaced.get(row.source)
      const { kind, depth, pattern, name, mode, seconds, nanos, target } = row
      const kept = { kind, depth, pattern, name, mode, seconds, nanos, bytes, target, source }
      replaced.set(row, kept)
      rows.push(kept)
    }
    return withoutEmptyAncestors(rows)
  }

  async #packCatalog(rows: readonly CatalogRow[]): Promise<readonly ChunkRef[]> {
    const packer = new SegmentPacker(this.#newChunks, makeFrame)
    return await abortable(packer.packBytes(encodeCatalog(rows)), this.#stop.signal)
  }
}

/** Children can vanish; a folder that was listed for their sake goes with them. */
function withoutEmptyAncestors(rows: readonly CatalogRow[]): readonly CatalogRow[] {
  const kept: CatalogRow[] = []
  let depthBelow = -1
  for (const row of rows.toReversed()) {
    const hasChild = depthBelow === row.depth + 1
    if (row.kind === KIND.ANCESTOR && !hasChild) continue
    kept.push(row)
    depthBelow = row.depth
  }
  return kept.toReversed()
}
