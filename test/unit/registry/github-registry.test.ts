import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPeerKey } from '../../../src/identity/identity.ts'
import { AnnouncementKeys } from '../../../src/registry/github-announcement.ts'
import { createRecord, registryContract, signAsTheirs } from '../../contract/registry.ts'
import { GithubPlace, idsOf } from '../../support/github-place.ts'

const options = { timeout: 30_000 }
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const LOOKUP = 'GetCacheEntryDownloadURL'

registryContract(
  'GithubRegistry',
  async (t) => {
    const place = await GithubPlace.start(t)
    return () => place.open('main-write', { now: Date.now })
  },
  { tellsChanges: false },
)

test(
  'without the permission actions: read peers are found through the cache service alone',
  options,
  async (t) => {
    const place = await GithubPlace.start(t)
    const [a, c] = [createRecord(), createRecord()]
    await place.open('main').announce(a)
    assert.deepEqual(await place.open('main').discover(), [a])
    // In a place that several share the newest of the own scope hides the others; all nine never share one.
    for (let more = 0; more < 8; more += 1) await place.open('main').announce(createRecord())
    await place.open('pull').announce(c)
    const newcomer = place.open('pull')
    assert.ok((await newcomer.discover()).length >= 1)
    const found = new Set<string>()
    for (let look = 0; look < 60 && found.size < 2; look += 1) {
      for (const { peerId } of await newcomer.discover()) found.add(peerId)
    }
    assert.ok(found.has(c.peerId) && found.size >= 2, 'the own scope and main')
    assert.equal(place.count('list caches'), 2, 'each registry asked for the list once')
    assert.equal(
      place.lines.filter((line) => /permission actions: read/.test(line)).length,
      2,
      'each said once what would help',
    )
  },
)

test('a runner that may only read finds others and asks to write once', options, async (t) => {
  const place = await GithubPlace.start(t)
  const record = createRecord()
  await place.open('main').announce(record)
  const reader = place.open('reader')
  const before = place.count('CreateCacheEntry')
  await reader.announce(createRecord())
  await reader.announce(createRecord())
  assert.equal(place.count('CreateCacheEntry') - before, 1)
  assert.deepEqual(await reader.discover(), [record])
  assert.equal(place.lines.filter((line) => /lets it read only/.test(line)).length, 1)
})

test(
  'with actions: read one request finds peers of every ref, and costs nothing while nothing changes',
  options,
  async (t) => {
    const place = await GithubPlace.start(t, { restRequestsPerHour: 4 })
    const records = [createRecord(), createRecord(), createRecord()]
    await place.open('main').announce(records[0]!)
    await place.open('pull').announce(records[1]!)
    await place.open('other-pull-read').announce(records[2]!)
    const registry = place.open('pull-read')
    for (let look = 0; look < 10; look += 1) {
      assert.deepEqual(idsOf(await registry.discover()), idsOf(records))
    }
    assert.equal(place.count('list caches'), 10)
    assert.equal(place.count(LOOKUP), 0)
  },
)

test(
  'when half of the hourly quota is used the rest is left to the jobs, until it is renewed',
  options,
  async (t) => {
    const place = await GithubPlace.start(t, { restRequestsPerHour: 8 })
    const registry = place.open('main-read')
    for (let look = 0; look < 20; look += 1) {
      await place.open('main').announce(createRecord())
      await registry.discover()
    }
    assert.equal(place.count('list caches'), 5)
    assert.ok(place.count(LOOKUP) > 0, 'the cache service is asked instead')
    place.time += HOUR_MS + MINUTE_MS
    await registry.discover()
    assert.equal(place.count('list caches'), 6)
  },
)

