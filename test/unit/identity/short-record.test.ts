import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import type { PeerRecord } from '../../../src/core/peer.ts'
import {
  createPeerKey,
  deriveSwarmKeys,
  SHORT_SEALED_LENGTH,
} from '../../../src/identity/identity.ts'

const keys = deriveSwarmKeys('a key shared by the fleet', 'octocat/hello')
const peer = createPeerKey()
const relay = createPeerKey()
const sign = (bytes: Uint8Array): string => peer.sign(bytes)
const CONTEXT = 'a place'
const announced = 1_800_000_000_000

function record(...hosts: string[]): PeerRecord {
  const addresses = hosts.map((host) => `${host}/p2p/${peer.peerId}`)
  return { peerId: peer.peerId, addresses, role: 'runner', expires: announced + 60_000 }
}

function throughSeal(sent: PeerRecord): PeerRecord | undefined {
  const sealed = keys.sealShort({ record: sent, announced }, CONTEXT, sign)
  assert.equal(sealed.length, SHORT_SEALED_LENGTH)
  const opened = keys.openShort(sealed, CONTEXT)
  if (opened !== undefined) assert.equal(opened.announced, announced)
  return opened?.record
}

test('a short record comes back as it was, with every kind of address and role', () => {
  const relayed = `/ip4/203.0.113.9/tcp/4001/p2p/${relay.peerId}/p2p-circuit`
  const sent = record(
    '/ip4/192.0.2.1/tcp/4001',
    '/ip4/0.0.0.0/tcp/65535',
    relayed,
    '/ip6/2001:db8::1/tcp/1',
    '/dns4/a.example/tcp/443',
  )
  for (const role of ['seeder', 'runner', 'reader'] as const) {
    assert.deepEqual(throughSeal({ ...sent, role }), { ...sent, role })
  }
  const odd = record('/ip4/192.0.2.01/tcp/1', '/ip4/192.0.2.1/tcp/70000', '/memory/x')
  assert.deepEqual(throughSeal(odd), odd, 'what is not written the usual way keeps its spelling')
})

test('all records are equally long, and the addresses that do not fit are left out', () => {
  const many = Array.from({ length: 16 }, (_, n) => `/dns4/runner-${n}.example.internal/tcp/4001`)
  const opened = throughSeal(record('/ip4/192.0.2.1/tcp/4001', ...many))
  assert.ok(opened !== undefined && opened.addresses.length > 3 && opened.addresses.length < 17)
  assert.deepEqual(
    opened.addresses,
    record('/ip4/192.0.2.1/tcp/4001', ...many).addresses.slice(0, opened.addresses.length),
  )
  assert.deepEqual(throughSeal(record()), record())
})

test('a short record opens with its own key and context alone, and in one spelling', () => {
  const sealed = keys.sealShort(
    { record: record('/ip4/192.0.2.1/tcp/1'), announced },
    CONTEXT,
    sign,
  )
  assert.equal(keys.openShort(sealed, 'another place'), undefined)
  const others = deriveSwarmKeys('a key shared by the fleet', 'octocat/other')
  assert.equal(others.openShort(sealed, CONTEXT), undefined)
  for (let index = 0; index < sealed.length; index += 1) {
    const other = sealed[index] === 'A' ? 'B' : 'A'
    const changed = sealed.slice(0, index) + other + sealed.slice(index + 1)
    assert.equal(keys.openShort(changed, CONTEXT), undefined, `changed at ${index}`)
  }
  assert.equal(keys.openShort(sealed.slice(1), CONTEXT), undefined)
  assert.equal(keys.openShort(`${sealed}A`, CONTEXT), undefined)
})

test('a record that its own peer did not sign does not open, though a member sealed it', () => {
  const dated = { record: record('/ip4/192.0.2.1/tcp/1'), announced }
  const sealed = keys.sealShort(dated, CONTEXT, (bytes) => relay.sign(bytes))
  assert.equal(keys.openShort(sealed, CONTEXT), undefined)
  const replayed = keys.sealShort(dated, CONTEXT, () => peer.sign(randomBytes(32)))
  assert.equal(keys.openShort(replayed, CONTEXT), undefined)
})

test('what a sealed record shows is not its content', () => {
  const sealed = keys.sealShort(
    { record: record('/dns4/a.example/tcp/1'), announced },
    CONTEXT,
    sign,
  )
  const again = keys.sealShort(
    { record: record('/dns4/a.example/tcp/1'), announced },
    CONTEXT,
    sign,
  )
  assert.notEqual(sealed, again)
  assert.ok(!Buffer.from(sealed, 'base64url').toString('latin1').includes('a.example'))
})

test('addresses of any text come back or are left out, and no text at all opens by chance', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'binary', maxLength: 250 }), { maxLength: 16 }),
      (hosts) => {
        const sent = record(...hosts)
        const opened = throughSeal(sent)
        assert.ok(opened !== undefined)
        for (const address of opened.addresses) assert.ok(sent.addresses.includes(address))
      },
    ),
    { numRuns: 200 },
  )
  fc.assert(
    fc.property(
      fc.string({ minLength: SHORT_SEALED_LENGTH, maxLength: SHORT_SEALED_LENGTH }),
      (text) => {
        assert.equal(keys.openShort(text, CONTEXT), undefined)
      },
    ),
    { numRuns: 500 },
  )
})
