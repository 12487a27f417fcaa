import { lstatSync, readlinkSync, statSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { SwarmCacheError, errnoOf } from '../core/errors.ts'
import { textOf } from './byte-path.ts'
import type { BytePath } from './byte-path.ts'
import { KIND, MAX_PATH_BYTES } from './catalog.ts'
import type { CatalogColumns } from './catalog.ts'
import type { CatalogPaths } from './catalog-paths.ts'
import { pathError } from './path-error.ts'
import type { PathSelection, PathStanding } from './path-selection.ts'

/** How the disk stands to a row of the catalog. */
export const ON_DISK = {
  MISSING: 0,
  /** As the catalog says. */
  SAME: 1,
  /** Of the same kind, with other properties. */
  DIFFERENT: 2,
  /** Something of another kind is in the way. */
  OBSTRUCTED: 3,
} as const

// Node sets times as a double of seconds, which moves them by up to 240 ns, and reads them as a double
// of milliseconds, which is as coarse.
const MTIME_TOLERANCE_MS = 0.0005
const STAT_OPTIONS = { throwIfNoEntry: false } as const
const TURN_ROWS = 512
const TURN_MS = 10

/**
 * Compares a catalog with the disk, row by row, and checks that each row is selected by the declared
 * paths.
 *
 * @throws ERR_PATH naming a row outside the declared paths, or a path that cannot be looked at.
 */
export async function compareTree(
  columns: CatalogColumns,
  paths: CatalogPaths,
  selection: PathSelection,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const comparison = new TreeComparison(columns, paths, selection)
  let turnEnds = performance.now() + TURN_MS
  for (let i = 0; i < columns.count; i += 1) {
    comparison.compareRow(i)
    if (i % TURN_ROWS === 0 && performance.now() > turnEnds) {
      await setImmediate()
      signal?.throwIfAborted()
      turnEnds = performance.now() + TURN_MS
    }
  }
  return comparison.onDisk
}

class TreeComparison {
  readonly #columns: CatalogColumns
  readonly #paths: CatalogPaths
  readonly #selection: PathSelection
  /** One of ON_DISK for each row, in memory that threads share. */
  readonly onDisk: Uint8Array
  /** Of the folders on the way to the current row, by depth. */
  readonly #standings: PathStanding[] = []
  readonly #folders: number[] = []
  readonly #pathBytes: number[] = []
  #pattern = 0

  constructor(columns: CatalogColumns, paths: CatalogPaths, selection: PathSelection) {
    this.#columns = columns
    this.#paths = paths
    this.#selection = selection
    this.onDisk = new Uint8Array(new SharedArrayBuffer(columns.count))
  }

  compareRow(index: number): void {
    const { parents, kinds } = this.#columns
    const parent = parents[index]!
    if (parent < 0) this.#pattern = -1 - parent
    while (parent < 0 ? this.#folders.length > 0 : this.#folders.at(-1) !== parent) {
      this.#folders.pop()
    }
    const depth = this.#folders.length
    const at = this.#standing(index, depth)
    this.#assertLength(index, depth)
    this.#assertDeclared(index, at)
    const isFolder = kinds[index]! <= KIND.FOLDER
    if (isFolder) {
      this.#standings[depth] = at
      this.#folders.push(index)
    }
    this.onDisk[index] = this.#state(index, parent)
  }

  #standing(index: number, depth: number): PathStanding {
    const kind = this.#columns.kinds[index]!
    const mayBeFolder = kind <= KIND.FOLDER || kind === KIND.SYMLINK
    if (depth === 0) {
      return this.#selection.standingOf(this.#selection.patterns[this.#pattern]!.root, mayBeFolder)
    }
    const folder = this.#standings[depth - 1]!
    if (folder.settled) return folder
    return this.#selection.step(folder, this.#paths.nameOf(index), mayBeFolder)
  }

  #assertLength(index: number, depth: number): void {
    const { nameEnds } = this.#columns
    const name = nameEnds[index]! - (index === 0 ? 0 : nameEnds[index - 1]!)
    const above =
      depth === 0
        ? this.#selection.patterns[this.#pattern]!.root.length
        : this.#pathBytes[depth - 1]! + 1
    this.#pathBytes[depth] = above + name
    if (above + name >= MAX_PATH_BYTES) {
      throw new SwarmCacheError(
        'ERR_PATH',
        `The cache holds a path of ${above + name} bytes, but at most ${MAX_PATH_BYTES - 1} are possible here. Restore it below a shorter folder.`,
      )
    }
  }

  #assertDeclared(index: number, at: PathStanding): void {
    const selection = this.#selection
    const pattern = selection.patterns[this.#pattern]
    if (pattern !== undefined && !pattern.negate) {
      if (this.#columns.kinds[index] === KIND.ANCESTOR) return
      if (selection.covers(at, this.#pattern) && selection.includes(at)) return
    }
    throw new SwarmCacheError(
      'ERR_PATH',
      `The cache entry names ${textOf(this.#paths.pathOf(index))}, which is not one of the declared paths. Nothing was restored.`,
      { facts: { path: textOf(this.#paths.pathOf(index)), undeclared: true } },
    )
  }

  #state(index: number, parent: number): number {
    // Below what is missing or no folder, there is nothing to look at.
    if (parent >= 0) {
      const above = this.onDisk[parent]
      if (above === ON_DISK.MISSING || above === ON_DISK.OBSTRUCTED) return ON_DISK.MISSING
    }
    const kind = this.#columns.kinds[index]!
    // What lies before the wildcards of a pattern is the user's own path; nothing else is followed.
    const isOwn = parent < 0 && this.#selection.patterns[this.#pattern]!.isGlob
    const stats = this.#statsOf(index, isOwn && kind <= KIND.FOLDER)
    if (stats === undefined) return ON_DISK.MISSING
    switch (kind) {
      case KIND.ANCESTOR:
        return stats.isDirectory() ? ON_DISK.SAME : ON_DISK.OBSTRUCTED
      case KIND.FOLDER:
        if (!stats.isDirectory()) return ON_DISK.OBSTRUCTED
        return this.#hasProperties(index, stats) ? ON_DISK.SAME : ON_DISK.DIFFERENT
      case KIND.FILE:
        if (!stats.isFile()) return ON_DISK.OBSTRUCTED
        return stats.size === this.#columns.sizes[index] && this.#hasProperties(index, stats)
          ? ON_DISK.SAME
          : ON_DISK.DIFFERENT
      case KIND.SYMLINK:
        if (!stats.isSymbolicLink()) return ON_DISK.OBSTRUCTED
        return this.#hasTime(index, stats) &&
          linkTarget(this.#paths.fsPathOf(index)) === this.#paths.targetOf(index)
          ? ON_DISK.SAME
          : ON_DISK.DIFFERENT
      default:
        return this.#hardLinkState(index, stats)
    }
  }

  #statsOf(index: number, follow: boolean): Stats | undefined {
    const path = this.#paths.fsPathOf(index)
    try {
      return follow ? statSync(path, STAT_OPTIONS) : lstatSync(path, STAT_OPTIONS)
    } catch (error) {
      // A file where a folder above the declared path should be: making the folder will tell.
      if (errnoOf(error) === 'ENOTDIR') return undefined
      throw pathError('look at', this.#paths.pathOf(index), error)
    }
  }

  #hardLinkState(index: number, stats: Stats): number {
    if (!stats.isFile()) return ON_DISK.OBSTRUCTED
    const source = this.#columns.linkSources[index]!
    if (this.onDisk[source] !== ON_DISK.SAME) return ON_DISK.DIFFERENT
    const file = this.#statsOf(source, false)
    return file?.ino === stats.ino && file.dev === stats.dev ? ON_DISK.SAME : ON_DISK.DIFFERENT
  }

  #hasProperties(index: number, stats: Stats): boolean {
    return (stats.mode & 0o7777) === this.#columns.modes[index] && this.#hasTime(index, stats)
  }

  #hasTime(index: number, stats: Stats): boolean {
    const { seconds, nanos } = this.#columns
    const expected = seconds[index]! * 1e3 + nanos[index]! / 1e6
    return Math.abs(stats.mtimeMs - expected) <= MTIME_TOLERANCE_MS
  }
}

function linkTarget(path: string | Buffer): BytePath | undefined {
  try {
    return readlinkSync(path, { encoding: 'latin1' })
  } catch {
    return undefined
  }
}
