import { lstatSync, readdirSync, readlinkSync, statSync } from 'node:fs'
import type { BigIntStats } from 'node:fs'
import { endianness } from 'node:os'
import { setImmediate } from 'node:timers/promises'
import { SwarmCacheError, errnoOf } from '../core/errors.ts'
import { fsPath, joinPath, textOf } from './byte-path.ts'
import type { BytePath } from './byte-path.ts'
import { KIND, MAX_DEPTH } from './catalog.ts'
import type { CatalogRow, Kind } from './catalog.ts'
import { pathError } from './path-error.ts'
import type { PathSelection, PathStanding } from './path-selection.ts'

// The scan is synchronous for speed; other work of the process gets its turn this often.
const TURN_MS = 10

const NANOS_A_SECOND = 1_000_000_000

// A look at the clock costs a tenth of one at a file.
const NAMES_A_LOOK = 32

/** A row as it was found, with the path to read it from. */
export interface ScannedRow extends CatalogRow {
  readonly path: BytePath
  /** Hash of the path below its pattern's root: decides where content is divided, whatever the root. */
  readonly pathHash: number
  /** Of the row in the catalog, for who writes one. */
  index: number
  readonly source?: ScannedRow
  readonly stats: BigIntStats
  /** The folder that holds it, unless it is a root. */
  readonly folder: BigIntStats | undefined
}

/** What a scan tells, and what may end it. */
export interface ScanOptions {
  readonly signal?: AbortSignal
  /** Milliseconds since the epoch after which nothing selected may have changed. */
  readonly unchangedSince?: number
  /** Called for each row, in the order of the catalog. */
  readonly onRow: (row: ScannedRow) => void
  readonly onWarning: (text: string) => void
}

interface Folder {
  readonly path: BytePath
  readonly names: readonly BytePath[]
  next: number
  readonly depth: number
  readonly at: PathStanding
  readonly pathHash: number
  readonly stats: BigIntStats
  /** The row of a folder that is listed only once something below it is. */
  waiting: ScannedRow | undefined
}

/**
 * Finds what the declared paths select, in the order of the catalog; symbolic links are never followed,
 * except that the literal beginning of a pattern with wildcards may lead through some.
 *
 * @throws ERR_PATH naming a folder that cannot be read, or what changed although it had to stay.
 */
export async function scanTree(selection: PathSelection, options: ScanOptions): Promise<void> {
  const scan = new TreeScan(selection, options)
  for (const [index, pattern] of selection.patterns.entries()) {
    if (!pattern.negate) await scan.scanRoot(index)
  }
}

/** ERR_PATH for a tree that had to stay as it was. */
export function changedError(path: BytePath): SwarmCacheError {
  return new SwarmCacheError(
    'ERR_PATH',
    `${textOf(path)} has changed since it was restored, so the tree is not packed as what was restored.`,
    { facts: { path: textOf(path) } },
  )
}

class TreeScan {
  readonly #selection: PathSelection
  readonly #options: ScanOptions
  readonly #linked = new Map<string, ScannedRow>()
  #folders: Folder[] = []
  #turnEnds = 0
  #names = 0

  constructor(selection: PathSelection, options: ScanOptions) {
    this.#selection = selection
    this.#options = options
  }

  async scanRoot(index: number): Promise<void> {
    const { root, isGlob } = this.#selection.patterns[index]!
    const stats = statOrUndefined(root, isGlob)
    if (stats === undefined) return
    const at = this.#selection.standingOf(root, mayBeFolder(stats))
    this.#visit(index, root, '', 0, at, PATH_HASH_START, stats)
    await this.#drain(index)
  }

