import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../../../src/core/digest.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { diskLayout } from '../../../src/store/disk-layout.ts'
import { EntryFiles } from '../../../src/store/entry-files.ts'
import { IndexDatabase } from '../../../src/store/index-database.ts'
import { RepositoryFiles } from '../../../src/store/repository-files.ts'
import { SpaceLedger } from '../../../src/store/space-ledger.ts'
import { Sweep } from '../../../src/store/sweep.ts'
import { temporaryHome } from '../../support/disk-homes.ts'
import { REPOSITORY } from '../../support/stored-content.ts'

const HOUR = 60 * 60 * 1000

test('a chunk that a save relies on after the survey is put back', async (t) => {
  let now = Date.now()
  const layout = diskLayout(await temporaryHome(t), REPOSITORY)
  layout.prepare()
  const database = new IndexDatabase(layout.versionFolder, silentLogger, () => {})
  t.after(() => database.close())
  const ledger = new SpaceLedger(database, layout.tag, 1_000_000)
  const files = new RepositoryFiles(layout, silentLogger, () => now, 1000)
  const [relied, left] = [digestOf('relied on'), digestOf('left alone')]
  for (const digest of [relied, left]) files.chunks.write(digest, [Buffer.from('a frame')])
  now += HOUR

  let calls = 0
  const sweep = new Sweep(
    {
      layout,
      database,
      ledger,
      logger: silentLogger,
      now: () => now,
      defaultScopeOf: () => undefined,
      entryFilesOf: () => new EntryFiles(layout, () => true, silentLogger),
      filesOf: () => {
        calls += 1
        // To mark, to survey, to drop: the last is asked for once the plan is made.
        if (calls === 3) assert.equal(files.chunks.hold(relied), true)
        return files
      },
    },
    { graceMs: HOUR / 2, pressedGraceMs: HOUR / 2 },
  )
  assert.equal(await sweep.run(0), true)
  assert.equal(calls, 3)
  assert.deepEqual([files.chunks.hold(relied), files.chunks.hold(left)], [true, false])
  assert.deepEqual(ledger.used(), { bytes: 7, chunks: 1 })
})

test('while another process has the lease nothing is swept, and after it lapsed or was given back it is', async (t) => {
  const layout = diskLayout(await temporaryHome(t), REPOSITORY)
  layout.prepare()
  const database = new IndexDatabase(layout.versionFolder, silentLogger, () => {})
  t.after(() => database.close())
  const [mine, other] = [1, 2].map(() => new SpaceLedger(database, layout.tag, 1_000_000))
  assert.ok(mine && other)
  assert.equal(other.leaseSweep(60_000), true)
  assert.equal(other.leaseSweep(60_000), true)
  assert.equal(mine.leaseSweep(60_000), false)
  other.releaseSweep()
  assert.equal(mine.leaseSweep(-1), true)
  assert.equal(other.leaseSweep(60_000), true)
})
