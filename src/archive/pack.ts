import { join } from 'node:path'
import { abortable } from '../async/deadline.ts'
import { clearInbox } from '../core/inbox.ts'
import type { Inbox } from '../core/inbox.ts'
import type { Digest } from '../core/digest.ts'
import type { ChunkRef } from '../core/manifest.ts'
import type { ChunkSink, PackOptions, Packed } from './archive.ts'
import { textOf } from './byte-path.ts'
import type { BytePath } from './byte-path.ts'
import { CatalogWriter } from './catalog-encode.ts'
import { amendCatalog } from './catalog-rows.ts'
import { FILE_STATE } from './file-reader.ts'
import type { FileState } from './file-reader.ts'
import { makeNewFrame } from './frame-maker.ts'
import { KnownSegments } from './known-segments.ts'
import { NewChunks } from './new-chunks.ts'
import { PackCrew } from './pack-crew.ts'
import { PathSelection } from './path-selection.ts'
import { PackJobs } from './pack-jobs.ts'
import { NUMBERS_A_PIECE, SegmentPacker } from './segment-packer.ts'
import type { CutChunk, PackedSegments, SegmentJob } from './segment-packer.ts'
import { Segmenter } from './segment.ts'
import type { Segment } from './segment.ts'
import { changedError, scanTree } from './tree-scan.ts'
import { threadsOf } from './worker-thread.ts'

/** Starting a thread takes some 40 ms, in which one thread packs about this much. */
const THREAD_FROM_BYTES = 16 * 1024 * 1024
const THREAD_FROM_FILES = 1500
/** A slice of 32 MiB has a quarter as many. */
const MAX_CHUNKS_A_JOB = 4096

/** Packs what the declared paths select; see `Archive.pack`. */
export async function packTree(
  paths: readonly string[],
  sink: ChunkSink,
  options: PackOptions,
): Promise<Packed> {
  const selection = PathSelection.of(paths, options.workingDirectory)
  return await new Packing(selection, sink, options).run()
}

/** A segment that is as it was noted; its chunks may be gone. */
interface NotedSegment {
  readonly segment: Segment
  readonly number: number
  readonly key: Digest
  readonly chunks: readonly ChunkRef[]
}

class Packing {
  readonly #selection: PathSelection
  readonly #options: PackOptions
  /** Aborts with the caller's signal, and with the first failure so that nothing goes on after it. */
  readonly #stop = new AbortController()
  readonly #catalog = new CatalogWriter()
  readonly #jobs = new PackJobs()
  /** Of segments by their number: their keys if they have one, and their chunks. */
  readonly #keys: (Digest | undefined)[] = []
  readonly #results: (readonly CutChunk[])[] = []
  #known: KnownSegments | undefined
  #undecided: NotedSegment[] = []
  #crew: PackCrew | undefined
  readonly #newChunks: NewChunks
  readonly #newCatalogChunks: NewChunks
  readonly #warnings = new Set<string>()
  /** Of files by their row: bytes read more than expected, and what could not be read at all. */
  readonly #growth = new Map<number, number>()
  readonly #vanished = new Set<number>()
  readonly #sink: ChunkSink
  #bytesScanned = 0
  #progressFiles = 0

