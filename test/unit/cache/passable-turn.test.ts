import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DownloadPace, PassableTurn } from '../../../src/cache/passable-turn.ts'
import type { TurnResult } from '../../../src/lease/lease.ts'

const MB = 1_000_000

/** Whether a download of so many megabytes is slow after 1, 2 and 3 s at a rate, taken so slowly each second. */
function judged(megabytes: number, megabytesPerSecond: number, takenInMs = 0): boolean[] {
  let now = 0
  const pace = new DownloadPace(megabytes * MB, () => now)
  pace.isSlowAt(0)
  return [1, 2, 3].map((second) => {
    pace.wait()
    now += 1000
    const isSlow = pace.isSlowAt(second * megabytesPerSecond * MB)
    now += takenInMs
    return isSlow
  })
}

test('a download is slow after two seconds below the slowest usual rate, if much is left', () => {
  assert.deepEqual(judged(64, 1.2), [false, true, true])
  assert.deepEqual(judged(64, 2.5), [false, false, false])
})

test('a download is not slow for the sake of one who takes it slowly', () => {
  assert.deepEqual(judged(64, 2.5, 5000), [false, false, false])
})

test('a slow download that is soon through goes on', () => {
  assert.deepEqual(judged(8, 1.2), [false, false, false])
})

test('a turn that was passed goes to the next once, whatever is said of it afterwards', async () => {
  const said: (TurnResult | 'progressed')[] = []
  const turn = new PassableTurn({
    kind: 'mine',
    progressed: () => void said.push('progressed'),
    done: async (result) => void said.push(result),
  })
  turn.progressed()
  turn.pass()
  turn.pass()
  turn.progressed()
  await turn.done(true)
  assert.deepEqual(said, ['progressed', false])
})
