import assert from 'node:assert/strict'
import {
  linkSync,
  mkdirSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { CatalogPaths } from '../../../src/archive/catalog-paths.ts'
import { decodeCatalog } from '../../../src/archive/catalog-decode.ts'
import type { CatalogColumns } from '../../../src/archive/catalog.ts'
import { PathSelection } from '../../../src/archive/path-selection.ts'
import {
  BLOCK_ROWS,
  ON_DISK,
  PROGRESS,
  RowComparison,
} from '../../../src/archive/row-comparison.ts'
import type { ComparisonState } from '../../../src/archive/row-comparison.ts'
import { compareTree } from '../../../src/archive/tree-compare.ts'
import type { ComparisonHelp } from '../../../src/archive/tree-compare.ts'
import { WriteCrew } from '../../../src/archive/write-crew.ts'
import { openFrame } from '../../../src/core/chunk.ts'
import { totalBytes } from '../../../src/core/manifest.ts'
import { ArchiveTrip } from '../../support/archive-trip.ts'
import { temporaryFolder } from '../../support/file-tree.ts'

const FOLDERS = 4
const FILES_EACH = BLOCK_ROWS / 2

/** A tree of a few blocks of rows, of which something of every kind has changed since it was packed. */
async function changedTree(t: TestContext): Promise<Comparison> {
  const root = temporaryFolder(t)
  const trip = new ArchiveTrip()
  for (let folder = 0; folder < FOLDERS; folder += 1) {
    mkdirSync(join(root, `tree/${folder}`), { recursive: true })
    for (let file = 0; file < FILES_EACH; file += 1)
      writeFileSync(join(root, `tree/${folder}/${file}`), '')
  }
  linkSync(join(root, 'tree/0/0'), join(root, 'tree/3/zz-same'))
  linkSync(join(root, 'tree/0/1'), join(root, 'tree/3/zz-other'))
  symlinkSync('0', join(root, 'tree/zz-link'))
  const { manifest } = await trip.pack(root, ['tree'])
  unlinkSync(join(root, 'tree/0/1'))
  writeFileSync(join(root, 'tree/0/1'), 'more')
  utimesSync(join(root, 'tree/1/2'), 1, 1)
  unlinkSync(join(root, 'tree/2/3'))
  mkdirSync(join(root, 'tree/3/4-is-new'))
  const plains: Uint8Array[] = []
  for await (const frame of trip.sink.open(manifest.catalog)) plains.push(await openFrame(frame))
  const contentBytes = totalBytes(manifest.content)
  const columns = decodeCatalog(Buffer.concat(plains), { contentBytes, patterns: 1 })
  const selection = PathSelection.of(['tree'], root)
  const paths = new CatalogPaths(columns, [selection.patterns[0]!.root])
  return { columns, compare: (help) => compareTree(columns, paths, selection, help, t.signal) }
}

interface Comparison {
  readonly columns: CatalogColumns
  readonly compare: (help?: ComparisonHelp) => Promise<Uint8Array>
}

test('threads that help with a comparison find what one thread finds', async (t) => {
  const { compare } = await changedTree(t)
  const alone = await compare()
  for (const state of Object.values(ON_DISK)) {
    const isThere =
      state === ON_DISK.SAME || state === ON_DISK.DIFFERENT || state === ON_DISK.MISSING
    assert.equal(alone.includes(state), isThere)
  }
  const crew = new WriteCrew()
  crew.start(1, 1)
  t.after(() => crew.close())
  const helped = await compare({
    compare: (state) => {
      crew.compare(state)
      // The other thread is to have all of it, which chance would give it little of.
      while (
        Atomics.load(state.progress, PROGRESS.BLOCKS_DONE) * BLOCK_ROWS <
        state.columns.count
      ) {
        const done = Atomics.load(state.progress, PROGRESS.BLOCKS_DONE)
        const woken = Atomics.wait(state.progress, PROGRESS.BLOCKS_DONE, done, 20_000)
        assert.notEqual(woken, 'timed-out')
      }
    },
  })
  assert.deepEqual(helped, alone)
})

test('rows that another thread has taken and never compared are compared in the end', async (t) => {
  const { compare } = await changedTree(t)
  const alone = await compare()
  const helped = await compare({
    compare: ({ progress }) => void Atomics.add(progress, PROGRESS.ROWS_TAKEN, BLOCK_ROWS),
  })
  assert.deepEqual(helped, alone)
})

test('rows below a folder that is a link here are missing, whoever looks at them first', async (t) => {
  const { columns, compare } = await changedTree(t)
  let state: ComparisonState | undefined
  await compare({ compare: (given) => (state = given) })
  assert.ok(state)
  const root = state.roots[0]!
  const target = temporaryFolder(t)
  renameSync(join(root, '3'), join(target, '3'))
  symlinkSync(join(target, '3'), join(root, '3'))
  state.onDisk.fill(ON_DISK.UNKNOWN)
  Atomics.store(state.progress, PROGRESS.ROWS_TAKEN, 2 * BLOCK_ROWS)
  const comparison = new RowComparison(state)
  while (comparison.compareBlock());
  const folder = columns.parents.findLast((parent) => parent > 0)
  assert.equal(state.onDisk[folder!], ON_DISK.OBSTRUCTED)
  const below = state.onDisk.filter((_, row) => columns.parents[row] === folder)
  assert.ok(below.length > FILES_EACH)
  for (const found of below) assert.ok(found === ON_DISK.MISSING || found === ON_DISK.UNKNOWN)
})
