import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { abortable } from '../async/deadline.ts'
import { clearInbox } from '../core/inbox.ts'
import type { ChunkRef } from '../core/manifest.ts'
import type { ArchiveOptions, ChunkSink, PackOptions, Packed } from './archive.ts'
import { textOf } from './byte-path.ts'
import { KIND } from './catalog.ts'
import type { CatalogRow } from './catalog.ts'
import { encodeCatalog } from './catalog-encode.ts'
import { FILE_STATE } from './file-reader.ts'
import { makeNewFrame } from './frame-maker.ts'
import { NewChunks } from './new-chunks.ts'
import { PackCrew } from './pack-crew.ts'
import { PathSelection } from './path-selection.ts'
import { SegmentPacker, WINDOW_BYTES } from './segment-packer.ts'
import type { CutChunk, Deviation, PackedSegments, SegmentJob } from './segment-packer.ts'
import { Segmenter, encodePieces } from './segment.ts'
import type { Piece, Segment } from './segment.ts'
import { changedError, scanTree } from './tree-scan.ts'
import type { ScannedRow } from './tree-scan.ts'

/** Starting a thread takes some 40 ms, in which one thread packs about this much. */
const THREAD_FROM_BYTES = 16 * 1024 * 1024
const THREAD_FROM_FILES = 1500
// One byte more than a file has is read to see its end.
const JOB_BYTES = WINDOW_BYTES - 64 * 1024
/** A slice of 32 MiB has a quarter as many. */
const MAX_CHUNKS_A_JOB = 4096
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
  readonly #sink: ChunkSink
  /** What of `#segments` nobody has taken yet. */
  #nextSegment = 0
  #waitingBytes = 0
  #bytesScanned = 0
  #files = 0
  #progressFiles = 0

  constructor(selection: PathSelection, sink: ChunkSink, options: PackOptions) {
    this.#selection = selection
    this.#sink = sink
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
      this.#clearInbox()
      throw error
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  #clearInbox(): void {
    const { inbox } = this.#newChunks
    try {
      if (inbox !== undefined) clearInbox(inbox)
    } catch {
      // The store sweeps it later; the reason why packing failed is what matters.
    }
  }

  async #run(): Promise<Packed> {
    const segmenter = new Segmenter((segment) => {
      this.#segments.push(segment)
      this.#waitingBytes += segment.bytes
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

  /** Resolves once there is enough for a job (true) or there will be nothing more. */
  async #hasJob(): Promise<boolean> {
    while (!this.#scanned && this.#waitingBytes < JOB_BYTES) await this.#change()
    return this.#nextSegment < this.#segments.length
  }

  /** The next segments, as far as they fit one window, in one piece of work: so each asks once what is new. */
  #takeJob(): readonly Piece[] {
    const pieces: Piece[] = []
    let bytes = 0
    for (;;) {
      const segment = this.#segments[this.#nextSegment]
      if (segment === undefined || (pieces.length > 0 && bytes + segment.bytes > JOB_BYTES)) break
      for (const piece of segment.pieces) pieces.push(piece)
      bytes += segment.bytes
      this.#nextSegment += 1
    }
    this.#waitingBytes -= bytes
    return pieces
  }

  async #change(): Promise<void> {
    await abortable(new Promise<void>((resolve) => (this.#wake = resolve)), this.#stop.signal)
  }

  async #packSegments(): Promise<void> {
    while (!this.#scanned && !this.#isLarge()) await this.#change()
    const threads = this.#isLarge() ? threadsOf(this.#options) : 0
    await using crew = new PackCrew(this.#newChunks, threads)
    if (threads > 0) this.#newChunks.inbox = await this.#sink.inbox?.()
    const running = new Set<Promise<void>>()
    for (let job = 0; await this.#hasJob(); job += 1) {
      const pack = await abortable(crew.reserve(), this.#stop.signal)
      const work = this.#packJob(job, pack).finally(() => running.delete(work))
      work.catch((error: unknown) => this.#stop.abort(error))
      running.add(work)
    }
    await abortable(Promise.all(running), this.#stop.signal)
  }

  #isLarge(): boolean {
    return this.#bytesScanned > THREAD_FROM_BYTES || this.#files > THREAD_FROM_FILES
  }

  async #packJob(index: number, pack: (job: SegmentJob) => Promise<PackedSegments>): Promise<void> {
    const pieces = this.#takeJob()
    const { inbox } = this.#newChunks
    const { chunks, deviations } = await pack({
      ...encodePieces(pieces),
      inbox: inbox && {
        path: join(inbox.folder, inbox.prefix),
        firstFile: index * MAX_CHUNKS_A_JOB,
      },
    })
    this.#results[index] = chunks
    const changed = new Map<number, Deviation>()
    for (const deviation of deviations) changed.set(deviation.piece, deviation)
    for (const [i, { row, bytes, offset, last }] of pieces.entries()) {
      const deviation = changed.get(i)
      if (deviation !== undefined && deviation.state !== FILE_STATE.AS_FOUND) {
        this.#noteChange(row, deviation.state)
      }
      if (deviation !== undefined || offset > 0 || !last) {
        this.#sizes.set(row, (this.#sizes.get(row) ?? 0) + (deviation?.bytes ?? bytes))
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
    const packer = new SegmentPacker(this.#newChunks, makeNewFrame)
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
