import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RestingLanes } from '../../../src/transfer/resting-lanes.ts'
import type { RestingLanesOptions } from '../../../src/transfer/resting-lanes.ts'
import { VirtualTime } from '../../support/virtual-time.ts'

const KEPT_MS = 1000

/** Lanes that say when they end, named by what they are taken as. */
function restingLanes(options: RestingLanesOptions = {}) {
  const time = new VirtualTime()
  const lanes = new RestingLanes<string>({ after: time.after.bind(time), ...options })
  const ended: string[] = []
  const lane = (peerId: string, name: string, isOurs = true) => ({
    peerId,
    talk: isOurs ? name : undefined,
    end: () => void ended.push(name),
  })
  return { time, lanes, ended, lane }
}

test('a lane is taken once, the one that rests for the shortest time first', () => {
  const { lanes, ended, lane } = restingLanes()
  lanes.add(lane('a', 'a1'), KEPT_MS)
  lanes.add(lane('a', 'a2'), KEPT_MS)
  lanes.add(lane('b', 'b1'), KEPT_MS)
  assert.equal(lanes.take('a'), 'a2')
  assert.equal(lanes.take('a'), 'a1')
  assert.equal(lanes.take('a'), undefined)
  assert.equal(lanes.take('c'), undefined)
  assert.equal(lanes.size, 1)
  assert.deepEqual(ended, [])
})

test('a lane on which the peer asks is not taken', () => {
  const { lanes, lane } = restingLanes()
  const theirs = lane('a', 'a1', false)
  lanes.add(theirs, KEPT_MS)
  assert.equal(lanes.take('a'), undefined)
  assert.ok(lanes.remove(theirs))
  assert.ok(!lanes.remove(theirs))
})

test('a lane ends when it has rested for its time, and not if it was taken before', async () => {
  const { time, lanes, ended, lane } = restingLanes()
  lanes.add(lane('a', 'a1'), KEPT_MS)
  time.after(KEPT_MS / 2, () => {
    lanes.add(lane('a', 'a2'), KEPT_MS)
    lanes.add(lane('a', 'a3'), KEPT_MS)
    assert.equal(lanes.take('a'), 'a3')
  })
  await time.run(() => ended.length > 0, 10 * KEPT_MS)
  assert.deepEqual(ended, ['a1'])
  assert.equal(time.now, KEPT_MS)
  await time.run(() => false, 10 * KEPT_MS)
  assert.deepEqual(ended, ['a1', 'a2'])
  assert.equal(lanes.size, 0)
})

test('too many lanes, of all peers or of one, are too many of those that rest for longest', () => {
  const { lanes, ended, lane } = restingLanes({ maxLanes: 3, maxLanesPerPeer: 2 })
  for (const name of ['a1', 'a2', 'a3']) lanes.add(lane('a', name), KEPT_MS)
  assert.deepEqual(ended, ['a1'])
  lanes.add(lane('b', 'b1'), KEPT_MS)
  assert.deepEqual(ended, ['a1'])
  lanes.add(lane('c', 'c1'), KEPT_MS)
  assert.deepEqual(ended, ['a1', 'a2'])
  assert.ok(lanes.endOldest())
  assert.deepEqual(ended, ['a1', 'a2', 'a3'])
})

test('all lanes of a peer end, and with a stop all that rest or come to rest', () => {
  const { lanes, ended, lane } = restingLanes()
  lanes.add(lane('a', 'a1'), KEPT_MS)
  lanes.add(lane('b', 'b1'), KEPT_MS)
  lanes.add(lane('a', 'a2', false), KEPT_MS)
  lanes.endAllOf('a')
  assert.deepEqual(ended, ['a1', 'a2'])
  lanes.stop()
  assert.deepEqual(ended, ['a1', 'a2', 'b1'])
  lanes.add(lane('a', 'a3'), KEPT_MS)
  assert.deepEqual(ended, ['a1', 'a2', 'b1', 'a3'])
  assert.ok(!lanes.endOldest())
})