  async #drain(index: number): Promise<void> {
    for (;;) {
      const folder = this.#folders.at(-1)
      if (folder === undefined) return
      const name = folder.names[folder.next++]
      if (name === undefined) {
        this.#folders.pop()
        continue
      }
      this.#names += 1
      if (this.#names % NAMES_A_LOOK === 0 && performance.now() > this.#turnEnds) {
        await setImmediate()
        this.#options.signal?.throwIfAborted()
        this.#turnEnds = performance.now() + TURN_MS
      }
      this.#enter(index, folder, name)
    }
  }

  #enter(index: number, folder: Folder, name: BytePath): void {
    const selection = this.#selection
    let at = selection.step(folder.at, name, true)
    // Most names in a search with wildcards match nothing; they need no look at the disk.
    if (!selection.belongs(at, index) && !selection.reaches(at, index)) return
    const path = joinPath(folder.path, name)
    const stats = statOrUndefined(path, false)
    if (stats === undefined) return
    if (!mayBeFolder(stats)) at = selection.step(folder.at, name, false)
    this.#visit(index, path, name, folder.depth + 1, at, hashName(folder.pathHash, name), stats)
  }

  #visit(
    index: number,
    path: BytePath,
    name: BytePath,
    depth: number,
    at: PathStanding,
    pathHash: number,
    stats: BigIntStats,
  ): void {
    const selection = this.#selection
    if (selection.isTaken(at, index)) return
    const selected = selection.belongs(at, index) && selection.includes(at)
    const kind = selected ? kindOf(stats) : stats.isDirectory() ? KIND.ANCESTOR : undefined
    if (kind === undefined) {
      if (selected)
        this.#options.onWarning(`${textOf(path)} is neither a file, a folder nor a link: left out.`)
      return
    }
    const { unchangedSince } = this.#options
    if (selected && unchangedSince !== undefined && Number(stats.ctimeMs) > unchangedSince) {
      throw changedError(path)
    }
    const row = this.#row(kind, index, path, name, depth, pathHash, stats)
    if (selected) this.#emit(row)
    if (!stats.isDirectory() || !selection.reaches(at, index)) return
    if (depth >= MAX_DEPTH) throw pathError('read', path, new Error('its folders nest too deep'))
    this.#folders.push({
      path,
      names: namesIn(path),
      next: 0,
      depth,
      at,
      pathHash,
      stats,
      waiting: selected ? undefined : row,
    })
  }

  #emit(row: ScannedRow): void {
    for (const folder of this.#folders) {
      if (folder.waiting === undefined) continue
      this.#options.onRow(folder.waiting)
      folder.waiting = undefined
    }
    this.#options.onRow(row)
  }

  #row(
    kind: Kind,
    pattern: number,
    path: BytePath,
    name: BytePath,
    depth: number,
    pathHash: number,
    stats: BigIntStats,
  ): ScannedRow {
    const { seconds, nanos } = splitTime(stats.mtimeNs)
    const row: ScannedRow = {
      kind,
      depth,
      pattern,
      name,
      mode: Number(stats.mode) & 0o777,
      seconds,
      nanos,
      bytes: kind === KIND.FILE ? Number(stats.size) : 0,
      target: kind === KIND.SYMLINK ? targetOf(path) : '',
      path,
      pathHash,
      index: -1,
      stats,
      folder: this.#folders.at(-1)?.stats,
    }
    return kind === KIND.FILE && stats.nlink > 1n ? this.#linkOrFirst(row, stats) : row
  }

  /** The first name of a file is the file; the others are hard links to it. */
  #linkOrFirst(row: ScannedRow, stats: BigIntStats): ScannedRow {
    const inode = `${stats.dev}:${stats.ino}`
    const source = this.#linked.get(inode)
    if (source !== undefined) return { ...row, kind: KIND.HARD_LINK, bytes: 0, source }
    this.#linked.set(inode, row)
    return row
  }
}

const WHOLE = new BigInt64Array(1)
const HALVES = new Uint32Array(WHOLE.buffer)
const LOW_HALF = endianness() === 'LE' ? 0 : 1

/** Seconds, rounded down, and the nanoseconds over: without big integers, of which each would be a new object. */
export function splitTime(time: bigint): { seconds: number; nanos: number } {
  WHOLE[0] = time
  // A double is off by up to 128 ns, so this may be one second too many or too few.
  let seconds = Math.floor(Number(time) / NANOS_A_SECOND)
  // The lowest 32 bits are exact whatever the size, and hold any number of nanoseconds within two seconds.
  let nanos = (HALVES[LOW_HALF]! - Math.imul(seconds, NANOS_A_SECOND)) | 0
  if (nanos < 0) {
    nanos += NANOS_A_SECOND
    seconds -= 1
  } else if (nanos >= NANOS_A_SECOND) {
    nanos -= NANOS_A_SECOND
    seconds += 1
  }
  return { seconds, nanos }
}

function kindOf(stats: BigIntStats): Kind | undefined {
  if (stats.isFile()) return KIND.FILE
  if (stats.isDirectory()) return KIND.FOLDER
  if (stats.isSymbolicLink()) return KIND.SYMLINK
  return undefined
}

function mayBeFolder(stats: BigIntStats): boolean {
  return stats.isDirectory() || stats.isSymbolicLink()
}

function statOrUndefined(path: BytePath, follow: boolean): BigIntStats | undefined {
  try {
    const options = { bigint: true, throwIfNoEntry: false } as const
    return follow ? statSync(fsPath(path), options) : lstatSync(fsPath(path), options)
  } catch (error) {
    if (errnoOf(error) === 'ENOTDIR') return undefined
    throw pathError('look at', path, error)
  }
}

/** In byte order, which is the order of the catalog; empty if the folder has just vanished. */
function namesIn(path: BytePath): BytePath[] {
  try {
    return readdirSync(fsPath(path), { encoding: 'latin1' }).sort()
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw pathError('read the folder', path, error)
  }
}

function targetOf(path: BytePath): BytePath {
  try {
    return readlinkSync(fsPath(path), { encoding: 'latin1' })
  } catch (error) {
    throw pathError('read the link', path, error)
  }
}

// FNV-1a, 32 bits: short, and good enough to choose one path in a hundred.
/** Hash of the path of a root. */
export const PATH_HASH_START = 0x811c9dc5
const FNV_PRIME = 0x01000193

/** Hash of the path of `name` in a folder. */
export function hashName(parent: number, name: BytePath): number {
  let value = Math.imul(parent ^ 0x2f, FNV_PRIME)
  for (let i = 0; i < name.length; i += 1) {
    value = Math.imul(value ^ name.charCodeAt(i), FNV_PRIME)
  }
  return value >>> 0
}
