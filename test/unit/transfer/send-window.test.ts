import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SendWindow } from '../../../src/transfer/send-window.ts'

const FRAME_BYTES = 128 * 1024

/** Sends until nothing more may be sent. */
function fill(window: SendWindow): number {
  let frames = 0
  for (; window.isOpen(0) && frames < 1000; frames += 1) window.sent(FRAME_BYTES)
  return frames
}

test('a reader that says nothing of what it was sent is sent little', () => {
  const window = new SendWindow(() => 0)
  assert.ok(fill(window) * FRAME_BYTES <= 512 * 1024)
  assert.ok(!window.isOpen(0))
})

test('a reader that takes much soon has more on its way, and less again when it takes longer', () => {
  let now = 0
  const window = new SendWindow(() => now)
  const first = fill(window)
  let under = first
  const turn = (milliseconds: number): number => {
    now += milliseconds
    assert.ok(window.taken(under * FRAME_BYTES))
    return (under = fill(window))
  }
  for (let i = 0; i < 30; i += 1) turn(5)
  const most = under
  assert.ok(most > 10 * first && most * FRAME_BYTES < 10 * 1024 * 1024, `${most} frames`)
  for (let i = 0; i < 30; i += 1) turn(1000)
  assert.equal(under, first)
})

test('a reader cannot have taken more than is on its way', () => {
  const window = new SendWindow(() => 0)
  assert.ok(!window.taken(1))
  window.sent(FRAME_BYTES)
  assert.ok(!window.taken(FRAME_BYTES + 1))
  assert.ok(window.taken(FRAME_BYTES))
})
