import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { digestOf } from '../../../src/core/digest.ts'
import type { Entry } from '../../../src/core/entry.ts'
import { isSwarmCacheError } from '../../../src/core/errors.ts'
import { isPeerId } from '../../../src/core/peer.ts'
import {
  createPeerKey,
  loadPeerKey,
  signEntry,
  verifyEntry,
  verifySignature,
} from '../../../src/identity/identity.ts'
import { decodeBase58, encodeBase58 } from '../../../src/identity/base58.ts'

async function createHome(t: TestContext): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'swarmcache-peer-key-'))
  t.after(() => rm(home, { recursive: true, force: true }))
  return home
}

test('the peer id is the one that libp2p computes for the same seed, and libp2p verifies the signature', async () => {
  for (let count = 0; count < 20; count += 1) {
    const key = createPeerKey()
    const privateKey = await generateKeyPairFromSeed('Ed25519', key.seed)
    assert.equal(key.peerId, peerIdFromPrivateKey(privateKey).toString())
    assert.ok(isPeerId(key.peerId))
    const bytes = randomBytes(count)
    const signature = Buffer.from(key.sign(bytes), 'base64url')
    assert.ok(await privateKey.publicKey.verify(bytes, signature))
    const theirs = Buffer.from(await privateKey.sign(bytes)).toString('base64url')
    assert.ok(verifySignature(key.peerId, bytes, theirs))
  }
})

test('a signature verifies for its bytes and peer only, and in one spelling only', () => {
  const key = createPeerKey()
  const bytes = Buffer.from('said by this peer')
  const signature = key.sign(bytes)
  assert.ok(verifySignature(key.peerId, bytes, signature))
  assert.ok(!verifySignature(key.peerId, Buffer.from('said by thit peer'), signature))
  assert.ok(!verifySignature(createPeerKey().peerId, bytes, signature))
  const spellings = [
    '',
    '!',
    `${signature}=`,
    ` ${signature}`,
    signature.slice(1),
    `${signature}AA`,
  ]
  for (const spelling of spellings) assert.ok(!verifySignature(key.peerId, bytes, spelling))
  for (const peerId of [
    '',
    'Qm',
    '12D3Koo',
    `12D3KooW${'z'.repeat(44)}`,
    `12D3Koo${'1'.repeat(45)}`,
  ]) {
    assert.ok(!verifySignature(peerId, bytes, signature), peerId)
  }
})

test('base58 keeps leading zeros and refuses other characters', () => {
  for (const bytes of [[], [0], [0, 0, 1], [255], [1, 0], [0, 36, 8, 1, 18, 32]]) {
    const text = encodeBase58(Uint8Array.from(bytes))
    assert.deepEqual([...decodeBase58(text)!], bytes)
  }
  // From the base58 draft: https://datatracker.ietf.org/doc/html/draft-msporny-base58-03#section-5
  assert.equal(encodeBase58(Buffer.from('Hello World!')), '2NEpo7TZRRrLZSi2U')
  assert.equal(decodeBase58('0OIl'), undefined)
})

test('the key of a home is made once, with rights for its owner only, and loaded again', async (t) => {
  const home = join(await createHome(t), 'not', 'yet', 'there')
  const first = await loadPeerKey(home)
  const again = await loadPeerKey(home)
  assert.equal(again.peerId, first.peerId)
  assert.deepEqual(await readdir(home), ['peer-key'])
  if (process.platform !== 'win32') {
    assert.equal((await stat(join(home, 'peer-key'))).mode & 0o777, 0o600)
  }
})

test('loads that race for a new home get the same key and leave no drafts', async (t) => {
  const home = await createHome(t)
  const keys = await Promise.all(Array.from({ length: 16 }, () => loadPeerKey(home)))
  assert.equal(new Set(keys.map((key) => key.peerId)).size, 1)
  assert.deepEqual(await readdir(home), ['peer-key'])
})

test('a damaged key file is refused by name and left as it is', async (t) => {
  const home = await createHome(t)
  const path = join(home, 'peer-key')
  for (const content of ['', 'rubbish', 'swarmcache peer key 1\nshort\n', 'x'.repeat(5000)]) {
    await writeFile(path, content)
    await assert.rejects(
      loadPeerKey(home),
      (error) => isSwarmCacheError(error, 'ERR_STORE') && error.message.includes(path),
    )
    assert.equal((await stat(path)).size, content.length)
  }
})

test('a home that cannot be a folder is reported with its path', async (t) => {
  const home = join(await createHome(t), 'file')
  await writeFile(home, '')
  await assert.rejects(
    loadPeerKey(home),
    (error) => isSwarmCacheError(error, 'ERR_STORE') && error.message.includes(home),
  )
})

test('a signed entry verifies until any of its fields is changed', () => {
  const entry: Omit<Entry, 'writer'> = {
    repository: 'octocat/hello',
    scope: 'refs/heads/main',
    key: 'deps-1',
    version: digestOf('version'),
    manifest: digestOf('manifest'),
    manifestBytes: 10,
    contentBytes: 20,
    created: 30,
    origin: 'save',
  }
  const signed = signEntry(entry, createPeerKey())
  assert.ok(verifyEntry(signed))
  for (const [field, value] of Object.entries(signed)) {
    const other = typeof value === 'number' ? value + 1 : `${value}x`
    assert.ok(!verifyEntry({ ...signed, [field]: other }), field)
  }
  assert.ok(!verifyEntry({ ...signed, writer: createPeerKey().peerId }))
})
