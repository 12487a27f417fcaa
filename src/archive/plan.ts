import { existsSync } from 'node:fs'
import { abortable } from '../async/deadline.ts'
import { openFrame } from '../core/chunk.ts'
import type { Frame } from '../core/chunk.ts'
import type { Digest } from '../core/digest.ts'
import { SwarmCacheError } from '../core/errors.ts'
import { totalBytes } from '../core/manifest.ts'
import type { ChunkRef, Manifest } from '../core/manifest.ts'
import type { ArchiveOptions, PlanOptions, UnpackPlan } from './archive.ts'
import { fsPath } from './byte-path.ts'
import { KIND, MAX_CATALOG_BYTES } from './catalog.ts'
import type { CatalogColumns } from './catalog.ts'
import { decodeCatalog } from './catalog-decode.ts'
import { CatalogPaths } from './catalog-paths.ts'
import { placeChunks } from './content-map.ts'
import type { PlacedChunk } from './content-map.ts'
import { assertRootsApart } from './overlapping-roots.ts'
import { PathSelection } from './path-selection.ts'
import { ON_DISK } from './row-comparison.ts'
import { compareTree } from './tree-compare.ts'
import type { WriteState } from './tree-writer.ts'
import type { RestoredTree } from './restored-notes.ts'
import { Unpacking } from './unpack.ts'
import { threadsOf } from './worker-thread.ts'
import { WriteCrew } from './write-crew.ts'

// Starting a thread takes some 40 ms; less work than this is done before one could help.
const THREADS_FROM_FILES = 1500
const THREADS_FROM_BYTES = 16 * 1024 * 1024
// As much catalog as some 8000 files have; looking at them takes longer than a thread needs to start.
const HELP_FROM_CATALOG_BYTES = 256 * 1024

/** Reads a catalog and compares it with the disk; see `Archive.plan`. */
export async function planTree(
  manifest: Manifest,
  catalog: AsyncIterable<Frame>,
  paths: readonly string[],
  options: PlanOptions,
): Promise<UnpackPlan> {
  const { signal } = options
  signal?.throwIfAborted()
  const selection = PathSelection.of(paths, options.workingDirectory)
  const contentBytes = totalBytes(manifest.content)
  // Where nothing is there yet threads will be needed: they start while the catalog is fetched.
  const isCold = selection.patterns.every(({ root }) => !existsSync(fsPath(root)))
  const crew = new WriteCrew()
  const threads = threadsOf(options)
  if (isCold && contentBytes > THREADS_FROM_BYTES) crew.start(Math.min(1, threads), threads)
  // Where much is there already they help to look at it; this thread and the compiler's keep two cores busy.
  const hasHelp = !isCold && totalBytes(manifest.catalog) > HELP_FROM_CATALOG_BYTES && threads > 2
  if (hasHelp) crew.start(threads - 2, threads)
  try {
    return await comparePlan(
      manifest,
      catalog,
      { selection, isCold, contentBytes, crew, hasHelp },
      options,
    )
  } catch (error) {
    await crew.close()
    throw error
  }
}

interface PlanParts {
  readonly selection: PathSelection
  /** True if nothing is there yet. */
  readonly isCold: boolean
  readonly contentBytes: number
  readonly crew: WriteCrew
  /** True if the crew can help with the comparison. */
  readonly hasHelp: boolean
}

async function comparePlan(
  manifest: Manifest,
  catalog: AsyncIterable<Frame>,
  parts: PlanParts,
  options: PlanOptions,
): Promise<UnpackPlan> {
  const { signal } = options
  const { selection, isCold, contentBytes, crew, hasHelp } = parts
  const encoded = await readCatalog(manifest.catalog, catalog, signal)
  // Earlier the content would only be in the way of the catalog.
  if (isCold) options.onCold?.()
  const columns = decodeCatalog(encoded, {
    contentBytes,
    patterns: selection.patterns.length,
  })
  const roots = selection.patterns.map((pattern) => pattern.root)
  const catalogPaths = new CatalogPaths(columns, roots)
  const onDisk = await compareTree(
    columns,
    catalogPaths,
    selection,
    hasHelp ? crew : undefined,
    signal,
  )
  assertRootsApart(columns, catalogPaths, selection)
  const piecesLeft = new Int32Array(new SharedArrayBuffer(columns.count * 4))
  const placed = placeChunks(
    manifest.content,
    columns,
    (file) => onDisk[file] !== ON_DISK.SAME,
    piecesLeft,
  )
  const state: WriteState = {
    columns,
    roots,
    onDisk,
    made: new Uint8Array(new SharedArrayBuffer(columns.count)),
    parts: new Int32Array(new SharedArrayBuffer(columns.count * 4)),
    piecesLeft,
    stop: new Int32Array(new SharedArrayBuffer(4)),
    umask: process.umask(),
    exactTimes: new Int32Array(new SharedArrayBuffer(4)),
  }
  return new TreePlan(state, catalogPaths, placed, { ...parts, content: manifest.content }, options)
}

