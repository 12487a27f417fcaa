import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { CompactEncrypt } from 'jose'
import { isSwarmCacheError } from '../../../src/core/errors.ts'
import type { PeerRecord } from '../../../src/core/peer.ts'
import { assertSwarmKey, createPeerKey, deriveSwarmKeys } from '../../../src/identity/identity.ts'

const KEY = 'a key shared by the fleet'
const REPOSITORY = 'octocat/hello'

function createRecord(count = 1): PeerRecord {
  const { peerId } = createPeerKey()
  const addresses = Array.from(
    { length: count },
    (_, n) => `/ip4/10.0.0.${n}/tcp/4001/p2p/${peerId}`,
  )
  return { peerId, addresses, role: 'runner', expires: Date.now() + 60_000 }
}

test('a GITHUB_TOKEN is refused as a swarm key, with the reason and both alternatives, and is not shown', () => {
  const token = 'ghs_0123456789abcdefghijklmnopqrstuvwxyz'
  assert.throws(
    () => deriveSwarmKeys(token, REPOSITORY),
    (error) =>
      isSwarmCacheError(error, 'ERR_INPUT') &&
      /job/.test(error.message) &&
      /secret of the repository or organisation/.test(error.message) &&
      /id-token: write/.test(error.message) &&
      !JSON.stringify([error.message, error.facts]).includes(token),
  )
})

test('a key of 15 bytes is refused without being shown, one of 16 bytes in fewer characters is taken', () => {
  assert.throws(
    () => assertSwarmKey('secret-fifteen!'),
    (error) => isSwarmCacheError(error, 'ERR_INPUT') && !error.message.includes('secret'),
  )
  assertSwarmKey('é'.repeat(8))
})

test('every use, key and repository has values of its own, and the case of a repository does not matter', () => {
  const keys = deriveSwarmKeys(KEY, REPOSITORY)
  const { peerId } = createPeerKey()
  const values = [
    deriveSwarmKeys(KEY, 'octocat/other'),
    deriveSwarmKeys(`${KEY}.`, REPOSITORY),
    keys,
  ].flatMap((each) => [
    Buffer.from(each.prologue).toString('hex'),
    each.place,
    each.recordName(peerId),
  ])
  assert.equal(new Set(values).size, values.length)
  assert.deepEqual(deriveSwarmKeys(KEY, 'Octocat/HELLO').prologue, keys.prologue)
  assert.equal(keys.prologue.length, 32)
})

test('a sealed record opens with the same key and repository, and with no other', async () => {
  const record = createRecord()
  const sealed = await deriveSwarmKeys(KEY, REPOSITORY).seal(record)
  assert.deepEqual(await deriveSwarmKeys(KEY, REPOSITORY).open(sealed), record)
  assert.equal(await deriveSwarmKeys(KEY, 'octocat/other').open(sealed), undefined)
  assert.equal(await deriveSwarmKeys(`${KEY}.`, REPOSITORY).open(sealed), undefined)
})

test('a sealed record shows nothing of its content, not even how many addresses there are', async () => {
  const keys = deriveSwarmKeys(KEY, REPOSITORY)
  const record = createRecord()
  const sealed = await keys.seal(record)
  const [header, ...parts] = sealed.split('.')
  assert.deepEqual(JSON.parse(Buffer.from(header!, 'base64url').toString()), {
    alg: 'dir',
    enc: 'A256GCM',
  })
  for (const part of parts) {
    assert.ok(
      !Buffer.from(part, 'base64url').toString('latin1').includes(record.peerId.slice(0, 12)),
    )
  }
  const more = await keys.seal({
    ...record,
    addresses: [...record.addresses, '/ip4/10.1.1.1/tcp/1'],
  })
  assert.equal(more.length, sealed.length)
})

test('a record with any character changed, cut short, or oversized does not open', async () => {
  const keys = deriveSwarmKeys(KEY, REPOSITORY)
  const sealed = await keys.seal(createRecord())
  for (let index = 0; index < sealed.length; index += 7) {
    const other = sealed[index] === 'A' ? 'B' : 'A'
    const changed = sealed.slice(0, index) + other + sealed.slice(index + 1)
    assert.equal(await keys.open(changed), undefined, `changed at ${index}`)
    assert.equal(await keys.open(sealed.slice(0, index)), undefined, `cut at ${index}`)
  }
  const tail = await keys.open(sealed.slice(0, -1) + otherSpelling(sealed.at(-1)!))
  assert.equal(tail, undefined, 'the same bytes in another spelling')
  assert.equal(await keys.open(sealed + 'A'.repeat(8192)), undefined)
  assert.equal(await keys.open(''), undefined)
  assert.equal(await keys.open(randomBytes(300).toString('base64url')), undefined)
})

test('other algorithms than the agreed ones are not accepted, whatever the header says', async () => {
  const keys = deriveSwarmKeys(KEY, REPOSITORY)
  const record = Buffer.from(JSON.stringify(createRecord()))
  const guessed = await new CompactEncrypt(record)
    .setProtectedHeader({ alg: 'dir', enc: 'A128CBC-HS256' })
    .encrypt(keys.prologue)
  assert.equal(await keys.open(guessed), undefined)
  const plain = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${record.toString('base64url')}.`
  assert.equal(await keys.open(plain), undefined)
})

test('a record that is too large to be read back is not sealed', async () => {
  const keys = deriveSwarmKeys(KEY, REPOSITORY)
  const record = {
    ...createRecord(),
    addresses: Array.from({ length: 16 }, () => `/${'a'.repeat(500)}`),
  }
  await assert.rejects(keys.seal(record), (error) => isSwarmCacheError(error, 'ERR_INPUT'))
  const full = createRecord(16)
  assert.deepEqual(await keys.open(await keys.seal(full)), full)
})

/** A character that differs only in the last bits, which the final character of 16 bytes in base64 leaves unused. */
function otherSpelling(last: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return alphabet[alphabet.indexOf(last) ^ 1]!
}
