import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { splitTime } from '../../../src/archive/tree-scan.ts'

const NANOS = 1_000_000_000n
// What 64 bits of nanoseconds hold: the years 1677 to 2262.
const TIME = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const NEAR_A_SECOND = fc
  .tuple(fc.bigInt({ min: -9_223_372_035n, max: 9_223_372_035n }), fc.bigInt(-300n, 300n))
  .map(([seconds, off]) => seconds * NANOS + off)

test('times are split to the nanosecond, also before 1970 and next to a whole second', () => {
  fc.assert(
    fc.property(fc.oneof(TIME, NEAR_A_SECOND), (time) => {
      const { seconds, nanos } = splitTime(time)
      assert.ok(nanos >= 0 && nanos < 1e9)
      assert.equal(BigInt(seconds) * NANOS + BigInt(nanos), time)
    }),
    { numRuns: 5000 },
  )
})
