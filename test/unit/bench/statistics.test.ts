import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Goal, MeasuredRow } from '../../bench/lab/scenario.ts'
import { fluidBoundSeconds, judge, median } from '../../bench/lab/statistics.ts'

const MIB = 1024 * 1024

test('the median is the middle one, or the mean of the two in the middle', () => {
  assert.equal(median([9, 1, 100]), 9)
  assert.equal(median([10, 9, 8, 100]), 9.5)
  assert.equal(median([7]), 7)
  assert.throws(() => median([]), RangeError)
})

test('the fluid bound is that of the source, of the slowest link, or of all upload together', () => {
  const receivers = (count: number, up: number, down = up): { up: number; down: number }[] =>
    Array.from({ length: count }, () => ({ up, down }))
  const fileBytes = 64 * MIB
  const link = 100e6 / 8
  assert.equal(
    fluidBoundSeconds({ fileBytes, sourceRate: link, receivers: receivers(8, link) }).toFixed(2),
    '5.37',
  )
  assert.equal(
    fluidBoundSeconds({ fileBytes, sourceRate: link, receivers: receivers(8, 0, link) }).toFixed(1),
    '42.9',
  )
  const oneSlow = [...receivers(7, link), { up: link / 10, down: link / 10 }]
  assert.equal(
    fluidBoundSeconds({ fileBytes, sourceRate: link, receivers: oneSlow }).toFixed(1),
    '53.7',
  )
})

const VERDICTS: readonly [goal: Goal, value: number, baseline: number, reached: boolean][] = [
  [{ kind: 'times-as-fast', atLeast: 2 }, 1, 2, true],
  [{ kind: 'times-as-fast', atLeast: 2 }, 1.01, 2, false],
  [{ kind: 'share-of', atLeast: 0.6 }, 600, 1000, true],
  [{ kind: 'share-of', atLeast: 0.6 }, 599, 1000, false],
  [{ kind: 'within', atMost: 1.3 }, 13, 10, true],
  [{ kind: 'within', atMost: 1.3 }, 13.1, 10, false],
  [{ kind: 'more-than', atMost: 20 }, 30, 10, true],
  [{ kind: 'more-than', atMost: 20 }, 31, 10, false],
  [{ kind: 'value', atMost: 250 }, 250, 0, true],
  [{ kind: 'value', atMost: 250 }, 251, 0, false],
]

for (const [goal, value, baseline, reached] of VERDICTS) {
  test(`${value} against ${baseline} ${reached ? 'reaches' : 'misses'} ${JSON.stringify(goal)}`, () => {
    const row: MeasuredRow = {
      what: 'a row',
      unit: 's',
      samples: [value, value * 100, value / 100],
      baseline: { what: 'a baseline', samples: [baseline] },
      goal,
    }
    assert.equal(judge(row).reached, reached)
  })
}

test('a goal that needs a baseline is refused without one', () => {
  const row: MeasuredRow = {
    what: 'a row',
    unit: 's',
    samples: [1],
    goal: { kind: 'within', atMost: 1 },
  }
  assert.throws(() => judge(row), /no baseline/)
})
