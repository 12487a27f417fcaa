import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SharedQuotas } from '../../../src/api-cache/shared-quotas.ts'

const NAME = 'api.github.com core octo/hello'
const TOLD = { host: 'api.github.com', resource: 'core', limit: 1000 }
const soon = (): number => Date.now() + 600_000

test('what a peer tells counts until GitHub says otherwise, and who was wrong is not heard again', () => {
  const quotas = new SharedQuotas({ repository: 'octo/hello' })
  const reset = soon()
  quotas.told('liar', [{ ...TOLD, remaining: 0, reset }])
  assert.equal(quotas.get(NAME)?.remaining, 0)
  quotas.saw(NAME, { limit: 1000, remaining: 900, reset, seen: Date.now() })
  assert.equal(quotas.get(NAME)?.remaining, 900)
  quotas.told('liar', [{ ...TOLD, remaining: 0, reset }])
  assert.equal(quotas.get(NAME)?.remaining, 900)
})

test('what cannot be true is not taken in', () => {
  const quotas = new SharedQuotas({ repository: 'octo/hello' })
  const reset = soon()
  quotas.told('peer', [
    { ...TOLD, limit: 0, remaining: 0, reset },
    { ...TOLD, remaining: 1001, reset },
    { ...TOLD, remaining: 0, reset: Date.now() - 1 },
    { ...TOLD, remaining: 0, reset: Date.now() + 24 * 3_600_000 },
  ])
  assert.equal(quotas.get(NAME), undefined)
})

test('only the quota of the repository is told: others are named after tokens', () => {
  const quotas = new SharedQuotas({ repository: 'octo/hello' })
  const state = { limit: 1000, remaining: 500, reset: soon(), seen: Date.now() }
  quotas.saw(NAME, state)
  quotas.saw(`api.github.com core ${'a'.repeat(64)}`, state)
  assert.deepEqual(quotas.toTell(), [{ ...TOLD, remaining: 500, reset: state.reset }])
})
