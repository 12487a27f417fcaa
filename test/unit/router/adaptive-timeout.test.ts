import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AdaptiveTimeout } from '../../../src/router/adaptive-timeout.ts'

const OPTIONS = { initialMs: 250, minMs: 50, maxMs: 2000 }

test('it starts where it is told and shortens as fast answers come', () => {
  const timeout = new AdaptiveTimeout(OPTIONS)
  assert.equal(timeout.ms, 250)
  for (let i = 0; i < 30; i += 1) timeout.answered(2)
  assert.ok(timeout.ms < 100, `${timeout.ms}`)
  assert.ok(timeout.ms >= 50)
})

test('time-outs alone lengthen it to the most, so it cannot lock itself out', () => {
  const timeout = new AdaptiveTimeout(OPTIONS)
  for (let i = 0; i < 30; i += 1) timeout.answered(1)
  for (let i = 0; i < 12; i += 1) timeout.timedOut()
  assert.equal(timeout.ms, 2000)
})

test('answers bring it back after a bad time', () => {
  const timeout = new AdaptiveTimeout(OPTIONS)
  for (let i = 0; i < 12; i += 1) timeout.timedOut()
  for (let i = 0; i < 40; i += 1) timeout.answered(5)
  assert.ok(timeout.ms < 150, `${timeout.ms}`)
})

test('one dead peer among many that answer does not lengthen it for good', () => {
  const timeout = new AdaptiveTimeout(OPTIONS)
  for (let round = 0; round < 50; round += 1) {
    for (let i = 0; i < 9; i += 1) timeout.answered(5)
    timeout.timedOut()
  }
  assert.ok(timeout.ms < 250, `${timeout.ms}`)
})

test('slow answers lengthen it: they count even when they came too late', () => {
  const timeout = new AdaptiveTimeout(OPTIONS)
  for (let i = 0; i < 40; i += 1) timeout.answered(600)
  assert.ok(timeout.ms > 1000, `${timeout.ms}`)
  assert.ok(timeout.ms <= 2000)
})
