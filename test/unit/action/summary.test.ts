import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mainSource } from '../../../src/action/outputs.ts'
import { apiTable, restoreTable, saveTable } from '../../../src/action/summary.ts'
import type { RestoreResult, SaveResult } from '../../../src/cache/cache.ts'
import { noBytes } from '../../../src/core/chunk.ts'

const RESTORED: RestoreResult = {
  hit: 'prefix',
  key: 'npm-2',
  matchedKey: 'npm-1',
  scope: 'refs/heads/main',
  files: 12,
  skipped: 3,
  bytes: { ...noBytes(), peers: 5_000_000, disk: 1_000_000 },
  peers: 2,
  milliseconds: 1234,
}

const SAVED: SaveResult = {
  saved: true,
  key: 'npm-2',
  scope: 'refs/heads/main',
  digest: 'a'.repeat(64),
  files: 12,
  bytes: { content: 6_000_000, new: 500_000, stored: 200_000 },
  chunks: { total: 90, new: 8 },
  milliseconds: 2000,
}

test('a restore is summed up with its hit, source, bytes by tier, files, peers and time', () => {
  assert.equal(
    restoreTable(RESTORED, false),
    [
      '#### Cache restore',
      '',
      '| Key | Hit | Source | Bytes | Files | Peers | Time |',
      '| --- | --- | --- | --- | --- | --- | --- |',
      '| <code>npm-2</code> | prefix <code>npm-1</code> | peers | disk 1.0 MB, peers 5.0 MB | 12 (3 in place already) | 2 | 1.23 s |',
      '',
      '',
    ].join('\n'),
  )
})

test('a miss has no source, bytes or files', () => {
  const miss: RestoreResult = {
    ...RESTORED,
    hit: 'miss',
    matchedKey: undefined,
    files: 0,
    bytes: noBytes(),
    peers: 0,
  }
  assert.match(
    restoreTable(miss, false),
    /\| Key \| Hit \| Peers \| Time \|\n.*\n\| <code>npm-2<\/code> \| miss \| 0 \| 1\.23 s \|/,
  )
})

test('a save is summed up, and one that did not happen says why', () => {
  assert.match(
    saveTable(SAVED),
    /\| <code>npm-2<\/code> \| yes \| 6\.0 MB in 12 files \| 500 kB, 8 of 90 chunks \| 200 kB \| 2\.00 s \|/,
  )
  const refused = { ...SAVED, saved: false, reason: 'the key is taken' }
  assert.match(saveTable(refused), /\| no: the key is taken \|/)
})

test('a key cannot break out of its cell', () => {
  const table = restoreTable({ ...RESTORED, key: 'a|b<img src=x>\n# c' }, false)
  assert.ok(!table.includes('<img'))
  assert.match(table, /<code>a&#124;b&#60;img src=x&#62; # c<\/code> \| prefix/)
})

test('the source is the tier that gave most bytes, or empty if none did', () => {
  assert.equal(mainSource(RESTORED.bytes), 'peers')
  assert.equal(mainSource({ ...noBytes(), upstream: 1 }), 'upstream')
  assert.equal(mainSource(noBytes()), '')
})

test('requests to the API are summed up with what was charged, what was saved, and how', () => {
  const tiers = { memory: 1, disk: 0, shared: 0, peers: 6, upstream: 2 }
  const counts = { requests: 12, charged: 2, free: 7, saved: 10, collapsed: 2, stale: 1 }
  assert.equal(
    apiTable({ ...counts, failed: 0, passed: 0, tiers }),
    [
      '#### GitHub API',
      '',
      '| Requests | Charged | Saved | Answers from |',
      '| --- | --- | --- | --- |',
      '| 12 | 2 | 10 (7 confirmed at no cost, 2 together with others, 1 not asked again) | memory 1, peers 6 |',
      '',
      '',
    ].join('\n'),
  )
})
