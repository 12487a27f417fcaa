import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../../../src/core/digest.ts'
import type { StoredFile } from '../../../src/store/digest-folder.ts'
import { planEviction } from '../../../src/store/eviction-plan.ts'
import type { EvictableEntry } from '../../../src/store/eviction-plan.ts'
import { warmed, worth } from '../../../src/store/heat.ts'
import { openStore, recordingLogger, temporaryHome } from '../../support/disk-homes.ts'
import { SeededRandom } from '../../support/seeded-random.ts'
import {
  contentOf,
  entryFor,
  MAIN,
  REPOSITORY,
  saveTo,
  VERSION,
} from '../../support/stored-content.ts'
import type { Content } from '../../support/stored-content.ts'

const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR
const query = { repository: REPOSITORY, scopes: [MAIN], restoreKeys: [], version: VERSION }

async function randomContent(random: SeededRandom, chunks = 4): Promise<Content> {
  return contentOf(Array.from({ length: chunks }, () => random.bytes(10_000)))
}

test('an entry that is used keeps its place, the ones nobody asks for go', async (t) => {
  let now = Date.now()
  const store = await openStore(t, await temporaryHome(t), { limitBytes: 400_000, now: () => now })
  const random = new SeededRandom(1)
  await saveTo(store, await randomContent(random), { key: 'wanted' })
  for (let count = 0; count < 20; count += 1) {
    now += HOUR
    await saveTo(store, await randomContent(random), { key: `unwanted-${count}` })
    assert.ok(await store.findEntry({ ...query, key: 'wanted' }), `gone after ${count}`)
  }
  const keys = (await store.entries()).map((entry) => entry.key)
  assert.ok(keys.includes('unwanted-19') && !keys.includes('unwanted-0'), keys.join())
})

test('a chunk that another entry needs stays when its entry goes', async (t) => {
  let now = Date.now()
  const store = await openStore(t, await temporaryHome(t), { limitBytes: 400_000, now: () => now })
  const random = new SeededRandom(2)
  const shared = random.bytes(10_000)
  for (let count = 0; count < 20; count += 1) {
    now += HOUR
    const content = await contentOf([random.bytes(10_000), random.bytes(10_000), shared])
    await saveTo(store, content, { key: `key-${count}` })
  }
  assert.deepEqual(await store.has([digestOf(shared)]), [true])
  assert.deepEqual((await store.verify({ deep: true })).problems, [])
})

test('chunks without an entry go with a clean-up once nobody has relied on them for the grace period', async (t) => {
  let now = Date.now()
  const store = await openStore(t, await temporaryHome(t), { graceMs: HOUR, now: () => now })
  const { frames } = await contentOf(['left alone', 'asked about'])
  const [alone, asked] = frames.map((frame) => frame.chunk.digest)
  for (const frame of frames) await store.put(frame)
  now += 0.9 * HOUR
  await store.evict()
  assert.equal((await store.usage()).chunks, 2)
  // A save that is told "held" relies on it from now on.
  assert.deepEqual(await store.has([asked ?? '']), [true])
  now += 0.9 * HOUR
  await store.evict()
  assert.deepEqual(await store.has([alone ?? '', asked ?? '']), [false, true])
  assert.equal((await store.usage()).chunks, 1)
})

test('the chunks of a removed entry go with the next clean-up after the grace period', async (t) => {
  let now = Date.now()
  const store = await openStore(t, await temporaryHome(t), { now: () => now })
  const content = await contentOf(['catalog', 'content'])
  await saveTo(store, content)
  await store.removeEntry(entryFor(content))
  now += HOUR
  await store.evict()
  const usage = await store.usage()
  assert.deepEqual([usage.bytes, usage.chunks, usage.entries], [0, 0, 0])
  assert.equal(await store.getManifest(content.manifest), undefined)
})

test('a clean-up below the limit drops no entry, however old', async (t) => {
  let now = Date.now()
  const store = await openStore(t, await temporaryHome(t), { limitBytes: 400_000, now: () => now })
  const random = new SeededRandom(3)
  for (let count = 0; count < 8; count += 1) {
    await saveTo(store, await randomContent(random), { key: `key-${count}` })
  }
  now += 365 * DAY
  await store.evict()
  assert.equal((await store.entries()).length, 8)
  assert.deepEqual((await store.verify()).problems, [])
})

test('a full store spares what was put a moment ago and says that it is full', async (t) => {
  const store = await openStore(t, await temporaryHome(t), { limitBytes: 100_000 })
  const { frames } = await randomContent(new SeededRandom(4), 12)
  const put = async (): Promise<void> => {
    for (const frame of frames) await store.put(frame)
  }
  await assert.rejects(put, (error: Error & { code: string }) => {
    assert.equal(error.code, 'ERR_STORE')
    assert.match(error.message, /is full: .+ Raise SWARMCACHE_DISK_LIMIT/)
    return true
  })
  const usage = await store.usage()
  assert.ok(usage.bytes <= 100_000 && usage.chunks >= 9, JSON.stringify(usage))
})

