import { lstatSync, readlinkSync, statSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { errnoOf } from '../core/errors.ts'
import type { BytePath } from './byte-path.ts'
import { KIND } from './catalog.ts'
import type { CatalogColumns } from './catalog.ts'
import { CatalogPaths } from './catalog-paths.ts'
import { pathError } from './path-error.ts'

/** How the disk stands to a row of the catalog. */
export const ON_DISK = {
  MISSING: 0,
  /** As the catalog says. */
  SAME: 1,
  /** Of the same kind, with other properties. */
  DIFFERENT: 2,
  /** Something of another kind is in the way. */
  OBSTRUCTED: 3,
  /** Nobody has looked yet. */
  UNKNOWN: 4,
} as const

/** What all threads of one comparison share; every array lies in shared memory. */
export interface ComparisonState {
  readonly columns: CatalogColumns
  /** Roots of all declared patterns on this machine. */
  readonly roots: readonly BytePath[]
  /** For each pattern: true if its root may be reached through a symbolic link. */
  readonly followed: readonly boolean[]
  /** One of ON_DISK for each row. */
  readonly onDisk: Uint8Array
  /** How many rows somebody has taken, and how many blocks of them are done with. */
  readonly progress: Int32Array
}

/** Places in `ComparisonState.progress`. */
export const PROGRESS = { ROWS_TAKEN: 0, BLOCKS_DONE: 1 } as const
/** Rows that one thread takes at once: half a millisecond of work. */
export const BLOCK_ROWS = 256

// Node sets times as a double of seconds, which moves them by up to 240 ns, and reads them as a double
// of milliseconds, which is as coarse.
const MTIME_TOLERANCE_MS = 0.0005
const STAT_OPTIONS = { throwIfNoEntry: false } as const

/** True if a row has the modification time that `lstat` told, as nearly as that can be told. */
export function hasMtime(
  { seconds, nanos }: CatalogColumns,
  index: number,
  { mtimeMs }: Pick<Stats, 'mtimeMs'>,
): boolean {
  const expected = seconds[index]! * 1e3 + nanos[index]! / 1e6
  return Math.abs(mtimeMs - expected) <= MTIME_TOLERANCE_MS
}

/** Looks at the disk for rows of a catalog, on any number of threads at once. */
export class RowComparison {
  readonly #state: ComparisonState
  readonly #paths: CatalogPaths

  constructor(state: ComparisonState, paths?: CatalogPaths) {
    this.#state = state
    this.#paths = paths ?? new CatalogPaths(state.columns, state.roots)
  }

  /**
   * Compares rows that nobody else has taken; false if there are none left.
   *
   * Rows that need another row or cannot be looked at stay UNKNOWN.
   */
  compareBlock(): boolean {
    const { columns, onDisk, progress } = this.#state
    const start = Atomics.add(progress, PROGRESS.ROWS_TAKEN, BLOCK_ROWS)
    if (start >= columns.count) return false
    const end = Math.min(start + BLOCK_ROWS, columns.count)
    for (let i = start; i < end; i += 1) {
      if (onDisk[i] !== ON_DISK.UNKNOWN || columns.kinds[i] === KIND.HARD_LINK) continue
      try {
        this.compareRow(i)
      } catch {
        // Whoever compares what is left says why.
      }
    }
    Atomics.add(progress, PROGRESS.BLOCKS_DONE, 1)
    Atomics.notify(progress, PROGRESS.BLOCKS_DONE)
    return true
  }

  /** Returns one of ON_DISK. @throws ERR_PATH if the row cannot be looked at. */
  compareRow(index: number): number {
    const { onDisk } = this.#state
    const known = onDisk[index]!
    if (known !== ON_DISK.UNKNOWN) return known
    const found = this.#look(index)
    onDisk[index] = found
    return found
  }

  #look(index: number): number {
    const { columns, followed } = this.#state
    const parent = columns.parents[index]!
    // Below what is missing or no folder, there is nothing to look at.
    if (parent >= 0) {
      const above = this.compareRow(parent)
      if (above === ON_DISK.MISSING || above === ON_DISK.OBSTRUCTED) return ON_DISK.MISSING
    }
    const kind = columns.kinds[index]!
    // What lies before the wildcards of a pattern is the user's own path; nothing else is followed.
    const follow = parent < 0 && kind <= KIND.FOLDER && followed[-1 - parent]!
    const stats = this.#statsOf(index, follow)
    if (stats === undefined) return ON_DISK.MISSING
    switch (kind) {
      case KIND.ANCESTOR:
        return stats.isDirectory() ? ON_DISK.SAME : ON_DISK.OBSTRUCTED
      case KIND.FOLDER:
        if (!stats.isDirectory()) return ON_DISK.OBSTRUCTED
        return this.#hasProperties(index, stats) ? ON_DISK.SAME : ON_DISK.DIFFERENT
      case KIND.FILE:
        if (!stats.isFile()) return ON_DISK.OBSTRUCTED
        return stats.size === columns.sizes[index] && this.#hasProperties(index, stats)
          ? ON_DISK.SAME
          : ON_DISK.DIFFERENT
      case KIND.SYMLINK:
        if (!stats.isSymbolicLink()) return ON_DISK.OBSTRUCTED
        return hasMtime(columns, index, stats) &&
          linkTarget(this.#paths.fsPathOf(index)) === this.#paths.targetOf(index)
          ? ON_DISK.SAME
          : ON_DISK.DIFFERENT
      default:
        return this.#lookAtHardLink(index, stats)
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

  #lookAtHardLink(index: number, stats: Stats): number {
    if (!stats.isFile()) return ON_DISK.OBSTRUCTED
    const source = this.#state.columns.linkSources[index]!
    if (this.compareRow(source) !== ON_DISK.SAME) return ON_DISK.DIFFERENT
    const file = this.#statsOf(source, false)
    return file?.ino === stats.ino && file.dev === stats.dev ? ON_DISK.SAME : ON_DISK.DIFFERENT
  }

  #hasProperties(index: number, stats: Stats): boolean {
    const { columns } = this.#state
    return (stats.mode & 0o7777) === columns.modes[index] && hasMtime(columns, index, stats)
  }
}

function linkTarget(path: string | Buffer): BytePath | undefined {
  try {
    return readlinkSync(path, { encoding: 'latin1' })
  } catch {
    return undefined
  }
}
