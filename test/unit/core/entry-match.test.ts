import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../../../src/core/digest.ts'
import type { Entry } from '../../../src/core/entry.ts'
import { bestMatch, matchEntry } from '../../../src/core/entry-match.ts'
import { randomCache, randomQuestion, rightAnswers } from '../../support/cache-rules-model.ts'
import type { ModelCache } from '../../support/cache-rules-model.ts'
import { SeededRandom } from '../../support/seeded-random.ts'

const REPOSITORY = 'octo-org/octo-repo'
const VERSION = digestOf('a version')

function entryOf(cache: ModelCache): Entry {
  return {
    repository: REPOSITORY,
    scope: cache.branch,
    key: cache.key,
    version: cache.version,
    manifest: digestOf(JSON.stringify(cache)),
    manifestBytes: 12,
    contentBytes: 0,
    created: cache.createdAt,
    origin: cache.isCopy ? 'upstream' : 'save',
    writer: 'writer',
  }
}

const main: ModelCache = {
  branch: 'refs/heads/main',
  key: 'linux-npm-1',
  version: VERSION,
  createdAt: 1,
  isCopy: false,
}
const query = {
  repository: REPOSITORY,
  scopes: ['refs/heads/topic', 'refs/heads/main'],
  key: 'linux-npm-1',
  restoreKeys: ['linux-npm-', 'linux-'],
  version: VERSION,
}

test('ten thousand random questions get the answers of the documented rules', () => {
  const random = new SeededRandom()
  const versions = [digestOf('1'), digestOf('2')]
  let hits = 0
  for (let round = 0; round < 10_000; round += 1) {
    const caches = Array.from({ length: random.below(25) }, () => randomCache(random, versions))
    const question = randomQuestion(random, versions)
    const right = rightAnswers(caches, question)
    const byEntry = new Map(caches.map((cache) => [entryOf(cache), cache]))
    const { branches: scopes, ...keys } = question
    const match = bestMatch(byEntry.keys(), { ...keys, scopes, repository: REPOSITORY })
    const told = `seed ${random.seed}: ${JSON.stringify({ question, caches, match })}`
    const given = match === undefined ? undefined : byEntry.get(match.entry)
    assert.equal(given === undefined, right.caches.length === 0, told)
    if (match === undefined || given === undefined) continue
    hits += 1
    assert.ok(right.caches.includes(given), told)
    assert.equal(match.hit, right.isExact ? 'exact' : 'prefix', told)
  }
  assert.ok(hits > 3000 && hits < 9900, `${hits} hits tell little`)
})

test('a prefix in the own scope comes before the exact key in another', () => {
  const own = entryOf({ ...main, branch: 'refs/heads/topic', key: 'linux-npm-0' })
  const match = bestMatch([entryOf(main), own], query)
  assert.deepEqual([match?.entry, match?.hit], [own, 'prefix'])
})

test('of two prefix matches the newer one is the answer, whatever the order', () => {
  const older = entryOf({ ...main, key: 'linux-npm-8', createdAt: 5 })
  const newer = entryOf({ ...main, key: 'linux-npm-7', createdAt: 6 })
  assert.equal(bestMatch([older, newer], query)?.entry, newer)
  assert.equal(bestMatch([newer, older], query)?.entry, newer)
})

test('entries of the same instant are chosen alike, whatever the order', () => {
  const entries = ['2', '3', '4'].map((end) => entryOf({ ...main, key: `linux-npm-${end}` }))
  const first = bestMatch(entries, query)?.entry
  assert.equal(bestMatch(entries.toReversed(), query)?.entry, first)
})

test('an exact restore key is a prefix hit', () => {
  assert.equal(matchEntry(entryOf({ ...main, key: 'linux-' }), query)?.hit, 'prefix')
})

test('an entry of another repository, version or scope is no answer', () => {
  assert.equal(matchEntry({ ...entryOf(main), repository: 'octo-org/other' }, query), undefined)
  assert.equal(matchEntry({ ...entryOf(main), version: digestOf('other') }, query), undefined)
  assert.equal(matchEntry({ ...entryOf(main), scope: 'refs/heads/mai' }, query), undefined)
})

test('a copy from the upstream answers its exact key only', () => {
  const copy = entryOf({ ...main, key: 'linux-npm-10', isCopy: true })
  assert.equal(matchEntry(copy, query), undefined)
  assert.equal(matchEntry(copy, { ...query, key: 'LINUX-npm-10' })?.hit, 'exact')
})
