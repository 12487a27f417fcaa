import {
  chmodSync,
  lstatSync,
  mkdirSync,
  rmdirSync,
  statSync,
  unlinkSync,
  utimesSync,
} from 'node:fs'
import { errnoOf } from '../core/errors.ts'
import { fsPath, parentOf } from './byte-path.ts'
import type { BytePath } from './byte-path.ts'
import { KIND, isFolderKind } from './catalog.ts'
import type { CatalogPaths } from './catalog-paths.ts'
import { pathError } from './path-error.ts'
import { ON_DISK } from './row-comparison.ts'
import { utime } from './tree-writer.ts'
import type { WriteState } from './tree-writer.ts'

// What the owner needs to write into a folder.
const WRITABLE = 0o300
const OWNER_ALL = 0o700

/** Makes the folders of a tree as they are needed, and gives them their modes and times at the end. */
export class FolderWriter {
  readonly #state: WriteState
  readonly #paths: CatalogPaths
  /** True for patterns whose root may be reached through a symbolic link. */
  readonly #followsRoot: (pattern: number) => boolean
  readonly #ready: Uint8Array
  /** Folders above the declared paths that this restore made, outermost first. */
  readonly #above: BytePath[] = []
  /** Folders that were not writable, with the mode they had. */
  readonly #opened = new Map<number, number>()

  constructor(state: WriteState, paths: CatalogPaths, followsRoot: (pattern: number) => boolean) {
    this.#state = state
    this.#paths = paths
    this.#followsRoot = followsRoot
    this.#ready = new Uint8Array(state.columns.count)
  }

  /** Makes sure that what a row lies in is there and can be written into. */
  ensureAbove(index: number): void {
    const parent = this.#state.columns.parents[index]!
    if (parent >= 0) {
      this.ensure(parent)
      return
    }
    const above = parentOf(this.#state.roots[-1 - parent]!)
    if (above !== undefined) this.#makeAbove(above)
  }

  /** Makes sure that the folder at `index` is there and can be written into. */
  ensure(index: number): void {
    if (this.#ready[index] === 1) return
    this.ensureAbove(index)
    const path = this.#paths.pathOf(index)
    try {
      if (this.#state.onDisk[index] === ON_DISK.MISSING) this.#make(index, fsPath(path))
      else this.#reuse(index, fsPath(path))
    } catch (error) {
      throw pathError('make the folder', path, error)
    }
    this.#ready[index] = 1
  }

  /** Gives folders their modes and times, and tells which; call it when nothing is written any more. */
  finish(onFinished: (index: number) => void): void {
    const { columns, onDisk, made, umask } = this.#state
    for (let i = columns.count - 1; i >= 0; i -= 1) {
      const opened = this.#opened.get(i)
      const kind = columns.kinds[i]!
      if (kind === KIND.ANCESTOR && opened === undefined) continue
      if (!isFolderKind(kind)) continue
      if (onDisk[i] === ON_DISK.SAME && this.#ready[i] === 0) continue
      const path = this.#paths.pathOf(i)
      try {
        if (kind === KIND.ANCESTOR) {
          chmodSync(fsPath(path), opened!)
          continue
        }
        const mode = columns.modes[i]!
        const asMade = made[i] === 1 && ((mode | OWNER_ALL) & ~umask) === mode
        if (!asMade) chmodSync(fsPath(path), mode)
        const time = utime(columns, i)
        utimesSync(fsPath(path), time, time)
        onFinished(i)
      } catch (error) {
        throw pathError('finish the folder', path, error)
      }
    }
  }

  /** Takes back what was made above the declared paths, and modes that were changed. */
  undo(): void {
    for (const [index, mode] of this.#opened) {
      attempt(() => chmodSync(fsPath(this.#paths.pathOf(index)), mode))
    }
    for (const path of this.#above.toReversed()) attempt(() => rmdirSync(fsPath(path)))
  }

  #make(index: number, path: string | Buffer): void {
    const { columns, made } = this.#state
    const mode = columns.kinds[index] === KIND.FOLDER ? columns.modes[index]! | OWNER_ALL : 0o777
    try {
      mkdirSync(path, mode)
      made[index] = 1
    } catch (error) {
      // It appeared since the plan was made.
      if (errnoOf(error) !== 'EEXIST') throw error
      this.#reuse(index, path)
    }
  }

  /** Takes a folder that is there; anything else in its place is replaced, and never followed. */
  #reuse(index: number, path: string | Buffer): void {
    const { parents } = this.#state.columns
    const parent = parents[index]!
    const follow = parent < 0 && this.#followsRoot(-1 - parent)
    const stats = follow ? statSync(path) : lstatSync(path)
    if (!stats.isDirectory()) {
      unlinkSync(path)
      this.#make(index, path)
    } else if ((stats.mode & WRITABLE) !== WRITABLE) {
      this.#opened.set(index, stats.mode & 0o7777)
      chmodSync(path, (stats.mode & 0o7777) | OWNER_ALL)
    }
  }

  #makeAbove(path: BytePath): void {
    try {
      if (statSync(fsPath(path), { throwIfNoEntry: false }) !== undefined) return
      const above = parentOf(path)
      if (above !== undefined) this.#makeAbove(above)
      mkdirSync(fsPath(path))
      this.#above.push(path)
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw pathError('make the folder', path, error)
    }
  }
}

/** Undoing goes on whatever a single step says: what is left behind is reported by nobody. */
export function attempt(step: () => void): void {
  try {
    step()
  } catch {
    // Something else is in its place by now, or in it.
  }
}
