import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CacheServiceFault } from '../../../src/cli/demo/cache-service-faults.ts'
import { SwarmCacheError } from '../../../src/core/errors.ts'
import { createRecord } from '../../contract/registry.ts'
import { GithubPlace } from '../../support/github-place.ts'

const options = { timeout: 30_000 }
const SECOND_MS = 1000
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const LOOKUP = 'GetCacheEntryDownloadURL'
const LIST = 'list caches'
const nobody = new Set<string>()

/** Connections to so many peers. */
function company(count: number): ReadonlySet<string> {
  return new Set(Array.from({ length: count }, (_, number) => `peer ${number}`))
}

function refuse(
  status: number,
  headers: Record<string, string>,
  message: string,
): CacheServiceFault {
  return { kind: 'status', status, headers, body: JSON.stringify({ message, msg: message }) }
}

test(
  'a lookup that is refused with 429 is not repeated before the time that Retry-After names',
  options,
  async (t) => {
    const refused = refuse(429, { 'retry-after': '300' }, 'too many requests')
    const place = await GithubPlace.start(t, {
      fault: ({ call, earlier }) => (call === LOOKUP && earlier === 0 ? refused : undefined),
    })
    const record = createRecord(50 * MINUTE_MS)
    await place.open('main').announce(record)
    const registry = place.open('main')
    await assert.rejects(registry.discover(), /limits the rate/)
    for (let second = 0; second < 300; second += 1) {
      assert.deepEqual(await registry.discover({ connected: nobody }), [])
      place.time += SECOND_MS
    }
    assert.equal(place.count(LOOKUP), 1)
    place.time += 3 * MINUTE_MS
    assert.deepEqual(await registry.discover({ connected: nobody }), [record])
  },
)

for (const [name, refused] of [
  ['429', refuse(429, { 'retry-after': '120' }, 'slow down')],
  ['403 with Retry-After', refuse(403, { 'retry-after': '120' }, 'slow down')],
  ['403 for a secondary limit', refuse(403, {}, 'You have exceeded a secondary rate limit.')],
] as const) {
  test(
    `a listing that is refused with ${name} is left alone for a while, and peers are looked up`,
    options,
    async (t) => {
      const place = await GithubPlace.start(t, {
        fault: ({ call, earlier }) => (call === LIST && earlier === 0 ? refused : undefined),
      })
      const record = createRecord(50 * MINUTE_MS)
      await place.open('main').announce(record)
      const registry = place.open('main-read')
      for (let look = 0; look < 10; look += 1) {
        assert.deepEqual(await registry.discover(), [record])
        place.time += 5 * SECOND_MS
      }
      assert.equal(place.count(LIST), 1)
      assert.ok(place.count(LOOKUP) > 0)
      place.time += 4 * MINUTE_MS
      await registry.discover()
      assert.equal(place.count(LIST), 2)
    },
  )
}

test(
  'whoever is always refused asks five times, ever later, and then no more',
  options,
  async (t) => {
    const refused = refuse(429, { 'retry-after': '10' }, 'too many requests')
    const place = await GithubPlace.start(t, { fault: () => refused })
    const registry = place.open('main', { lookup: false })
    const askedAt: number[] = []
    const start = place.time
    while (place.time < start + 24 * HOUR_MS) {
      const before = place.count(LIST)
      await registry.discover({ connected: nobody }).catch(() => {})
      if (place.count(LIST) > before) askedAt.push(place.time - start)
      place.time += 5 * SECOND_MS
    }
    assert.equal(askedAt.length, 5)
    const gaps = askedAt.slice(1).map((at, index) => at - askedAt[index]!)
    for (const [index, gap] of gaps.entries())
      assert.ok(gap >= 10 * SECOND_MS * 2 ** index, gaps.join())
  },
)

