import assert from 'node:assert/strict'
import { test } from 'node:test'
import { takeTurn, workName } from '../../../src/cache/shared-work.ts'
import { abortable } from '../../../src/async/deadline.ts'
import { digestOf } from '../../../src/core/digest.ts'
import { createLogger, silentLogger } from '../../../src/core/logger.ts'
import type { Turn, TurnOptions } from '../../../src/lease/lease.ts'
import { startLeases } from '../../support/leases.ts'
import { MAIN, REPOSITORY, VERSION_A } from '../../support/sample-entries.ts'

const options = { timeout: 20_000 }
const work = digestOf('the work')
const ENTRY = { repository: REPOSITORY, scope: MAIN, key: 'deps-1', version: VERSION_A }

/** A line in which nobody ever has a turn. */
async function waitForEver(_name: string, { signal }: TurnOptions = {}): Promise<Turn> {
  return await abortable(new Promise<Turn>(() => {}), signal!)
}

test('work that does not move on is waited for no longer', options, async () => {
  const parts = { tiers: { takeTurn: waitForEver }, logger: silentLogger }
  const turn = await takeTurn(parts, work, { patienceMs: 20 })
  assert.equal(turn.kind, 'mine')
})

test('work that moves on is waited for', options, async (t) => {
  const leases = startLeases(t)
  const leader = await leases.takeTurn(work)
  assert.ok(leader.kind === 'mine')
  let words = 0
  const enough = Promise.withResolvers<void>()
  const onWaiting = (): void => {
    leader.progressed()
    words += 1
    if (words === 20) enough.resolve()
  }
  const waiting = takeTurn({ tiers: leases, logger: silentLogger }, work, {
    patienceMs: 300,
    onWaiting,
  })
  await enough.promise
  await leader.done(true)
  assert.equal((await waiting).kind, 'done')
})

test('where no turn can be had the work is done without', options, async () => {
  const lines: string[] = []
  const takeNone = async (): Promise<Turn> => {
    throw new Error('the node is gone')
  }
  const logger = createLogger((level, line) => lines.push(`${level}: ${line}`))
  const turn = await takeTurn({ tiers: { takeTurn: takeNone }, logger }, work)
  assert.equal(turn.kind, 'mine')
  assert.deepEqual(lines, ['info: Doing alone what others may do too: the node is gone'])
})

test('the abort of the caller passes untouched', options, async () => {
  const parts = { tiers: { takeTurn: waitForEver }, logger: silentLogger }
  const reason = new Error('the job was cancelled')
  const controller = new AbortController()
  const waiting = takeTurn(parts, work, { signal: controller.signal })
  controller.abort(reason)
  await assert.rejects(waiting, reason)
})

test('work has the same name for all who write the key alike, and for nobody else', options, () => {
  const name = workName('restore', ENTRY)
  assert.equal(workName('restore', { ...ENTRY, key: 'DEPS-1' }), name)
  assert.notEqual(workName('save', ENTRY), name)
  assert.notEqual(workName('restore', { ...ENTRY, scope: 'refs/pull/7/merge' }), name)
})
