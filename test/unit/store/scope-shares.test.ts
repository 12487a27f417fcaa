import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { DiskStore, DiskStoreOptions } from '../../../src/store/disk-store.ts'
import { openStore, temporaryHome } from '../../support/disk-homes.ts'
import { SeededRandom } from '../../support/seeded-random.ts'
import { contentOf, MAIN, saveTo } from '../../support/stored-content.ts'
import type { Content } from '../../support/stored-content.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const PULL = 'refs/pull/7/merge'
const OTHER_PULL = 'refs/pull/8/merge'
const LIMIT_BYTES = 1_000_000
// As many as fill a tenth of the store.
const CHUNKS = 10
const CHUNK_BYTES = 10_000

class Flooded {
  now = Date.now()
  readonly #random = new SeededRandom(1)
  #store!: DiskStore
  #saved = 0

  static async open(t: TestContext, options: Partial<DiskStoreOptions> = {}): Promise<Flooded> {
    const flooded = new Flooded()
    const now = (): number => flooded.now
    const home = await temporaryHome(t)
    flooded.#store = await openStore(t, home, { limitBytes: LIMIT_BYTES, now, ...options })
    return flooded
  }

  /** Saves so many entries of a tenth of the store each; those that find no room are not saved. */
  async save(scope: string, count: number, apartMs: number): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      this.#saved += 1
      const content = await this.#content()
      const key = `${scope}-${this.#saved}`
      await saveTo(this.#store, content, { scope, key, created: this.now }).catch((error: Error) =>
        assert.match(error.message, /is full/),
      )
      this.now += apartMs
    }
  }

  async count(scope: string): Promise<number> {
    const entries = await this.#store.entries()
    return entries.filter((entry) => entry.scope === scope).length
  }

  async #content(): Promise<Content> {
    return contentOf(Array.from({ length: CHUNKS }, () => this.#random.bytes(CHUNK_BYTES)))
  }
}

for (const [pace, apartMs] of Object.entries({ slow: HOUR, quick: MINUTE, sudden: 1000 })) {
  test(`a ${pace} flood of a pull request evicts its own entries, none of the default branch`, async (t) => {
    const store = await Flooded.open(t)
    await store.save(MAIN, 4, 1000)
    store.now += 30 * 24 * HOUR
    await store.save(PULL, 15, apartMs)
    assert.equal(await store.count(MAIN), 4)
    assert.ok((await store.count(PULL)) <= 6)
  })
}

test('floods of many pull requests leave half of a full store to the default branch', async (t) => {
  const store = await Flooded.open(t)
  await store.save(MAIN, 9, 1000)
  store.now += 30 * 24 * HOUR
  await store.save(PULL, 12, 1000)
  store.now += HOUR
  for (let pull = 10; pull < 25; pull += 1) await store.save(`refs/pull/${pull}/merge`, 1, MINUTE)
  // Five and their manifests are a little more than half.
  assert.ok((await store.count(MAIN)) >= 4, `${await store.count(MAIN)}`)
})

test('the one that floods gives first, not another pull request', async (t) => {
  const store = await Flooded.open(t)
  await store.save(OTHER_PULL, 2, 1000)
  store.now += 24 * HOUR
  await store.save(PULL, 12, HOUR)
  assert.equal(await store.count(OTHER_PULL), 2)
})

test('the default branch makes room for itself, and for what it saves now', async (t) => {
  const store = await Flooded.open(t, { defaultScope: 'refs/heads/trunk' })
  await store.save('refs/heads/trunk', 14, HOUR)
  assert.ok((await store.count('refs/heads/trunk')) >= 6)
})

test('which branch is the default one can be told', async (t) => {
  const store = await Flooded.open(t, { defaultScope: 'refs/heads/trunk' })
  await store.save('refs/heads/trunk', 4, 1000)
  await store.save(MAIN, 2, 1000)
  store.now += 30 * 24 * HOUR
  await store.save('refs/heads/topic', 14, HOUR)
  assert.equal(await store.count('refs/heads/trunk'), 4)
})

test('a scope has a bounded number of entries, and the ones used last stay', async (t) => {
  let now = Date.now()
  const home = await temporaryHome(t)
  const store = await openStore(t, home, { maxScopeEntries: 3, now: () => now })
  const content = await contentOf(['catalog', 'content'])
  await saveTo(store, content, { scope: MAIN, key: 'main' })
  for (const key of ['a', 'b', 'c', 'd', 'e']) {
    now += MINUTE
    await saveTo(store, content, { scope: PULL, key })
  }
  const keys = (await store.entries()).map((entry) => entry.key)
  assert.deepEqual(keys.toSorted(), ['c', 'd', 'e', 'main'])
  assert.deepEqual((await store.verify()).problems, [])
})