test('a service that answers rubbish or nothing is asked ever more seldom', options, async (t) => {
  for (const kind of ['rubbish', 'reset'] as const) {
    const place = await GithubPlace.start(t, {
      fault: ({ call }) => (call === LOOKUP ? { kind } : undefined),
    })
    const registry = place.open('main')
    const start = place.time
    while (place.time < start + 10 * MINUTE_MS) {
      await registry.discover({ connected: nobody }).catch(() => {})
      place.time += 5 * SECOND_MS
    }
    assert.ok(place.count(LOOKUP) >= 3, `${kind}: it is asked again`)
    assert.ok(place.count(LOOKUP) <= 12, `${kind}: ${place.count(LOOKUP)} requests in ten minutes`)
  }
})

test(
  'an upload that is refused for its rate is not repeated before the time that the service names',
  options,
  async (t) => {
    const place = await GithubPlace.start(t)
    let uploads = 0
    const registry = place.open('main', {
      upstream: {
        save: async () => {
          uploads += 1
          const message =
            "Rate limited; You've hit a rate limit, your rate limit will reset in 200 seconds"
          throw new SwarmCacheError('ERR_UPSTREAM', message, { facts: { reason: 'rate-limit' } })
        },
      },
    })
    await assert.rejects(registry.announce(createRecord()), /will reset in 200 seconds/)
    for (let second = 0; second < 200; second += 1) {
      await assert.rejects(registry.announce(createRecord()), /asked to wait/)
      place.time += SECOND_MS
    }
    assert.equal(uploads, 1)
    place.time += 2 * MINUTE_MS
    await assert.rejects(registry.announce(createRecord()), /will reset/)
    assert.equal(uploads, 2)
  },
)

test(
  'whoever is alone looks often at first and then every minute, in company seldom',
  options,
  async (t) => {
    const place = await GithubPlace.start(t)
    const looks = async (connected: ReadonlySet<string>, forMs: number): Promise<number> => {
      const registry = place.open('main-read')
      const before = place.count(LIST)
      const end = place.time + forMs
      for (; place.time < end; place.time += SECOND_MS) await registry.discover({ connected })
      return place.count(LIST) - before
    }
    const alone = await looks(nobody, 10 * MINUTE_MS)
    assert.ok(alone >= 10 && alone <= 18, `alone: ${alone} looks in ten minutes`)
    const few = await looks(company(2), 10 * MINUTE_MS)
    assert.ok(few >= 6 && few <= 12, `two peers: ${few} looks in ten minutes`)
    const many = await looks(company(4), HOUR_MS)
    assert.ok(many >= 5 && many <= 9, `four peers: ${many} looks in an hour`)
  },
)

test(
  'a runner among enough announced peers makes no announcement of its own, a seeder does',
  options,
  async (t) => {
    const place = await GithubPlace.start(t)
    const records = Array.from({ length: 8 }, () => createRecord())
    for (const record of records) await place.open('main').announce(record)
    const registry = place.open('main-read')
    await registry.discover({ connected: nobody })
    const connected = new Set(records.map(({ peerId }) => peerId))
    await registry.announce(createRecord(), { connected })
    assert.equal(place.service.stats().entries, 8)
    await registry.announce({ ...createRecord(), role: 'seeder' }, { connected })
    assert.equal(place.service.stats().entries, 9)
    // Announcements alone are no company: those who made them may be gone.
    await registry.announce(createRecord(), { connected: nobody })
    assert.equal(place.service.stats().entries, 10)
  },
)

test(
  'a hundred runners that start together use a small part of what the repository has',
  options,
  async (t) => {
    const place = await GithubPlace.start(t)
    const runners = Array.from({ length: 100 }, () => place.open('main'))
    const found = await Promise.all(
      runners.map(async (registry) => {
        await registry.announce(createRecord(), { connected: nobody })
        return await registry.discover({ connected: nobody })
      }),
    )
    assert.ok(found.every((records) => records.length > 0))
    assert.ok(place.count('CreateCacheEntry') <= 100)
    assert.ok(place.count(LOOKUP) <= 400, `${place.count(LOOKUP)} of 1500 lookups a minute`)
  },
)
