import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { digestOf } from '../../src/core/digest.ts'
import type { SignedEntry } from '../../src/core/entry.ts'
import type { Store } from '../../src/store/store.ts'
import {
  mayCreate,
  randomCache,
  randomQuestion,
  rightAnswers,
} from '../support/cache-rules-model.ts'
import type { ModelCache } from '../support/cache-rules-model.ts'
import { SeededRandom } from '../support/seeded-random.ts'
import {
  contentOf,
  entryFor,
  MAIN,
  REPOSITORY,
  saveTo,
  VERSION,
} from '../support/stored-content.ts'

/** What a test asks of the store it gets. */
export interface StoreSetup {
  readonly limitBytes?: number
  readonly verifyEntry?: (entry: SignedEntry) => boolean
  readonly now?: () => number
}

/** Opens an empty store of REPOSITORY and closes it when the test ends. */
export type CreateStore = (t: TestContext, setup?: StoreSetup) => Promise<Store>

const query = { repository: REPOSITORY, scopes: [MAIN], restoreKeys: [], version: VERSION }

/** What every store does, whatever it keeps things in. */
export function storeContract(name: string, create: CreateStore): void {
  describe(`${name} as a store`, { timeout: 60_000 }, () => {
    test('a chunk comes back as it was put, and one that was not put is a miss', async (t) => {
      const store = await create(t)
      const { frames } = await contentOf(['one', 'two'])
      const [one, two] = frames
      assert.ok(one && two)
      await store.put(one)
      assert.deepEqual(await store.has([two.chunk.digest, one.chunk.digest]), [false, true])
      const got = await store.get(one.chunk.digest)
      assert.deepEqual(Buffer.from(got?.bytes ?? []), Buffer.from(one.bytes))
      assert.equal(await store.get(two.chunk.digest), undefined)
    })

    test('a chunk stays as it was put when the memory of its frame is used again', async (t) => {
      const store = await create(t)
      const { frames } = await contentOf(['one'])
      const [one] = frames
      assert.ok(one)
      const bytes = new Uint8Array(one.bytes)
      await store.put({ chunk: one.chunk, bytes })
      bytes.fill(0)
      const got = await store.get(one.chunk.digest)
      assert.deepEqual(Buffer.from(got?.bytes ?? []), Buffer.from(one.bytes))
    })

    test('a chunk that is held already is left as it is', async (t) => {
      const store = await create(t)
      const { frames } = await contentOf(['one'])
      const [one] = frames
      assert.ok(one)
      await store.put(one)
      const before = await store.usage()
      await store.put({ chunk: one.chunk, bytes: Buffer.from('another encoding') })
      assert.deepEqual(await store.usage(), before)
      const got = await store.get(one.chunk.digest)
      assert.deepEqual(Buffer.from(got?.bytes ?? []), Buffer.from(one.bytes))
    })

    test('chunks put many times at the same moment are stored and counted once', async (t) => {
      const store = await create(t)
      const { frames } = await contentOf(['one', 'two'])
      await Promise.all(Array.from({ length: 40 }, (_, index) => store.put(frames[index % 2]!)))
      const usage = await store.usage()
      assert.equal(usage.chunks, 2)
      await store.verify()
      assert.deepEqual(await store.usage(), usage)
    })

    test('many writers at once keep the bound', async (t) => {
      const store = await create(t, { limitBytes: 100_000 })
      const random = new SeededRandom(11)
      const { frames } = await contentOf(Array.from({ length: 30 }, () => random.bytes(10_000)))
      await Promise.allSettled(frames.map((frame) => store.put(frame)))
      await store.verify()
      const { bytes, chunks } = await store.usage()
      assert.ok(bytes <= 100_000 && chunks >= 8, `${chunks} chunks, ${bytes} bytes`)
    })

    test('a digest that is none is not held, and cannot be put', async (t) => {
      const store = await create(t)
      const digest = '../../etc/passwd'
      assert.deepEqual(await store.has([digest]), [false])
      assert.equal(await store.get(digest), undefined)
      assert.equal(await store.getManifest(digest), undefined)
      await assert.rejects(store.put({ chunk: { digest, bytes: 1 }, bytes: Buffer.from('x') }), {
        code: 'ERR_STORE',
      })
    })

    test('a frame larger than any chunk is refused', async (t) => {
      const store = await create(t)
      const chunk = { digest: digestOf('large'), bytes: 5 }
      await assert.rejects(store.put({ chunk, bytes: new Uint8Array(2 * 1024 * 1024) }), {
        code: 'ERR_STORE',
      })
    })

    test('a manifest comes back by its digest, and bytes that are not its are refused', async (t) => {
      const store = await create(t)
      const { manifest, manifestBytes } = await contentOf(['catalog', 'content'])
      await assert.rejects(store.putManifest(digestOf('other'), manifestBytes), {
        code: 'ERR_INTEGRITY',
      })
      assert.equal(await store.getManifest(manifest), undefined)
      await store.putManifest(manifest, manifestBytes)
      assert.deepEqual(
        Buffer.from((await store.getManifest(manifest)) ?? []),
        Buffer.from(manifestBytes),
      )
    })

    test('an entry without its manifest or a chunk is refused, and added once they are there', async (t) => {
      const store = await create(t)
      const content = await contentOf(['catalog', 'content'])
      const entry = entryFor(content)
      const refused = { code: 'ERR_STORE' }
      await assert.rejects(store.addEntry(entry), refused)
      await store.putManifest(content.manifest, content.manifestBytes)
      const [catalog, other] = content.frames
      assert.ok(catalog && other)
      await store.put(catalog)
      await assert.rejects(store.addEntry(entry), refused)
      assert.equal(await store.getEntry(entry), undefined)
      await store.put(other)
      assert.equal(await store.addEntry(entry), true)
      assert.deepEqual(await store.getEntry(entry), entry)
    })

    test('the first entry of a name stays, also when the case differs', async (t) => {
      const store = await create(t)
      const content = await contentOf(['catalog', 'content'])
      assert.equal(await saveTo(store, content, { key: 'Linux-1', created: 1 }), true)
      assert.equal(await saveTo(store, content, { key: 'Linux-1', created: 2 }), false)
      assert.equal(await saveTo(store, content, { key: 'linux-1', created: 3 }), false)
      assert.deepEqual(
        (await store.entries()).map(({ key, created }) => [key, created]),
        [['Linux-1', 1]],
      )
    })

    test('of many writers of one name at once, one wins', async (t) => {
      const store = await create(t)
      const content = await contentOf(['catalog', 'content'])
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, created) => saveTo(store, content, { created })),
      )
      assert.equal(results.filter(Boolean).length, 1)
    })

    test('an entry of another repository or with a bad signature is refused', async (t) => {
      const store = await create(t, { verifyEntry: (entry) => entry.writer !== 'mallory' })
      const content = await contentOf(['catalog', 'content'])
      const refused = { code: 'ERR_STORE' }
      await assert.rejects(saveTo(store, content, { repository: 'octo-org/other' }), refused)
      await assert.rejects(saveTo(store, content, { writer: 'mallory' }), refused)
      await assert.rejects(saveTo(store, content, { created: -1 }), refused)
      assert.deepEqual(await store.entries(), [])
    })

    test('a found entry counts as used', async (t) => {
      let now = 1000
      const store = await create(t, { now: () => now })
      await saveTo(store, await contentOf(['catalog', 'content']), { key: 'linux-1' })
      now = 2000
      await store.findEntry({ ...query, key: 'linux-1' })
      await store.findEntry({ ...query, key: 'linux-' })
      const [entry] = await store.entries()
      assert.deepEqual([entry?.uses, entry?.lastUsed], [2, 2000])
    })

    test('a removed entry is found no more, and its name is free again', async (t) => {
      const store = await create(t)
      const content = await contentOf(['catalog', 'content'])
      await saveTo(store, content)
      await store.removeEntry(entryFor(content))
      assert.equal(await store.findEntry({ ...query, key: 'linux-npm-1' }), undefined)
      assert.equal(await saveTo(store, content), true)
    })

    test('keys with wildcards, quotes and any characters match as they are written', async (t) => {
      const store = await create(t)
      const content = await contentOf(['catalog', 'content'])
      const keys = [
        'a%b',
        'a_b',
        "a'b",
        'a"b',
        'a\u0000b',
        'a\\b',
        'a\u{1f600}b',
        'a\ud83db',
        'axb',
      ]
      for (const key of keys) assert.equal(await saveTo(store, content, { key }), true)
      for (const key of keys) {
        const exact = await store.findEntry({ ...query, key })
        assert.deepEqual([exact?.hit, exact?.entry.key], ['exact', key])
        const prefix = await store.findEntry({ ...query, key: key.slice(0, -1) })
        const expected = key.startsWith('a\ud83d') ? 'a\u{1f600}b' : key
        // The first half of a surrogate pair is a prefix of both keys that begin with it.
        const alike = key.startsWith('a\ud83d') ? [expected, 'a\ud83db'] : [expected]
        assert.ok(alike.includes(prefix?.entry.key ?? ''), `${JSON.stringify(key)}`)
      }
    })

    test('a key of the highest character is found by its prefix', async (t) => {
      const store = await create(t)
      await saveTo(store, await contentOf(['catalog']), { key: '\uffff\uffff' })
      const match = await store.findEntry({ ...query, key: '\uffff' })
      assert.equal(match?.entry.key, '\uffff\uffff')
    })

    test('a miss tells what is there under another version or scope, at most five', async (t) => {
      const store = await create(t)
      const content = await contentOf(['catalog', 'content'])
      const version = digestOf('another version')
      await saveTo(store, content, { version })
      await saveTo(store, content, { scope: 'refs/pull/1/merge' })
      await saveTo(store, content, { key: 'linux-npm-2', version })
      const asked = { ...query, key: 'LINUX-npm-1' }
      assert.equal(await store.findEntry(asked), undefined)
      const misses = await store.findNearMisses(asked)
      assert.deepEqual(
        new Set(misses.map((entry) => `${entry.scope} ${entry.version}`)),
        new Set([`${MAIN} ${version}`, `refs/pull/1/merge ${VERSION}`]),
      )
      for (let pull = 2; pull < 9; pull += 1) {
        await saveTo(store, content, { scope: `refs/pull/${pull}/merge` })
      }
      assert.equal((await store.findNearMisses(asked)).length, 5)
    })

    test('the bound is kept, the newest entry stays whole, and older ones go as a whole', async (t) => {
      const limitBytes = 400_000
      let now = Date.now()
      const store = await create(t, { limitBytes, now: () => now })
      const random = new SeededRandom(7)
      let newest = await contentOf([random.bytes(20_000), random.bytes(20_000)])
      for (let index = 0; index < 30; index += 1) {
        now += 60 * 60 * 1000
        newest = await contentOf([random.bytes(20_000), random.bytes(20_000)])
        assert.equal(await saveTo(store, newest, { key: `key-${index}`, created: index }), true)
        assert.ok((await store.usage()).bytes <= limitBytes)
      }
      await store.evict()
      const left = await store.entries()
      assert.equal(left[0]?.key, 'key-29')
      assert.ok(left.length > 2 && left.length < 12, `${left.length} entries are left`)
      const digests = newest.frames.map((frame) => frame.chunk.digest)
      assert.deepEqual(await store.has(digests), [true, true])
      const report = await store.verify({ deep: true })
      assert.deepEqual([report.problems, report.entries], [[], left.length])
    })

    test('what is larger than the bound is refused', async (t) => {
      const store = await create(t, { limitBytes: 10_000 })
      const [frame] = (await contentOf([new SeededRandom(3).bytes(20_000)])).frames
      assert.ok(frame)
      await assert.rejects(store.put(frame), { code: 'ERR_STORE' })
      assert.equal((await store.usage()).bytes, 0)
    })

    test('a deep check takes a chunk out of use whose frame does not hold it', async (t) => {
      const store = await create(t)
      const content = await contentOf(['catalog', 'content'])
      const [catalog, other] = content.frames
      assert.ok(catalog && other)
      await store.put({ chunk: other.chunk, bytes: catalog.bytes })
      await saveTo(store, content)
      assert.deepEqual((await store.verify()).problems, [])
      const report = await store.verify({ deep: true })
      assert.ok(report.problems.some((problem) => problem.includes(other.chunk.digest)))
      assert.deepEqual(await store.has([other.chunk.digest]), [false])
      assert.deepEqual(await store.entries(), [])
      assert.deepEqual((await store.verify({ deep: true })).problems, [])
    })

    test('a report counts what is stored and what no entry needs', async (t) => {
      const store = await create(t)
      await saveTo(store, await contentOf(['catalog', 'content']))
      const [orphan] = (await contentOf(['orphan'])).frames
      assert.ok(orphan)
      await store.put(orphan)
      const report = await store.verify()
      assert.deepEqual(report, { chunks: 3, manifests: 1, entries: 1, orphans: 1, problems: [] })
      assert.equal((await store.usage()).chunks, 3)
    })

    test('an aborted call rejects with the reason', async (t) => {
      const store = await create(t)
      const reason = new Error('enough')
      const options = { signal: AbortSignal.abort(reason) }
      const [frame] = (await contentOf(['one'])).frames
      assert.ok(frame)
      await assert.rejects(store.put(frame, options), reason)
      await assert.rejects(store.get(frame.chunk.digest, options), reason)
      assert.deepEqual(await store.has([frame.chunk.digest]), [false])
    })

    test('a closed store says so', async (t) => {
      const store = await create(t)
      await store.close()
      await store.close()
      await assert.rejects(store.has([]), { code: 'ERR_CLOSED' })
      await assert.rejects(store.entries(), { code: 'ERR_CLOSED' })
    })

    test('random caches are matched as the documented rules say', async (t) => {
      const random = new SeededRandom()
      const content = await contentOf(['catalog', 'content'])
      for (let round = 0; round < 30; round += 1) {
        const store = await create(t)
        const versions = [digestOf('1'), digestOf('2')]
        const model: ModelCache[] = []
        for (let count = random.below(40); count > 0; count -= 1) {
          const cache = randomCache(random, versions)
          const isNew = mayCreate(model, cache)
          if (isNew) model.push(cache)
          assert.equal(await saveTo(store, content, fieldsOf(cache)), isNew)
        }
        for (let asked = 0; asked < 100; asked += 1) {
          const question = randomQuestion(random, versions)
          const right = rightAnswers(model, question)
          const { branches: scopes, ...keys } = question
          const match = await store.findEntry({ ...keys, scopes, repository: REPOSITORY })
          const given = model.find(
            (cache) =>
              cache.key === match?.entry.key &&
              cache.branch === match.entry.scope &&
              cache.version === match.entry.version,
          )
          const told = `seed ${random.seed}: ${JSON.stringify({ question, model, given })}`
          assert.equal(match === undefined, right.caches.length === 0, told)
          if (match === undefined) continue
          assert.ok(given !== undefined && right.caches.includes(given), told)
          assert.equal(match.hit, right.isExact ? 'exact' : 'prefix', told)
        }
        await store.close()
      }
    })
  })
}

function fieldsOf(cache: ModelCache): Partial<SignedEntry> {
  return {
    scope: cache.branch,
    key: cache.key,
    version: cache.version,
    created: cache.createdAt,
    origin: cache.isCopy ? 'upstream' : 'save',
  }
}
