import { KIND } from '../../src/archive/catalog.ts'
import type { CatalogColumns, CatalogRow } from '../../src/archive/catalog.ts'
import { CatalogPaths } from '../../src/archive/catalog-paths.ts'

/** What the columns say, in the form of the rows that were encoded. */
export function catalogRows(columns: CatalogColumns): CatalogRow[] {
  const paths = new CatalogPaths(columns, [])
  const rows: CatalogRow[] = []
  const depths: number[] = []
  for (let i = 0; i < columns.count; i += 1) {
    const parent = columns.parents[i]!
    const kind = columns.kinds[i] as CatalogRow['kind']
    depths[i] = parent < 0 ? 0 : depths[parent]! + 1
    rows.push({
      kind,
      depth: depths[i]!,
      pattern: parent < 0 ? -1 - parent : 0,
      name: parent < 0 ? '' : paths.nameOf(i),
      mode: columns.modes[i]!,
      seconds: columns.seconds[i]!,
      nanos: columns.nanos[i]!,
      bytes: columns.sizes[i]!,
      target: kind === KIND.SYMLINK ? paths.targetOf(i) : '',
      ...(kind === KIND.HARD_LINK ? { source: rows[columns.linkSources[i]!]! } : {}),
    })
  }
  return rows
}
