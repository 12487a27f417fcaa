import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { startCacheService } from '../../../../src/cli/demo/cache-service.ts'
import type { CacheService, CacheServiceOptions } from '../../../../src/cli/demo/cache-service.ts'
import { digestOf } from '../../../../src/core/digest.ts'

const OPTIONS = { timeout: 20_000 }
const VERSION = digestOf('a version')
const MAIN = 'refs/heads/main'
const TOPIC = 'refs/heads/topic'
const repository = 'octo/cache'

async function start(
  t: TestContext,
  options: Partial<CacheServiceOptions> = {},
): Promise<CacheService> {
  const service = await startCacheService({
    tokens: {
      main: { repository, writeScope: MAIN, readScopes: [MAIN] },
      topic: { repository, writeScope: TOPIC, readScopes: [TOPIC, MAIN] },
      foreign: { repository: 'octo/other', writeScope: MAIN, readScopes: [MAIN] },
      reader: { repository, readScopes: [MAIN] },
    },
    ...options,
  })
  t.after(() => service.close())
  return service
}

interface Answer {
  readonly status: number
  readonly ok?: boolean
  readonly code?: string
  readonly signed_upload_url?: string
  readonly signed_download_url?: string
  readonly matched_key?: string
  readonly entry_id?: string
}

async function call(
  service: CacheService,
  token: string,
  method: string,
  body: object,
): Promise<Answer> {
  const path = `twirp/github.actions.results.api.v1.CacheService/${method}`
  const response = await fetch(new URL(path, service.url), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ version: VERSION, ...body }),
  })
  return { ...((await response.json()) as object), status: response.status }
}

async function put(url: string, body: string | Uint8Array<ArrayBuffer>): Promise<number> {
  const response = await fetch(url, { method: 'PUT', body })
  await response.arrayBuffer()
  return response.status
}

async function save(
  service: CacheService,
  token: string,
  key: string,
  body: Uint8Array<ArrayBuffer> = randomBytes(100),
): Promise<void> {
  const created = await call(service, token, 'CreateCacheEntry', { key })
  assert.equal(created.ok, true)
  assert.equal(await put(created.signed_upload_url!, body), 201)
  // The Go client sends the size as a number, the JavaScript client as a string.
  const finished = { key, size_bytes: body.length }
  assert.equal((await call(service, token, 'FinalizeCacheEntryUpload', finished)).ok, true)
}

async function find(
  service: CacheService,
  token: string,
  key: string,
  restoreKeys: readonly string[] = [],
): Promise<string | undefined> {
  const body = { key, restore_keys: restoreKeys }
  return (await call(service, token, 'GetCacheEntryDownloadURL', body)).matched_key
}

test('blocks that arrive out of order are served in the order of the list', OPTIONS, async (t) => {
  const service = await start(t)
  const url = (await call(service, 'main', 'CreateCacheEntry', { key: 'k' })).signed_upload_url!
  const blocks = [randomBytes(70_000), randomBytes(3), randomBytes(70_001)]
  const ids = blocks.map((_, index) => Buffer.from(`block-${index}`).toString('base64'))
  for (const index of [2, 0, 1]) {
    const id = encodeURIComponent(ids[index]!)
    assert.equal(await put(`${url}&comp=block&blockid=${id}`, blocks[index]!), 201)
  }
  const list = (names: readonly string[]): string =>
    `<?xml version="1.0"?><BlockList>${names.map((id) => `<Latest>${id}</Latest>`).join('')}</BlockList>`
  assert.equal(await put(`${url}&comp=blocklist`, list([...ids, 'bm9uZQ=='])), 400)
  assert.equal(await put(`${url}&comp=blocklist`, list(ids)), 201)
  const whole = Buffer.concat(blocks)
  const finish = { key: 'k', size_bytes: String(whole.length) }
  const wrong = { key: 'k', size_bytes: String(whole.length - 1) }
  assert.equal((await call(service, 'main', 'FinalizeCacheEntryUpload', wrong)).ok, false)
  assert.equal((await call(service, 'main', 'FinalizeCacheEntryUpload', finish)).ok, true)
  const found = await call(service, 'main', 'GetCacheEntryDownloadURL', { key: 'k' })
  const response = await fetch(found.signed_download_url!)
  assert.equal(response.headers.get('content-length'), String(whole.length))
  assert.ok(whole.equals(Buffer.from(await response.arrayBuffer())))
  const stats = service.stats()
  assert.equal(stats.bytesUp, whole.length)
  assert.equal(stats.bytesDown, whole.length)
  assert.equal(stats.bytesStored, whole.length)
  assert.deepEqual(stats.requests, {
    CreateCacheEntry: 1,
    upload: 5,
    FinalizeCacheEntryUpload: 2,
    GetCacheEntryDownloadURL: 1,
    download: 1,
  })
})