test('the limit holds for all repositories of a home together, the coldest entry of any goes', async (t) => {
  let now = Date.now()
  const home = await temporaryHome(t)
  const options = { limitBytes: 400_000, now: () => now }
  const quiet = await openStore(t, home, { ...options, repository: 'octo-org/quiet' })
  const busy = await openStore(t, home, options)
  const random = new SeededRandom(5)
  const fields = { repository: 'octo-org/quiet' }
  await saveTo(quiet, await randomContent(random), { ...fields, key: 'cold' })
  await saveTo(quiet, await randomContent(random), { ...fields, key: 'warm' })
  for (let count = 0; count < 20; count += 1) {
    now += HOUR
    await quiet.findEntry({ ...query, ...fields, key: 'warm' })
    await saveTo(busy, await randomContent(random), { key: `key-${count}` })
    const bytes = (await quiet.usage()).bytes + (await busy.usage()).bytes
    assert.ok(bytes <= options.limitBytes, `${bytes} bytes`)
  }
  assert.deepEqual(
    (await quiet.entries()).map((entry) => entry.key),
    ['warm'],
  )
  assert.deepEqual((await quiet.verify({ deep: true })).problems, [])
  assert.deepEqual((await busy.verify({ deep: true })).problems, [])
})

test('what two stores of one home write counts against one limit', async (t) => {
  let now = Date.now()
  const home = await temporaryHome(t)
  const options = { limitBytes: 400_000, now: () => now }
  const stores = [await openStore(t, home, options), await openStore(t, home, options)]
  const random = new SeededRandom(6)
  for (let count = 0; count < 20; count += 1) {
    now += HOUR
    const store = stores[count % 2]
    assert.ok(store)
    await saveTo(store, await randomContent(random), { key: `key-${count}` })
  }
  const [one, two] = stores
  assert.ok(one && two)
  assert.ok((await one.usage()).bytes <= options.limitBytes)
  assert.deepEqual(await one.usage(), await two.usage())
  assert.ok((await one.entries()).length >= 5)
})

test('a clean-up that another store has begun is not begun twice', async (t) => {
  let now = Date.now()
  const home = await temporaryHome(t)
  const options = { limitBytes: 400_000, now: () => now }
  const { logger, lines } = recordingLogger()
  const one = await openStore(t, home, { ...options, logger })
  const two = await openStore(t, home, { ...options, logger })
  const random = new SeededRandom(8)
  await one.put((await randomContent(random)).frames[0] ?? assert.fail())
  now += HOUR
  await Promise.all([one.evict(), two.evict()])
  assert.equal(lines.filter((line) => line.includes('Cleaned up')).length, 1)
  assert.equal((await two.usage()).chunks, 0)
})

test('an aborted clean-up rejects with the reason and leaves the store in order', async (t) => {
  const store = await openStore(t, await temporaryHome(t))
  await saveTo(store, await contentOf(['catalog', 'content']))
  const reason = new Error('enough')
  await assert.rejects(store.evict({ signal: AbortSignal.abort(reason) }), reason)
  assert.deepEqual((await store.verify()).problems, [])
})

test('often, lately and small is worth more than seldom, long ago and large', () => {
  const often = warmed(warmed(warmed(0, 0), HOUR), HOUR)
  const once = warmed(0, 0)
  assert.ok(worth(often, HOUR, 1e6) > worth(once, HOUR, 1e6))
  assert.ok(worth(once, HOUR, 1e6) > worth(once, DAY, 1e6))
  assert.ok(worth(once, HOUR, 1e6) > worth(once, HOUR, 1e9))
  // Much used weeks ago counts less than used once today.
  assert.ok(worth(once, HOUR, 1e6) > worth(often, 21 * DAY, 1e6))
  assert.ok(worth(once, 5000 * DAY, 1e6) > worth(once, 5001 * DAY, 1e6))
})

test('a plan drops the coldest first, those that share alike, and none whose files are all young', () => {
  const file = (name: string, mtimeMs: number): StoredFile => ({
    digest: digestOf(name),
    bytes: 1000,
    mtimeMs,
  })
  const stored = [
    file('young', 9 * HOUR),
    file('shared', 0),
    file('hot', 0),
    file('orphan', 0),
    file('new orphan', 9 * HOUR),
  ]
  const entry = (name: string, chunk: string, heat: number): EvictableEntry => ({
    tag: 'tag',
    name,
    needs: [digestOf(`manifest of ${name}`), digestOf(chunk)],
    heat,
    lastUsed: 0,
    added: 0,
    isSpared: false,
    scope: MAIN,
    scopeClass: 'default',
  })
  const chunks = new Map(stored.map((one) => [one.digest, one]))
  const entries = [
    entry('young', 'young', 0),
    entry('main', 'shared', 2),
    entry('pull', 'shared', 1),
    entry('hot', 'hot', 9),
  ]
  const plan = planEviction([{ tag: 'tag', chunks, manifests: new Map() }], entries, {
    now: 10 * HOUR,
    graceMs: 2 * HOUR,
    targetBytes: 3000,
    limitBytes: 4000,
    neededBytes: 0,
  })
  assert.deepEqual(
    plan.entries.map(({ name }) => name),
    ['pull', 'main'],
  )
  assert.deepEqual(
    plan.files.map((files) => files.chunks.map(({ digest }) => digest)),
    [[digestOf('shared'), digestOf('orphan')]],
  )
})
