import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryUpstream, MemoryUpstreamService } from '../../../src/store/memory-upstream.ts'
import { upstreamContract } from '../../contract/upstream.ts'

upstreamContract('MemoryUpstream', async () => {
  const service = new MemoryUpstreamService()
  return { create: (caller) => new MemoryUpstream({ service, ...caller }) }
})

test('what beforeCall throws is a failure of the upstream, and calls are counted', async () => {
  const upstream = new MemoryUpstream({
    beforeCall: (kind) => {
      if (kind === 'restore') throw new Error('the service answered 500')
    },
  })
  await assert.rejects(upstream.restore(['tree'], 'k', []), {
    code: 'ERR_UPSTREAM',
    message: /answered 500/,
  })
  assert.equal(await upstream.lookup(['tree'], 'k', []), undefined)
  assert.deepEqual(upstream.calls, { lookup: 1, restore: 1, save: 0 })
})
