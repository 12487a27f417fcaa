import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DeadlineGroup } from '../../../src/async/deadline-group.ts'

const options = { timeout: 20_000 }
const never = async (): Promise<never> => await new Promise<never>(() => {})

test('work settles as it does, and what takes too long is ERR_TIMEOUT', options, async () => {
  const deadlines = new DeadlineGroup(new AbortController().signal)
  const long = deadlines.run(20_000, 'Something long', async () => 'done')
  assert.equal(await long, 'done')
  const error = new Error('its own')
  await assert.rejects(
    deadlines.run(20_000, 'Something', () => Promise.reject(error)),
    error,
  )
  await assert.rejects(deadlines.run(10, 'Something slow', never), {
    code: 'ERR_TIMEOUT',
    message: /Something slow/,
  })
})

test('an abort ends all waits with its reason, and later ones at once', options, async () => {
  const controller = new AbortController()
  const deadlines = new DeadlineGroup(controller.signal)
  const waits = [deadlines.run(20_000, 'One', never), deadlines.run(20_000, 'Two', never)]
  const reason = new Error('enough')
  controller.abort(reason)
  for (const wait of waits) await assert.rejects(wait, reason)
  let isStarted = false
  const late = deadlines.run(20_000, 'Late', async () => (isStarted = true))
  await assert.rejects(late, reason)
  assert.equal(isStarted, false)
})