/** The plain bytes of the catalog, from its frames in order. */
async function readCatalog(
  chunks: readonly ChunkRef[],
  frames: AsyncIterable<Frame>,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const bytes = totalBytes(chunks)
  if (bytes > MAX_CATALOG_BYTES) {
    throw new SwarmCacheError('ERR_INTEGRITY', `The manifest claims a catalog of ${bytes} bytes.`, {
      facts: { malformed: true },
    })
  }
  const plains: Uint8Array[] = []
  const iterator = frames[Symbol.asyncIterator]()
  try {
    while (plains.length < chunks.length) {
      const pending = iterator.next()
      const next = await (signal === undefined ? pending : abortable(pending, signal))
      const chunk = chunks[plains.length]!
      if (next.done === true) {
        throw new SwarmCacheError(
          'ERR_INTEGRITY',
          `The catalog ends after ${plains.length} of ${chunks.length} chunks.`,
          { facts: { digest: chunk.digest } },
        )
      }
      plains.push(await openFrame({ chunk, bytes: next.value.bytes }))
    }
  } finally {
    void Promise.resolve(iterator.return?.()).catch(() => {})
  }
  return Buffer.concat(plains)
}

class TreePlan implements UnpackPlan {
  readonly chunks: readonly ChunkRef[]
  readonly files: number
  readonly skipped: number
  readonly contentBytes: number
  readonly #crew: WriteCrew
  readonly #unpacking: Unpacking
  readonly #signal: AbortSignal | undefined
  readonly #tree: Omit<RestoredTree, 'span'>
  #startedMs = 0
  #isWritten = false
  #isUsed = false

  constructor(
    state: WriteState,
    paths: CatalogPaths,
    placed: ReadonlyMap<Digest, PlacedChunk>,
    { selection, contentBytes, crew, content }: PlanParts & Pick<Manifest, 'content'>,
    options: ArchiveOptions,
  ) {
    const { files, skipped } = countFiles(state.columns, state.onDisk)
    this.chunks = Array.from(placed.values(), ({ chunk }) => chunk)
    this.files = files
    this.skipped = skipped
    this.contentBytes = contentBytes
    this.#signal = options.signal
    const isLarge =
      files - skipped > THREADS_FROM_FILES || totalBytes(this.chunks) > THREADS_FROM_BYTES
    // Started now, a thread is ready when the first chunk has been fetched.
    const threads = threadsOf(options)
    if (isLarge) crew.start(Math.min(1, threads), threads)
    crew.open(state)
    this.#crew = crew
    const followsRoot = (pattern: number): boolean => selection.patterns[pattern]!.isGlob
    const isWritten = (file: number): boolean => state.onDisk[file] !== ON_DISK.SAME
    this.#tree = { columns: state.columns, paths, content, isWritten, followsRoot }
    this.#unpacking = new Unpacking({
      state,
      paths,
      crew: this.#crew,
      placed,
      followsRoot,
      onProgress: options.onProgress,
    })
  }

  async write(
    frames: AsyncIterable<Frame>,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    if (this.#isUsed) {
      throw new SwarmCacheError(
        'ERR_CLOSED',
        'This plan was carried out or closed. Make a new one.',
      )
    }
    this.#isUsed = true
    this.#crew.hold()
    this.#startedMs = Date.now()
    const signals = [this.#signal, options.signal].filter((signal) => signal !== undefined)
    await this.#unpacking.run(frames, signals.length === 0 ? undefined : AbortSignal.any(signals))
    this.#isWritten = true
  }

  async note(notes: string): Promise<void> {
    if (!this.#isWritten) return
    const span = { fromMs: this.#startedMs, toMs: Date.now() }
    // Most restores need none of it.
    const { noteRestored } = await import('./restored-notes.ts')
    noteRestored(notes, { ...this.#tree, span })
  }

  async close(): Promise<void> {
    this.#isUsed = true
    await this.#crew.close()
  }
}

function countFiles(
  columns: CatalogColumns,
  onDisk: Uint8Array,
): { files: number; skipped: number } {
  let files = 0
  let skipped = 0
  for (let i = 0; i < columns.count; i += 1) {
    if (columns.kinds[i]! < KIND.FILE) continue
    files += 1
    if (onDisk[i] === ON_DISK.SAME) skipped += 1
  }
  return { files, skipped }
}
