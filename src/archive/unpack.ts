import { chmodSync, linkSync, lutimesSync, rmdirSync, symlinkSync, unlinkSync } from 'node:fs'
import { abortable } from '../async/deadline.ts'
import { Limit } from '../async/limit.ts'
import { MAX_FRAME_BYTES } from '../core/manifest.ts'
import type { Frame } from '../core/chunk.ts'
import type { Digest } from '../core/digest.ts'
import { SwarmCacheError, isSwarmCacheError } from '../core/errors.ts'
import type { ArchiveProgress } from './archive.ts'
import { fsPath } from './byte-path.ts'
import { KIND, isFolderKind } from './catalog.ts'
import type { CatalogPaths } from './catalog-paths.ts'
import { firstContentFile } from './content-map.ts'
import type { PlacedChunk } from './content-map.ts'
import { ExactTimes } from './exact-times.ts'
import { FolderWriter, attempt } from './folder-writer.ts'
import { pathError } from './path-error.ts'
import { ON_DISK } from './row-comparison.ts'
import { removeObstacle, utime } from './tree-writer.ts'
import type { WriteState } from './tree-writer.ts'
import type { WriteCrew } from './write-crew.ts'

// Plain bytes handed to the writers and not yet on disk; it keeps a few threads busy and no more.
const MAX_BYTES_IN_FLIGHT = 32 * 1024 * 1024

/** What one run of writing a tree works with. */
export interface UnpackingParts {
  readonly state: WriteState
  readonly paths: CatalogPaths
  readonly crew: WriteCrew
  /** The chunks that are needed. */
  readonly placed: ReadonlyMap<Digest, PlacedChunk>
  readonly followsRoot: (pattern: number) => boolean
  readonly onProgress: ((progress: ArchiveProgress) => void) | undefined
}

/** One run of writing a tree; see `UnpackPlan.write`. */
export class Unpacking {
  readonly #parts: UnpackingParts
  readonly #folders: FolderWriter
  readonly #times: ExactTimes
  readonly #stop = new AbortController()
  readonly #inFlight = new Limit(MAX_BYTES_IN_FLIGHT)
  readonly #arrived = new Set<Digest>()
  #tells = false
  #written = Promise.withResolvers<void>()
  #chunksWritten = 0
  #bytes = 0
  #files = 0

  constructor(parts: UnpackingParts) {
    this.#parts = parts
    this.#times = new ExactTimes(parts.state, parts.paths)
    this.#folders = new FolderWriter(parts.state, parts.paths, parts.followsRoot)
    this.#written.promise.catch(() => {})
    if (parts.placed.size === 0) this.#written.resolve()
  }

