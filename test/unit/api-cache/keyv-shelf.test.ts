import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KeyvShelf } from '../../../src/api-cache/keyv-shelf.ts'
import { loadKeyvAdapter } from '../../../src/api-cache/keyv-adapter.ts'
import { isSwarmCacheError } from '../../../src/core/errors.ts'
import { createLogger, silentLogger } from '../../../src/core/logger.ts'
import { answerShelfContract, makeAnswer } from '../../contract/answer-shelf.ts'

const REPOSITORY = { repository: 'octo/hello' }

answerShelfContract('KeyvShelf', async () => {
  return new KeyvShelf({ adapter: new Map(), logger: silentLogger }, REPOSITORY)
})

test('another process finds what one has put, and another repository does not', async () => {
  const adapter = new Map<string, unknown>()
  const answer = makeAnswer()
  await new KeyvShelf({ adapter, logger: silentLogger }, REPOSITORY).put(answer)
  const again = new KeyvShelf({ adapter, logger: silentLogger }, REPOSITORY)
  assert.deepEqual((await again.get(answer.key))[0]?.answer.digest, answer.digest)
  const other = new KeyvShelf({ adapter, logger: silentLogger }, { repository: 'octo/other' })
  assert.deepEqual(await other.get(answer.key), [])
})

test('a value that was damaged or is none of ours is a miss', async () => {
  const adapter = new Map<string, unknown>()
  const shelf = new KeyvShelf({ adapter, logger: silentLogger }, REPOSITORY)
  const answer = makeAnswer()
  await shelf.put(answer)
  for (const [name, value] of adapter) {
    adapter.set(name, JSON.parse(JSON.stringify(value).replaceAll('eyJ', 'eyK')))
  }
  assert.deepEqual(await shelf.get(answer.key), [])
  for (const name of adapter.keys()) adapter.set(name, '{"value":[7,{"header":{}}]}')
  assert.deepEqual(await shelf.get(answer.key), [])
})

test('a store that fails is one warning and misses', async () => {
  const lines: string[] = []
  const logger = createLogger((level, line) => lines.push(`${level}: ${line}`))
  const fail = async (): Promise<never> => {
    throw new Error('connection lost')
  }
  const adapter = { get: fail, set: fail, delete: fail, clear: fail, has: fail }
  const shelf = new KeyvShelf({ adapter, logger }, REPOSITORY)
  const answer = makeAnswer()
  await shelf.put(answer)
  assert.deepEqual(await shelf.get(answer.key), [])
  assert.equal(lines.length, 1)
  assert.match(lines[0]!, /^warning: .*connection lost/)
})

test('a URI names the package that is missing, and never the URI itself', async () => {
  const uri = 'redis://user:password@host:6379'
  await assert.rejects(loadKeyvAdapter(uri, 'SWARMCACHE_SHARED'), (error: Error) => {
    assert.ok(isSwarmCacheError(error, 'ERR_INPUT'))
    assert.match(error.message, /npm install @keyv\/redis$/)
    assert.doesNotMatch(error.message, /password/)
    return true
  })
  await assert.rejects(loadKeyvAdapter('ftp://x', 'SWARMCACHE_SHARED'), /scheme "ftp"/)
})

test('the adapter of a URI is constructed with it', async () => {
  const asked: string[] = []
  class Adapter {
    readonly uri: string
    constructor(uri: string) {
      this.uri = uri
    }
  }
  const adapter = await loadKeyvAdapter('valkey://host', 'SWARMCACHE_SHARED', async (name) => {
    asked.push(name)
    return { default: Adapter }
  })
  assert.deepEqual(asked, ['@keyv/valkey'])
  assert.equal((adapter as Adapter).uri, 'valkey://host')
})