  constructor(selection: PathSelection, sink: ChunkSink, options: PackOptions) {
    this.#selection = selection
    this.#sink = sink
    this.#newChunks = new NewChunks(sink, this.#stop.signal)
    this.#newCatalogChunks = new NewChunks(sink, this.#stop.signal)
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
    const stopping = (error: unknown): void => this.#stop.abort(error)
    const scanned = this.#scan()
    const asFound = scanned.then(async () => await this.#packCatalog(this.#catalog.finish()))
    // All must have come to rest before the outcome is told, whichever fails first.
    await Promise.all([asFound.catch(stopping), this.#packSegments().catch(stopping)])
    this.#stop.signal.throwIfAborted()
    const chunks = this.#results.flat()
    this.#known?.finish()
    const { newBytes, newCount, storedBytes } = this.#newChunks
    const amended = this.#amendedCatalog()
    const catalog = await (amended === undefined ? asFound : this.#packCatalog(amended.catalog))
    let contentBytes = 0
    for (const chunk of chunks) contentBytes += chunk.bytes
    return {
      manifest: { catalog, content: chunks },
      files: amended?.files ?? this.#catalog.files,
      bytes: {
        content: contentBytes,
        new: newBytes,
        stored: storedBytes + this.#newCatalogChunks.storedBytes,
      },
      chunks: { total: chunks.length, new: newCount },
      warnings: [...this.#warnings],
    }
  }

  async #scan(): Promise<void> {
    const segmenter = new Segmenter((segment) => this.#addSegment(segment))
    const { notes } = this.#options
    if (notes !== undefined) this.#known = new KnownSegments(notes, this.#newChunks, Date.now())
    const prepared = this.#known?.prepare().then(() => this.#decide())
    prepared?.catch((error: unknown) => this.#stop.abort(error))
    await scanTree(this.#selection, {
      signal: this.#stop.signal,
      onRow: (row) => {
        row.index = this.#catalog.add(row, row.source?.index)
        this.#bytesScanned += row.bytes
        segmenter.add(row)
      },
      unchangedSince: this.#options.unchangedSince,
      onWarning: (text) => this.#warnings.add(text),
    })
    if (this.#catalog.count === 0) throw this.#selection.nothingFound()
    segmenter.end()
    await abortable(Promise.resolve(prepared), this.#stop.signal)
    this.#jobs.end()
    this.#scanned = true
    this.#wake()
  }

  #addSegment(segment: Segment): void {
    const number = this.#keys.length
    const { key, chunks } = this.#known?.look(segment) ?? {}
    this.#keys.push(key)
    if (key === undefined || chunks === undefined) {
      this.#addJob(segment, number)
      return
    }
    this.#undecided.push({ segment, number, key, chunks })
    if (this.#known!.isReady) this.#decide()
  }

  #addJob(segment: Segment, number: number): void {
    this.#jobs.add(segment, number)
    this.#crew?.grow(this.#threadsWanted())
    this.#wake()
  }

  /** Has those noted segments packed of which chunks are gone. */
  #decide(): void {
    const undecided = this.#undecided
    this.#undecided = []
    for (const { segment, number, key, chunks } of undecided) {
      if (!this.#known!.takes(key, chunks)) {
        this.#addJob(segment, number)
        continue
      }
      this.#results[number] = chunks
      this.#progressed(segment.pieces.filter(({ last }) => last).length)
    }
  }

  #scanned = false
  #wake: () => void = () => {}

  /** Resolves once there is a job (true) or there will be no more. */
  async #hasJob(): Promise<boolean> {
    while (!this.#scanned && !this.#jobs.hasNext) await this.#change()
    return this.#jobs.hasNext
  }

  async #change(): Promise<void> {
    await abortable(new Promise<void>((resolve) => (this.#wake = resolve)), this.#stop.signal)
  }

  async #packSegments(): Promise<void> {
    while (!this.#scanned && this.#threadsWanted() === 0) await this.#change()
    const threads = this.#threadsWanted()
    await using crew = new PackCrew(this.#newChunks, threads)
    if (threads > 0) this.#crew = crew
    if (threads > 0) this.#newChunks.inbox = await this.#openInbox()
    const running = new Set<Promise<void>>()
    while (await this.#hasJob()) {
      const pack = await abortable(crew.reserve(), this.#stop.signal)
      const work = this.#packJob(pack).finally(() => running.delete(work))
      work.catch((error: unknown) => this.#stop.abort(error))
      running.add(work)
    }
    await abortable(Promise.all(running), this.#stop.signal)
  }

  /** Without an inbox chunks are put, which says what is wrong if that cannot be done either. */
  async #openInbox(): Promise<Inbox | undefined> {
    try {
      return await abortable(Promise.resolve(this.#sink.inbox?.()), this.#stop.signal)
    } catch {
      this.#stop.signal.throwIfAborted()
      return undefined
    }
  }

  /** So many for the work that is known: one that comes late packs less than its start costs. */
  #threadsWanted(): number {
    const { bytesAdded, filesAdded } = this.#jobs
    const starts = Math.max(bytesAdded / THREAD_FROM_BYTES, filesAdded / THREAD_FROM_FILES)
    return Math.min(threadsOf(this.#options), Math.floor(starts))
  }

  async #packJob(pack: (job: SegmentJob) => Promise<PackedSegments>): Promise<void> {
    const { index, job, rows, files, segments } = this.#jobs.take()
    const { inbox } = this.#newChunks
    const { chunks, ends, deviations } = await pack({
      ...job,
      inbox: inbox && {
        path: join(inbox.folder, inbox.prefix),
        firstFile: index * MAX_CHUNKS_A_JOB,
      },
    })
    for (const [i, number] of segments.entries()) {
      const ofSegment = chunks.slice(ends[i - 1] ?? 0, ends[i])
      this.#results[number] = ofSegment
      const key = this.#keys[number]
      if (key !== undefined && deviations.length === 0) this.#known?.note(key, ofSegment)
    }
    for (const { piece, bytes, state } of deviations) {
      const row = rows[piece]!
      const growth = bytes - job.numbers[piece * NUMBERS_A_PIECE + 1]!
      if (growth !== 0) this.#growth.set(row, (this.#growth.get(row) ?? 0) + growth)
      if (state !== FILE_STATE.AS_FOUND) {
        this.#noteChange(row, job.paths.split('\0')[piece]!, state)
      }
    }
    this.#progressed(files)
  }

  #progressed(files: number): void {
    this.#progressFiles += files
    this.#options.onProgress?.({ bytes: this.#newChunks.bytesCut, files: this.#progressFiles })
  }

  /** The catalog if files were read other than they had been found. */
  #amendedCatalog(): { readonly catalog: Uint8Array; readonly files: number } | undefined {
    const [growth, vanished] = [this.#growth, this.#vanished]
    if (growth.size + vanished.size === 0) return undefined
    return amendCatalog(this.#catalog.finish(), this.#bytesScanned, { growth, vanished })
  }

  #noteChange(row: number, path: BytePath, state: FileState): void {
    if (this.#options.unchangedSince !== undefined) throw changedError(path)
    if (state === FILE_STATE.VANISHED) this.#vanished.add(row)
    this.#warnings.add(
      state === FILE_STATE.VANISHED
        ? `${textOf(path)} vanished before it was read: left out.`
        : `${textOf(path)} changed while it was read: saved as it was read.`,
    )
  }

  async #packCatalog(catalog: Uint8Array): Promise<readonly ChunkRef[]> {
    const packer = new SegmentPacker(this.#newCatalogChunks, makeNewFrame)
    return await abortable(packer.packBytes(catalog), this.#stop.signal)
  }
}
