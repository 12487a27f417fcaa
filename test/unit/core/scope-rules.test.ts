import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  accessOf,
  grantedAccess,
  isWider,
  parseCacheMode,
  parseGrants,
  scopeClass,
  whyNotWritable,
} from '../../../src/core/scope-rules.ts'
import type { CacheAccess } from '../../../src/core/scope-rules.ts'

const MAIN = 'refs/heads/main'
const TOPIC = 'refs/heads/topic'
const PULL = 'refs/pull/7/merge'
const FULL: CacheAccess = { scope: PULL, readable: [PULL, TOPIC, MAIN] }

const WRITES: readonly [event: string, ref: string, scope: string, allowed: boolean][] = [
  ['push', MAIN, MAIN, true],
  ['push', TOPIC, TOPIC, true],
  ['push', TOPIC, MAIN, false],
  ['push', MAIN, TOPIC, false],
  ['push', 'refs/tags/v1', 'refs/tags/v1', true],
  ['push', 'refs/tags/v1', MAIN, false],
  ['pull_request', PULL, PULL, true],
  ['pull_request', PULL, MAIN, false],
  ['pull_request', PULL, 'refs/pull/8/merge', false],
  ['pull_request', PULL, 'refs/pull/7/merge2', false],
  ['pull_request', MAIN, MAIN, false],
  ['pull_request', TOPIC, TOPIC, true],
  ['pull_request_target', MAIN, MAIN, false],
  ['pull_request_target', TOPIC, TOPIC, true],
  ['issue_comment', MAIN, MAIN, false],
  ['workflow_run', MAIN, MAIN, false],
  ['dynamic', MAIN, MAIN, false],
  ['', MAIN, MAIN, false],
  ['schedule', MAIN, MAIN, true],
  ['workflow_dispatch', MAIN, MAIN, true],
  ['repository_dispatch', MAIN, MAIN, true],
  ['release', 'refs/tags/v1', 'refs/tags/v1', true],
  ['merge_group', 'refs/heads/gh-readonly-queue/main/pr-7-abc', MAIN, false],
]

for (const [event, ref, scope, allowed] of WRITES) {
  const does = allowed ? 'writes' : 'does not write'
  test(`a run of ${ref || 'no ref'} by ${event || 'no event'} ${does} ${scope || 'nothing'}`, () => {
    const why = whyNotWritable({ event, ref, defaultScope: MAIN }, scope)
    assert.equal(why === undefined, allowed, why)
  })
}

test('while the default branch is unknown any branch but a merge queue may be it', () => {
  const writes = (event: string, ref: string): boolean =>
    whyNotWritable({ event, ref }, ref) === undefined
  assert.equal(writes('create', TOPIC), false)
  assert.equal(writes('push', TOPIC), true)
  assert.equal(writes('pull_request', PULL), true)
  assert.equal(writes('merge_group', 'refs/heads/gh-readonly-queue/main/pr-7-abc'), true)
})

test('a workflow_run writes to the default branch if it follows no fork', () => {
  const run = { event: 'workflow_run', ref: MAIN, defaultScope: MAIN }
  assert.equal(whyNotWritable({ ...run, followsFork: false }, MAIN), undefined)
  assert.match(whyNotWritable({ ...run, followsFork: true }, MAIN) ?? '', /workflow_run/)
})

const MODES: readonly [mode: string, reads: boolean, writes: boolean][] = [
  ['none', false, false],
  ['read', true, false],
  ['write', true, true],
  ['write-only', false, true],
  ['WRITE-ONLY', false, true],
  ['', true, true],
  ['whatever', true, true],
]

for (const [mode, reads, writes] of MODES) {
  test(`the mode "${mode}" ${reads ? 'reads' : 'reads nothing'} and ${writes ? 'writes' : 'writes nothing'}`, () => {
    const access = accessOf(FULL, { event: 'pull_request', ref: PULL }, parseCacheMode(mode))
    assert.equal(access.readRefused === undefined, reads)
    assert.equal(access.writeRefused === undefined, writes)
  })
}

test('a job on a read-only trigger writes where its workflow asks for it in words, and only there', () => {
  const run = { event: 'issue_comment', ref: MAIN, defaultScope: MAIN }
  const request = { scope: MAIN, readable: [MAIN] }
  assert.match(accessOf(request, run, undefined).writeRefused ?? '', /issue_comment/)
  assert.equal(accessOf(request, run, 'write').writeRefused, undefined)
  assert.equal(accessOf(request, undefined, undefined).writeRefused, undefined)
})

test('the grants of the cache service win, in the order in which scopes are looked at', () => {
  const grants = parseGrants(
    JSON.stringify([
      { Scope: MAIN, Permission: 1 },
      { Scope: 'refs/heads/extra', Permission: 1 },
      { Scope: PULL, Permission: 3 },
    ]),
  )
  assert.ok(grants)
  const access = grantedAccess(FULL, grants, undefined)
  assert.deepEqual(access.readable, [PULL, MAIN, 'refs/heads/extra'])
  assert.equal(access.scope, PULL)
  assert.equal(access.writeRefused, undefined)
  assert.equal(isWider(access, FULL), true)
  const readOnly = grantedAccess(FULL, [{ scope: PULL, read: true, write: false }], undefined)
  assert.match(readOnly.writeRefused ?? '', /only read/)
  assert.equal(isWider(readOnly, FULL), false)
  assert.equal(isWider(FULL, readOnly), true)
  const other = grantedAccess(FULL, [{ scope: TOPIC, read: true, write: true }], undefined)
  assert.equal(other.scope, TOPIC)
  assert.equal(isWider(other, FULL), true)
  assert.match(grantedAccess(FULL, grants, 'read').writeRefused ?? '', /cache-mode "read"/)
  assert.match(grantedAccess(FULL, [], undefined).readRefused ?? '', /no scope/)
})

test('grants of another form are none', () => {
  const malformed = [
    undefined,
    7,
    'x',
    '{}',
    '[1]',
    '[{"Scope":"","Permission":3}]',
    '[{"Scope":"refs/heads/main","Permission":"3"}]',
    JSON.stringify(Array.from({ length: 65 }, () => ({ Scope: MAIN, Permission: 1 }))),
  ]
  for (const claim of malformed) assert.equal(parseGrants(claim), undefined, String(claim))
})

test('scopes matter by whether they are the default branch, another one, or something else', () => {
  assert.equal(scopeClass(MAIN), 'default')
  assert.equal(scopeClass('refs/heads/master'), 'default')
  assert.equal(scopeClass(MAIN, 'refs/heads/trunk'), 'branch')
  assert.equal(scopeClass('refs/heads/trunk', 'refs/heads/trunk'), 'default')
  assert.equal(scopeClass(TOPIC), 'branch')
  assert.equal(scopeClass(PULL), 'other')
  assert.equal(scopeClass('refs/tags/main'), 'other')
})
