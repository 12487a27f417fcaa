import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { TreeArchive } from '../../../src/archive/tree-archive.ts'
import { MemoryTiers } from '../../../src/cache/memory-tiers.ts'
import { TreeCache } from '../../../src/cache/tree-cache.ts'
import { createLogger } from '../../../src/core/logger.ts'
import { temporaryFolder } from '../../support/file-tree.ts'
import { MAIN, REPOSITORY, createSigner } from '../../support/sample-entries.ts'

test('saves, and restores that a save will follow, leave notes; what was noted is saved as it is now', async (t) => {
  const folder = temporaryFolder(t)
  const notesFolder = join(folder, 'home', 'notes')
  const parts = {
    tiers: new MemoryTiers({ sign: createSigner() }),
    archive: new TreeArchive(),
    logger: createLogger(() => {}),
  }
  const cacheIn = (workspace: string): TreeCache => {
    mkdirSync(join(folder, workspace))
    const workingDirectory = join(folder, workspace)
    const request = { repository: REPOSITORY, scope: MAIN, readable: [MAIN] }
    return new TreeCache(parts, {
      request,
      workingDirectory,
      writeThrough: false,
      threads: 0,
      notesFolder,
    })
  }
  // Files that have just changed are not noted.
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 60_000 })
  const notes = (): string[] => readdirSync(notesFolder).map((name) => name.slice(32))
  const first = cacheIn('first')
  mkdirSync(join(folder, 'first', 'tree'))
  writeFileSync(join(folder, 'first', 'tree', 'file'), 'one')
  await first.save(['tree'], 'deps-1')
  assert.deepEqual(notes(), [''])

  const second = cacheIn('second')
  assert.equal((await second.restore(['tree'], 'deps-1')).hit, 'exact')
  assert.deepEqual(notes(), [''])
  const third = cacheIn('third')
  assert.equal((await third.restore(['tree'], 'deps-2', ['deps-'])).hit, 'prefix')
  assert.deepEqual(notes().sort(), process.platform === 'linux' ? ['', '-restored'] : [''])
  writeFileSync(join(folder, 'third', 'tree', 'file'), 'two')
  await third.save(['tree'], 'deps-2')
  assert.deepEqual(notes(), ['', ''])
  await first.restore(['tree'], 'deps-2')
  assert.equal(readFileSync(join(folder, 'first', 'tree', 'file'), 'utf8'), 'two')
})
