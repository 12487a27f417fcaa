import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { ANSWERS_PROTOCOL } from '../../../src/api-cache/answer-question.ts'
import { encodeAnswer } from '../../../src/api-cache/answer-wire.ts'
import type { Answer } from '../../../src/api-cache/api-cache.ts'
import { digestOf } from '../../../src/core/digest.ts'
import { MessageStream } from '../../../src/core/message.ts'
import { MemoryNetwork } from '../../../src/swarm/memory-network.ts'
import { MemorySwarm } from '../../../src/swarm/memory-swarm.ts'
import { makeAnswer } from '../../contract/answer-shelf.ts'
import { createSwarmRunner, joinRunners, SWARM_SCOPE } from '../../support/api-swarm.ts'
import type { SwarmRunner } from '../../support/api-swarm.ts'
import { eventually } from '../../support/eventually.ts'

const { repository } = SWARM_SCOPE
const URL = 'http://127.0.0.1:9'
const options = { timeout: 20_000 }

function answer(text: string, fields: Partial<Answer> = {}): Answer {
  return makeAnswer(text, { repository, ...fields })
}

async function pair(t: TestContext): Promise<[SwarmRunner, SwarmRunner]> {
  const network = new MemoryNetwork()
  const make = (): SwarmRunner => createSwarmRunner(new MemorySwarm({ network }), { url: URL })
  const [one, two] = [make(), make()]
  await joinRunners(t, [one, two])
  return [one, two]
}

test('small and large answers come over, known ones do not', options, async (t) => {
  const [asker, holder] = await pair(t)
  const small = answer('[1]', { validated: 2000 })
  const large = answer(JSON.stringify('z'.repeat(1_000_000)))
  for (const kept of [small, large]) await holder.shelf.put(kept)
  const found = await asker.peers.find(small.key, SWARM_SCOPE)
  assert.deepEqual(
    new Set(found.map(({ digest }) => digest)),
    new Set([small.digest, large.digest]),
  )
  const known = [small.digest]
  const [left, ...none] = await asker.peers.find(small.key, SWARM_SCOPE, { known })
  assert.equal(left?.digest, large.digest)
  assert.deepEqual(none, [])
  assert.deepEqual(await asker.peers.find(digestOf('other'), SWARM_SCOPE), [])
})

test('only shared answers of the repository and of asked scopes are given', options, async (t) => {
  const [asker, holder] = await pair(t)
  await holder.shelf.put(answer('[1]', { shared: false }))
  await holder.shelf.put(answer('[2]', { repository: 'octocat/other' }))
  await holder.shelf.put(answer('[3]', { scope: 'refs/pull/1/merge' }))
  const { key } = answer('')
  assert.deepEqual(await asker.peers.find(key, SWARM_SCOPE), [])
  const other = { ...SWARM_SCOPE, repository: 'octocat/other' }
  assert.deepEqual(await asker.peers.find(key, other), [])
  const readable = ['refs/pull/1/merge', 'refs/heads/main']
  assert.equal((await asker.peers.find(key, { ...SWARM_SCOPE, readable })).length, 1)
})

const GOOD = answer('{"a":1}')
const SENT = encodeAnswer(GOOD)
const HELD = [{ digest: GOOD.digest, bytes: GOOD.body.length, validated: 1 }]
const LIES: Readonly<Record<string, [Record<string, unknown>, Uint8Array?]>> = {
  'no list': [{ held: 'x', quotas: [] }],
  'no quotas': [{ held: [] }],
  'too many': [{ held: Array.from({ length: 9 }, () => HELD[0]), quotas: [] }],
  'a huge answer': [{ held: [{ ...HELD[0], bytes: 2 ** 40 }], quotas: [] }],
  'another body': [{ held: HELD, sent: SENT.header, quotas: [] }, Buffer.from('{"a":2}')],
  'a body over the bound': [{ held: HELD, sent: SENT.header, quotas: [] }, Buffer.alloc(20_000)],
  'another key': [
    { held: HELD, sent: { ...SENT.header, key: digestOf('other') }, quotas: [] },
    SENT.body,
  ],
  'another repository': [
    { held: HELD, sent: { ...SENT.header, repository: 'octocat/other' }, quotas: [] },
    SENT.body,
  ],
  'another scope': [
    { held: HELD, sent: { ...SENT.header, scope: 'refs/heads/secret' }, quotas: [] },
    SENT.body,
  ],
  'what is not shared': [
    { held: HELD, sent: { ...SENT.header, shared: false }, quotas: [] },
    SENT.body,
  ],
  'a header with a line break': [
    { held: HELD, sent: { ...SENT.header, headers: { link: 'a\r\nb: c' } }, quotas: [] },
    SENT.body,
  ],
}

for (const [what, [header, body]] of Object.entries(LIES)) {
  test(
    `a peer that replies with ${what} is reported, and nothing of it is used`,
    options,
    async (t) => {
      const network = new MemoryNetwork()
      const asker = createSwarmRunner(new MemorySwarm({ network }), { url: URL })
      const liar = new MemorySwarm({ network })
      liar.handle(ANSWERS_PROTOCOL, async (stream) => {
        const messages = new MessageStream(stream, { headerBytes: 1e6, bodyBytes: 0 })
        await messages.read()
        await messages.write(header, body)
        await messages.closeWrite()
      })
      t.after(async () => await Promise.all([asker.stop(), liar.stop()]))
      await asker.swarm.start()
      await liar.start()
      await asker.swarm.dial(liar.peerId, liar.addresses())
      assert.deepEqual(await asker.peers.find(GOOD.key, SWARM_SCOPE), [])
      assert.deepEqual([...asker.banned.keys()], [liar.peerId])
    },
  )
}

test('a peer that asks nonsense is reported', options, async (t) => {
  const [holder, asker] = await pair(t)
  const stream = await asker.swarm.open(holder.swarm.peerId, ANSWERS_PROTOCOL)
  const messages = new MessageStream(stream, { headerBytes: 1000, bodyBytes: 0 })
  await messages.write({ find: 'everything', repository, scopes: [] })
  await eventually('the report', () => holder.banned.has(asker.swarm.peerId))
  messages.abort()
})

test('the end of a quota is news to the others at once', options, async (t) => {
  const [one, two] = await pair(t)
  const name = `api.github.com core ${repository}`
  const state = { limit: 1000, remaining: 12, reset: Date.now() + 60_000, seen: Date.now() }
  one.quota.saw(name, state)
  one.quota.saw('api.github.com core 0123', { ...state, remaining: 1 })
  await eventually('the news', () => two.quota.get(name)?.remaining === 12)
  assert.equal(two.quota.get('api.github.com core 0123'), undefined)
})