  async run(frames: AsyncIterable<Frame>, signal: AbortSignal | undefined): Promise<void> {
    const onAbort = (): void => this.#stop.abort(signal?.reason)
    if (signal?.aborted === true) onAbort()
    else signal?.addEventListener('abort', onAbort, { once: true })
    try {
      this.#stop.signal.throwIfAborted()
      await this.#takeFrames(frames)
      this.#makeContentless()
      await abortable(this.#written.promise, this.#stop.signal)
      this.#makeLinks()
      this.#folders.finish((folder) => this.#noteTime(folder))
      await this.#times.finish()
      this.#tellProgress()
    } catch (error) {
      await Promise.all([this.#parts.crew.halt(), this.#times.abandon()])
      this.#undo()
      throw error
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  async #takeFrames(frames: AsyncIterable<Frame>): Promise<void> {
    const { placed } = this.#parts
    const { signal } = this.#stop
    if (placed.size === 0) return
    const iterator = frames[Symbol.asyncIterator]()
    try {
      // A source that waits to be told which frames were good ends by itself once it knows.
      while (this.#tells || this.#arrived.size < placed.size) {
        const next = await abortable(iterator.next(), signal)
        if (next.done === true) break
        this.#tells ||= next.value.settle !== undefined
        await this.#take(next.value)
      }
    } finally {
      // Not awaited: a source that hangs must not hold up the end.
      void Promise.resolve(iterator.return?.()).catch(() => {})
    }
    for (const [digest, { chunk }] of placed) {
      if (this.#arrived.has(digest)) continue
      const missing = placed.size - this.#arrived.size
      throw new SwarmCacheError(
        'ERR_INTEGRITY',
        `${missing} of ${placed.size} chunks never came, the first of them ${digest} of ${chunk.bytes} bytes.`,
        { facts: { digest, missing } },
      )
    }
  }

  async #take(frame: Frame): Promise<void> {
    const { placed, crew } = this.#parts
    const { digest } = frame.chunk
    const wanted = placed.get(digest)
    if (wanted === undefined || this.#arrived.has(digest)) {
      frame.settle?.(false)
      return
    }
    const frameBytes = frame.place?.bytes ?? frame.bytes.length
    if (frameBytes > MAX_FRAME_BYTES) {
      throw new SwarmCacheError(
        'ERR_INTEGRITY',
        `The frame of chunk ${digest} has ${frameBytes} bytes, more than any chunk can need.`,
        { facts: { digest } },
      )
    }
    const { bytes } = wanted.chunk
    const held = await this.#inFlight.acquire(bytes, this.#stop.signal)
    this.#arrived.add(digest)
    for (const place of wanted.places) this.#makeFolders(place, bytes)
    crew.write({
      placed: wanted,
      frame,
      onWritten: (files) => {
        held[Symbol.dispose]()
        frame.settle?.(true)
        for (const place of wanted.places) this.#noteTimes(place, bytes)
        this.#noteWritten(bytes * wanted.places.length, files)
      },
      onError: (error) => {
        held[Symbol.dispose]()
        const isBad =
          isSwarmCacheError(error, 'ERR_INTEGRITY') || isSwarmCacheError(error, 'ERR_STORE')
        if (frame.settle === undefined || !isBad) {
          this.#stop.abort(error)
          return
        }
        // Nothing of it was written; a good one comes, from somebody else or from elsewhere here.
        this.#arrived.delete(digest)
        frame.settle(false)
      },
    })
  }

  #noteWritten(bytes: number, files: number): void {
    this.#bytes += bytes
    this.#files += files
    this.#chunksWritten += 1
    this.#tellProgress()
    if (this.#chunksWritten === this.#parts.placed.size) this.#written.resolve()
  }

  /** Sees to the times of the files that are complete with the content at `offset`. */
  #noteTimes(offset: number, bytes: number): void {
    const { columns, onDisk, piecesLeft } = this.#parts.state
    const { contentFiles, starts } = columns
    for (let i = firstContentFile(columns, offset); i < contentFiles.length; i += 1) {
      const file = contentFiles[i]!
      const start = starts[file]!
      if (start >= offset + bytes) return
      if (onDisk[file] === ON_DISK.SAME) continue
      const isWhole = start >= offset && start + columns.sizes[file]! <= offset + bytes
      if (isWhole || this.#isLastPiece(file, piecesLeft)) this.#noteTime(file)
    }
  }

  #isLastPiece(file: number, piecesLeft: Int32Array): boolean {
    return Atomics.load(piecesLeft, file) === 0
  }

  /** A root that may be a link to somewhere else keeps the time that Node can give it. */
  #noteTime(index: number): void {
    const parent = this.#parts.state.columns.parents[index]!
    if (parent >= 0 || !this.#parts.followsRoot(-1 - parent)) this.#times.add(index)
  }

  #tellProgress(): void {
    this.#parts.onProgress?.({ bytes: this.#bytes, files: this.#files })
  }

  #makeFolders(offset: number, bytes: number): void {
    const { columns, onDisk } = this.#parts.state
    const { contentFiles, starts } = columns
    for (let i = firstContentFile(columns, offset); i < contentFiles.length; i += 1) {
      const file = contentFiles[i]!
      if (starts[file]! >= offset + bytes) return
      if (onDisk[file] !== ON_DISK.SAME) this.#folders.ensureAbove(file)
    }
  }

  /** Makes empty files and all folders that no content has asked for. */
  #makeContentless(): void {
    const { state, crew } = this.#parts
    const { columns, onDisk } = state
    for (let i = 0; i < columns.count; i += 1) {
      if (onDisk[i] === ON_DISK.SAME) continue
      if (isFolderKind(columns.kinds[i]!)) {
        if (onDisk[i] !== ON_DISK.DIFFERENT) this.#folders.ensure(i)
      } else if (columns.kinds[i] === KIND.FILE && columns.sizes[i] === 0) {
        this.#folders.ensureAbove(i)
        crew.writeEmpty(i)
        this.#noteTime(i)
        this.#files += 1
      }
    }
  }

  /** Links come after all files, so that no file is ever written through one. */
  #makeLinks(): void {
    const { columns, onDisk } = this.#parts.state
    for (let i = 0; i < columns.count; i += 1) {
      const kind = columns.kinds[i]!
      if (onDisk[i] === ON_DISK.SAME || (kind !== KIND.HARD_LINK && kind !== KIND.SYMLINK)) continue
      const path = this.#parts.paths.pathOf(i)
      this.#folders.ensureAbove(i)
      try {
        this.#makeLink(i, fsPath(path))
      } catch (error) {
        throw pathError('make the link', path, error)
      }
      this.#files += 1
    }
  }

  #makeLink(index: number, path: string | Buffer): void {
    const { state, paths } = this.#parts
    const { columns, onDisk, made } = state
    if (onDisk[index] !== ON_DISK.MISSING) removeObstacle(path)
    if (columns.kinds[index] === KIND.HARD_LINK) {
      linkSync(fsPath(paths.pathOf(columns.linkSources[index]!)), path)
      made[index] = 1
      return
    }
    symlinkSync(fsPath(paths.targetOf(index)), path)
    made[index] = 1
    const time = utime(columns, index)
    lutimesSync(path, time, time)
    this.#noteTime(index)
  }

  /** Removes what this run made, children before their folders. */
  #undo(): void {
    const { state, paths } = this.#parts
    const { columns, made } = state
    for (let i = 0; i < columns.count; i += 1) {
      // Folders may have their final modes already, in which nothing can be removed.
      const isClosed = isFolderKind(columns.kinds[i]!) && (columns.modes[i]! & 0o300) !== 0o300
      if (made[i] === 1 && isClosed) attempt(() => chmodSync(fsPath(paths.pathOf(i)), 0o700))
    }
    for (let i = columns.count - 1; i >= 0; i -= 1) {
      if (made[i] === 0) continue
      const path = fsPath(paths.pathOf(i))
      if (isFolderKind(columns.kinds[i]!)) attempt(() => rmdirSync(path))
      else attempt(() => unlinkSync(path))
    }
    this.#folders.undo()
  }
}