test(
  'announcements that are forged, moved, foreign, expired, from the future or oversized are dropped',
  options,
  async (t) => {
    const place = await GithubPlace.start(t)
    const keys = new AnnouncementKeys(place.keys, () => place.time)
    const good = createRecord()
    const key = keys.seal(good, signAsTheirs)
    const [epoch = '', slot = '', ...sealed] = key.slice(keys.prefix.length).split('-')
    // Another letter, since the service takes keys that differ in case alone for one.
    const flipped = sealed.join('-').replace(/^./, (first) => (/a/i.test(first) ? 'B' : 'A'))
    const later = new AnnouncementKeys(place.keys, () => place.time + HOUR_MS)
    const bad = [
      `${keys.prefix}${epoch}-${slot}-${flipped}`,
      `${keys.prefix}${epoch}-${(Number(slot) + 1) % 5}-${sealed.join('-')}`,
      `${keys.prefix}zz-${slot}-${sealed.join('-')}`,
      `${key}A`,
      key.slice(0, -1),
      keys.prefix,
      `${keys.prefix}${'x'.repeat(512 - keys.prefix.length)}`,
      `${keys.prefix}${epoch}-0-${'A'.repeat(411)}`,
      keys.seal(createRecord(-MINUTE_MS), signAsTheirs),
      keys.seal(createRecord(365 * 24 * HOUR_MS), signAsTheirs),
      later.seal(createRecord(HOUR_MS + MINUTE_MS), signAsTheirs),
    ]
    for (const each of bad) await place.write(each)
    assert.deepEqual(await place.open('main-read').discover(), [])
    assert.deepEqual(await place.open('main').discover(), [])
    await place.write(key)
    assert.deepEqual(await place.open('main-read').discover(), [good])
  },
)

test(
  'an old announcement that is played again does not replace the one after it',
  options,
  async (t) => {
    const place = await GithubPlace.start(t)
    const keys = new AnnouncementKeys(place.keys, () => place.time)
    const old = createRecord(10 * MINUTE_MS)
    const oldKey = keys.seal(old, signAsTheirs)
    place.time += MINUTE_MS
    const moved = { ...old, addresses: [old.addresses[0]!.replace('4001', '4002')] }
    await place.write(keys.seal(moved, signAsTheirs))
    const registry = place.open('main-read')
    assert.deepEqual(await registry.discover(), [moved])
    await place.write(oldKey)
    assert.deepEqual(await registry.discover(), [moved])
    assert.deepEqual(await place.open('main-read').discover(), [moved], 'nor for a newcomer')
  },
)

test('a member announces nobody but itself', options, async (t) => {
  const place = await GithubPlace.start(t)
  const keys = new AnnouncementKeys(place.keys, () => place.time)
  const [victim, member] = [createRecord(10 * MINUTE_MS), createPeerKey()]
  await place.open('main').announce(victim)
  place.time += MINUTE_MS
  const wrong = { ...victim, addresses: [victim.addresses[0]!.replace('4001', '6666')] }
  await place.write(keys.seal(wrong, (bytes) => member.sign(bytes)))
  assert.deepEqual(await place.open('main-read').discover(), [victim])
})

test('a flood from a pull request does not hide those whom main announced', options, async (t) => {
  const place = await GithubPlace.start(t)
  const record = createRecord()
  await place.open('main').announce(record)
  const rubbish = Array.from(
    { length: 110 },
    (_, number) => `swarmcache-peers-${place.keys.place.slice(0, 24)}-${number}`,
  )
  await Promise.all(rubbish.map((key) => place.write(key, 'other-pull-read')))
  assert.deepEqual(await place.open('main-read').discover(), [record])
  assert.deepEqual(await place.open('main').discover(), [record], 'nor in lookups')
})

test(
  'who leaves takes back all it announced, and what expired is removed by whoever may',
  options,
  async (t) => {
    const place = await GithubPlace.start(t)
    const [staying, leaving] = [createRecord(), createRecord()]
    await place.open('main').announce(staying)
    const registry = place.open('main-write')
    await registry.announce(leaving)
    await registry.announce({ ...leaving, expires: leaving.expires + 1 })
    assert.equal(place.service.stats().entries, 3)
    await registry.withdraw(leaving.peerId)
    assert.equal(place.service.stats().entries, 1)
    assert.equal(place.count('list caches'), 0, 'it knows what it made')
    place.time += HOUR_MS
    assert.deepEqual(await place.open('main-read').discover(), [])
    const sweeper = place.open('main-write')
    place.time += 11 * MINUTE_MS
    assert.deepEqual(await sweeper.discover(), [])
    assert.equal(place.service.stats().entries, 0)
  },
)

test(
  'without actions: write what was announced stays until it expires, and one refusal is enough',
  options,
  async (t) => {
    const place = await GithubPlace.start(t)
    const registry = place.open('main-read')
    const record = createRecord()
    await registry.announce(record)
    await registry.withdraw(record.peerId)
    await registry.announce(record)
    await registry.withdraw(record.peerId)
    assert.equal(place.count('delete caches'), 1)
    assert.equal(place.service.stats().entries, 2)
    place.time = record.expires + 1
    assert.deepEqual(await place.open('main-read').discover(), [])
  },
)
