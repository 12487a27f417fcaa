import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AnswerScope, AnswerShelf } from '../../../src/api-cache/api-cache.ts'
import { KeyvShelf } from '../../../src/api-cache/keyv-shelf.ts'
import { MemoryShelf } from '../../../src/api-cache/memory-shelf.ts'
import { TieredAnswers } from '../../../src/api-cache/tiered-answers.ts'
import { silentLogger as logger } from '../../../src/core/logger.ts'
import { makeAnswer } from '../../contract/answer-shelf.ts'

const MAIN: AnswerScope = {
  repository: 'octo/hello',
  scope: 'refs/heads/main',
  readable: ['refs/heads/main'],
}
const { key } = makeAnswer()

test('what one process has put another finds in the shared store, but what is not shared', async () => {
  const adapter = new Map<string, unknown>()
  const open = (): TieredAnswers =>
    new TieredAnswers({
      memory: new MemoryShelf(),
      shelves: [new KeyvShelf({ adapter, logger }, { repository: MAIN.repository })],
      logger,
    })
  const one = open()
  await one.put(makeAnswer('[1]'))
  await one.put(makeAnswer('[2]', { shared: false }))
  assert.equal((await one.find(key, MAIN)).length, 2)
  await one.close()
  const found = await open().find(key, MAIN)
  assert.deepEqual(
    found.map(({ answer, tier }) => [Buffer.from(answer.body).toString(), tier]),
    [['[1]', 'shared']],
  )
})

test('tiers that fail or never answer are waited for no longer than their deadline', async () => {
  const never = async (): Promise<never> => await new Promise<never>(() => {})
  const fail = async (): Promise<never> => {
    throw new Error('broken')
  }
  const memory = new MemoryShelf()
  const silent: AnswerShelf = new (class extends MemoryShelf {
    override get = never
    override put = never
  })()
  const broken: AnswerShelf = new (class extends MemoryShelf {
    override get = fail
    override put = fail
  })()
  const tiers = new TieredAnswers(
    { memory, shelves: [silent, broken], peers: { find: never }, logger },
    { findMs: 20, putMs: 20 },
  )
  await tiers.put(makeAnswer('[1]'))
  const found = await tiers.find(key, MAIN)
  assert.deepEqual(
    found.map(({ tier }) => tier),
    ['memory'],
  )
  assert.deepEqual(await tiers.find(key, MAIN, { nearOnly: true }), found)
  const ended = new AbortController()
  const waiting = tiers.find(key, MAIN, { signal: ended.signal })
  ended.abort(new Error('no longer wanted'))
  await assert.rejects(waiting, /no longer wanted/)
  await tiers.close()
})

test('where nobody else takes part the turn is one’s own', async () => {
  const tiers = new TieredAnswers({ memory: new MemoryShelf(), logger })
  assert.equal((await tiers.takeTurn(key)).kind, 'mine')
})
