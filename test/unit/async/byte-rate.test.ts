import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteRate } from '../../../src/async/byte-rate.ts'

test('over time no more is spent than the rate, and a single burst', () => {
  let now = 0
  const rate = new ByteRate(1000, () => now)
  let spent = 0
  for (; now < 10_000; now += 1) {
    if (!rate.isOpen) continue
    rate.spend(50)
    spent += 50
  }
  assert.ok(spent >= 10_000 && spent <= 10_200, `${spent} bytes in 10 s`)
})

test('what is spent at once is waited for afterwards', () => {
  let now = 0
  const rate = new ByteRate(1000, () => now)
  rate.spend(2100)
  now = 1999
  assert.equal(rate.isOpen, false)
  now = 2001
  assert.equal(rate.isOpen, true)
})

test('a wait for a rate ends with the reason of its signal', async () => {
  const rate = new ByteRate(1, () => 0)
  rate.spend(1000)
  const reason = new Error('no longer wanted')
  await assert.rejects(rate.opened(AbortSignal.abort(reason)), reason)
})
