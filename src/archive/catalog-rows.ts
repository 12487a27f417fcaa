import { KIND } from './catalog.ts'
import type { CatalogColumns, CatalogRow } from './catalog.ts'
import { decodeCatalog } from './catalog-decode.ts'
import { encodeCatalog } from './catalog-encode.ts'

/** How files were read other than the scan had found them, by the index of their row. */
export interface CatalogChanges {
  /** Bytes more than the catalog says, or fewer. */
  readonly growth: ReadonlyMap<number, number>
  readonly vanished: ReadonlySet<number>
}

/** The catalog with files as they were read: sizes changed, and what vanished left out. */
export function amendCatalog(
  catalog: Uint8Array,
  contentBytes: number,
  { growth, vanished }: CatalogChanges,
): { readonly catalog: Uint8Array; readonly files: number } {
  const bounds = { contentBytes, patterns: Infinity, platform: 'linux' } as const
  const columns = decodeCatalog(catalog, bounds)
  const rows: CatalogRow[] = []
  const kept: (CatalogRow | undefined)[] = []
  for (const [index, found] of readRows(columns).entries()) {
    const bytes = found.bytes + (growth.get(index) ?? 0)
    if (vanished.has(index) && bytes === 0) continue
    const source = kept[columns.linkSources[index]!]
    if (found.kind === KIND.HARD_LINK && source === undefined) continue
    const row = found.kind === KIND.HARD_LINK ? { ...found, source } : { ...found, bytes }
    kept[index] = row
    rows.push(row)
  }
  const left = withoutEmptyAncestors(rows)
  const files = left.filter((row) => row.kind >= KIND.FILE).length
  return { catalog: encodeCatalog(left), files }
}

/** Rows without the sources of hard links. */
function readRows(columns: CatalogColumns): CatalogRow[] {
  const { kinds, parents, names, nameEnds, targets, targetEnds } = columns
  const rows: CatalogRow[] = []
  for (let i = 0; i < columns.count; i += 1) {
    const parent = parents[i]!
    rows.push({
      kind: kinds[i] as CatalogRow['kind'],
      depth: parent < 0 ? 0 : rows[parent]!.depth + 1,
      pattern: parent < 0 ? -1 - parent : 0,
      name: textAt(names, nameEnds, i),
      mode: columns.modes[i]!,
      seconds: columns.seconds[i]!,
      nanos: columns.nanos[i]!,
      bytes: columns.sizes[i]!,
      target: textAt(targets, targetEnds, i),
    })
  }
  return rows
}

function textAt(bytes: Uint8Array, ends: Uint32Array, i: number): string {
  return Buffer.from(bytes.subarray(i === 0 ? 0 : ends[i - 1], ends[i])).toString('latin1')
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
