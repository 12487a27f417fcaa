import { lstatSync } from 'node:fs'
import { SwarmCacheError } from '../core/errors.ts'
import { fsPath, parentOf, textOf } from './byte-path.ts'
import type { BytePath } from './byte-path.ts'
import { KIND, isFolderKind } from './catalog.ts'
import type { CatalogColumns } from './catalog.ts'
import type { CatalogPaths } from './catalog-paths.ts'
import type { PathSelection } from './path-selection.ts'

/**
 * Checks roots of which one lies in another declared path on this machine.
 *
 * The tree form of a catalog rules out, below one root, two rows of one path and rows below a link or
 * file; across roots that meet, only their absolute paths tell.
 *
 * @throws ERR_PATH if two rows claim the same path, or a row lies below one that is no folder, in the
 * catalog or on the disk.
 */
export function assertRootsApart(
  columns: CatalogColumns,
  paths: CatalogPaths,
  selection: PathSelection,
): void {
  const roots = rootsOf(columns).map((pattern) => selection.patterns[pattern]!)
  for (const { root } of roots) assertNoLinkAbove(root, selection)
  const meets = roots.some((a) => roots.some((b) => a !== b && isAtOrBelow(a.root, b.root)))
  if (!meets) return
  const kinds = new Map<BytePath, number>()
  for (let i = 0; i < columns.count; i += 1) {
    const path = paths.pathOf(i)
    const kind = columns.kinds[i]!
    const known = kinds.get(path)
    const isListed = kind !== KIND.ANCESTOR && known !== KIND.ANCESTOR
    if (known !== undefined && (isListed || !isFolderKind(known) || !isFolderKind(kind))) {
      throw clash(path)
    }
    kinds.set(path, kind)
  }
  for (const { root } of roots) {
    for (let above = parentOf(root); above !== undefined; above = parentOf(above)) {
      const kind = kinds.get(above)
      if (kind !== undefined && !isFolderKind(kind)) throw clash(root)
    }
  }
}

/** Above a root links are followed, but not where another declared path says that they are its own. */
function assertNoLinkAbove(root: BytePath, selection: PathSelection): void {
  for (let path = parentOf(root); path !== undefined; path = parentOf(path)) {
    const above = path
    const at = selection.standingOf(above, true)
    const isDeclared = selection.patterns.some(
      (outer, i) =>
        !outer.negate && selection.covers(at, i) && !(outer.isGlob && outer.root === above),
    )
    if (isDeclared && isSymbolicLink(above)) throw clash(root)
  }
}

function rootsOf(columns: CatalogColumns): number[] {
  const found: number[] = []
  for (const parent of columns.parents) if (parent < 0) found.push(-1 - parent)
  return found
}

function isAtOrBelow(path: BytePath, folder: BytePath): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`)
}

function isSymbolicLink(path: BytePath): boolean {
  try {
    return lstatSync(fsPath(path), { throwIfNoEntry: false })?.isSymbolicLink() ?? false
  } catch {
    return false
  }
}

function clash(path: BytePath): SwarmCacheError {
  return new SwarmCacheError(
    'ERR_PATH',
    `The cache entry places several things at ${textOf(path)}, or reaches it through a link, where declared paths overlap. Declare paths that do not lie in each other.`,
    { facts: { path: textOf(path) } },
  )
}
