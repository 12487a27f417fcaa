import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attestEntry, readGrants } from '../../../src/identity/identity.ts'
import { makeSample } from '../../support/sample-entries.ts'

function tokenOf(payload: unknown): string {
  return `e30.${Buffer.from(JSON.stringify(payload)).toString('base64url')}.c2ln`
}

test('an entry is dated within the lifetime of its token, which its own clock may miss', async () => {
  const { entry } = await makeSample('deps-1', { created: 1_000_000 })
  const attested = (iat: number, exp: number) =>
    attestEntry(entry, tokenOf({ iat, exp, repository_id: '9' }))
  assert.equal(attested(500, 2000).created, 1_000_000)
  assert.equal(attested(1000.0005, 2000).created, 1_000_001)
  assert.equal(attested(2000, 2300).created, 2_000_000)
  assert.equal(attested(100, 400).created, 400_000)
  assert.equal(attested(500, 2000).repositoryId, '9')
})

test('a token of another form changes no date, and grants nothing', async () => {
  const { entry } = await makeSample('deps-1', { created: 1_000_000 })
  for (const token of [
    '',
    'x',
    'a.b',
    'a.b.c',
    tokenOf(7),
    tokenOf(null),
    tokenOf({ iat: 'now' }),
  ]) {
    const { token: kept, created, repositoryId } = attestEntry(entry, token)
    assert.deepEqual([kept, created, repositoryId], [token, 1_000_000, undefined])
    assert.equal(readGrants(token), undefined)
  }
  const ac = JSON.stringify([{ Scope: 'refs/heads/main', Permission: 2 }])
  assert.deepEqual(readGrants(tokenOf({ ac })), [
    { scope: 'refs/heads/main', read: false, write: true },
  ])
})
