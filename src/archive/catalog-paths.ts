import { isAscii } from 'node:buffer'
import { fsPath, joinPath } from './byte-path.ts'
import type { BytePath } from './byte-path.ts'
import type { CatalogColumns } from './catalog.ts'

// Rows come in tree order, so the folders in use at a time are few.
const MAX_REMEMBERED_FOLDERS = 4096

/** Absolute paths of the rows of a catalog on this machine. */
export class CatalogPaths {
  readonly #columns: CatalogColumns
  readonly #roots: readonly BytePath[]
  readonly #names: string
  readonly #folders = new Map<number, BytePath>()
  readonly #isAscii: boolean

  /** `roots` are those of all declared patterns. */
  constructor(columns: CatalogColumns, roots: readonly BytePath[]) {
    this.#columns = columns
    this.#roots = roots
    this.#names = Buffer.from(columns.names).toString('latin1')
    this.#isAscii =
      isAscii(columns.names) && roots.every((root) => isAscii(Buffer.from(root, 'latin1')))
  }

  nameOf(index: number): BytePath {
    const { nameEnds } = this.#columns
    return this.#names.slice(index === 0 ? 0 : nameEnds[index - 1], nameEnds[index])
  }

  pathOf(index: number): BytePath {
    const parent = this.#columns.parents[index]!
    if (parent < 0) return this.#roots[-1 - parent]!
    return joinPath(this.#folderOf(parent), this.nameOf(index))
  }

  /** The path in the form in which `node:fs` takes it. */
  fsPathOf(index: number): string | Buffer {
    const path = this.pathOf(index)
    return this.#isAscii ? path : fsPath(path)
  }

  targetOf(index: number): BytePath {
    const { targets, targetEnds } = this.#columns
    const start = index === 0 ? 0 : targetEnds[index - 1]
    return Buffer.from(targets.subarray(start, targetEnds[index])).toString('latin1')
  }

  #folderOf(index: number): BytePath {
    let path = this.#folders.get(index)
    if (path === undefined) {
      path = this.pathOf(index)
      if (this.#folders.size >= MAX_REMEMBERED_FOLDERS) this.#folders.clear()
      this.#folders.set(index, path)
    }
    return path
  }
}