test(
  'entries are found by scope, exact key, prefix and restore keys, the newest first',
  OPTIONS,
  async (t) => {
    const service = await start(t)
    await save(service, 'main', 'npm-1')
    await save(service, 'main', 'npm-2')
    assert.equal(await find(service, 'main', 'NPM-1'), 'npm-1')
    assert.equal(await find(service, 'main', 'npm'), 'npm-2')
    assert.equal(await find(service, 'main', 'x', ['y', 'npm-1', 'npm-']), 'npm-1')
    assert.equal(await find(service, 'topic', 'npm-'), 'npm-2')
    await save(service, 'topic', 'npm-0')
    assert.equal(await find(service, 'topic', 'x', ['npm-']), 'npm-0')
    assert.equal(await find(service, 'main', 'npm-0'), undefined)
    assert.equal(await find(service, 'foreign', 'npm-1'), undefined)
    const body = { key: 'npm-1', version: digestOf('another version') }
    assert.equal((await call(service, 'main', 'GetCacheEntryDownloadURL', body)).ok, false)
  },
)

test('a name is taken from its reservation on, in its scope only', OPTIONS, async (t) => {
  const service = await start(t)
  await call(service, 'main', 'CreateCacheEntry', { key: 'k' })
  const again = await call(service, 'main', 'CreateCacheEntry', { key: 'K' })
  assert.deepEqual([again.status, again.code], [409, 'already_exists'])
  assert.equal(await find(service, 'main', 'k'), undefined)
  assert.equal((await call(service, 'topic', 'CreateCacheEntry', { key: 'k' })).ok, true)
  assert.equal((await call(service, 'foreign', 'CreateCacheEntry', { key: 'k' })).ok, true)
})

test('strangers, readers and wrong signatures are refused', OPTIONS, async (t) => {
  const service = await start(t)
  assert.equal((await call(service, 'nobody', 'CreateCacheEntry', { key: 'k' })).status, 401)
  assert.equal((await call(service, 'toString', 'CreateCacheEntry', { key: 'k' })).status, 401)
  assert.equal((await call(service, 'reader', 'CreateCacheEntry', { key: 'k' })).ok, false)
  assert.equal((await call(service, 'main', 'CreateCacheEntry', { key: '' })).status, 400)
  assert.equal((await call(service, 'main', 'Unknown', { key: 'k' })).status, 404)
  const { signed_upload_url: url } = await call(service, 'main', 'CreateCacheEntry', { key: 'k' })
  assert.equal(await put(url!.replace(/sig=.*/, 'sig=wrong'), 'x'), 404)
  assert.equal((await fetch(url!)).status, 409)
})

test(
  'the least recently used entries make room, and what cannot fit is refused',
  OPTIONS,
  async (t) => {
    const service = await start(t, { limitBytes: 2500 })
    for (const key of ['a', 'b']) await save(service, 'main', key, randomBytes(1000))
    await find(service, 'main', 'a')
    await save(service, 'main', 'c', randomBytes(1000))
    assert.equal(await find(service, 'main', 'b'), undefined)
    assert.equal(await find(service, 'main', 'a'), 'a')
    assert.equal(service.stats().bytesStored, 2000)
    const large = await call(service, 'main', 'CreateCacheEntry', { key: 'd' })
    assert.equal(await put(large.signed_upload_url!, randomBytes(3000)), 413)
    assert.ok(service.stats().bytesStored <= 2500)
  },
)

test('closing ends requests under way and deletes what was stored', OPTIONS, async (t) => {
  const service = await start(t, {
    fault: ({ earlier }) => (earlier > 0 ? { kind: 'silence' } : undefined),
  })
  await save(service, 'main', 'k')
  const hanging = assert.rejects(call(service, 'main', 'CreateCacheEntry', { key: 'x' }))
  await service.close()
  await hanging
  assert.ok(!existsSync(service.folder))
  await assert.rejects(fetch(service.url))
})
