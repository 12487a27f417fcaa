import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSwarmCacheError } from '../../../src/core/errors.ts'
import { createPeerKey } from '../../../src/identity/identity.ts'
import { StaticRegistry } from '../../../src/registry/static-registry.ts'
import { createRecord } from '../../contract/registry.ts'

test('addresses are grouped by peer and never get stale', async () => {
  const [a, b] = [createPeerKey().peerId, createPeerKey().peerId]
  const addresses = [
    `/ip4/192.0.2.1/tcp/4001/p2p/${a}`,
    `/dns4/seeder.example.com/tcp/4001/p2p/${b}`,
    `/ip6/2001:db8::1/tcp/4001/p2p/${a}`,
    `/ip4/192.0.2.1/tcp/4001/p2p/${a}`,
  ]
  const records = await new StaticRegistry({ addresses }).discover()
  assert.deepEqual(
    records.map(({ peerId, addresses: own, role }) => ({ peerId, own, role })),
    [
      { peerId: a, own: [addresses[0], addresses[2]], role: 'seeder' },
      { peerId: b, own: [addresses[1]], role: 'seeder' },
    ],
  )
  for (const record of records) assert.ok(record.expires > Date.now() + 1e12)
})

test('nobody can announce or withdraw there', async () => {
  const registry = new StaticRegistry({ addresses: [] })
  await registry.announce(createRecord())
  assert.deepEqual(await registry.discover(), [])
  const { peerId } = createPeerKey()
  const fixed = new StaticRegistry({ addresses: [`/ip4/192.0.2.1/tcp/1/p2p/${peerId}`] })
  await fixed.withdraw(peerId)
  assert.equal((await fixed.discover()).length, 1)
})

test('an address that is malformed or names no peer is wrong input, by its text', () => {
  for (const address of ['nonsense', '/ip4/192.0.2.1/tcp/4001', '/ip4/192.0.2.999/tcp/1/p2p/x']) {
    assert.throws(
      () => new StaticRegistry({ addresses: [address] }),
      (error) => isSwarmCacheError(error, 'ERR_INPUT') && error.message.includes(address),
    )
  }
})
