import assert from 'node:assert/strict'
import { test } from 'node:test'
import { multiaddr } from '@multiformats/multiaddr'
import { BoundedRecords, limitNamedPeers } from '../../../src/swarm/dht-bounds.ts'

type Datastore = BoundedRecords['datastore']
type Key = Parameters<Datastore['put']>[0]

const VALUE = new Uint8Array(1)

function keyOf(text: string): Key {
  return { toString: () => text } as Key
}

/** A datastore that is bounded to `max` records, with the names of what it holds. */
function storeOf(max: number) {
  const held = new Set<string>()
  const plain = {
    put: async (key: Key) => {
      held.add(key.toString())
      return key
    },
    delete: async (key: Key) => void held.delete(key.toString()),
  } as unknown as Datastore
  const { datastore } = new BoundedRecords(plain, max)
  const provide = async (peer: string, content: number): Promise<void> => {
    await datastore.put(keyOf(`/dht/provider/${content}/${peer}`), VALUE)
  }
  return { datastore, held, provide }
}

test('who floods the DHT with records loses its own oldest ones, and others keep theirs', async () => {
  const { held, provide } = storeOf(10)
  for (let content = 0; content < 3; content += 1) await provide('honest', content)
  for (let content = 0; content < 1000; content += 1) await provide('flooder', content)
  assert.equal(held.size, 10)
  assert.equal([...held].filter((name) => name.endsWith('honest')).length, 3)
  assert.ok(held.has('/dht/provider/999/flooder'))
})

test('a record that is renewed or taken back counts once or not at all', async () => {
  const { datastore, held, provide } = storeOf(2)
  for (let time = 0; time < 5; time += 1) await provide('a', 1)
  await provide('b', 1)
  await datastore.delete(keyOf('/dht/provider/1/a'))
  await provide('c', 1)
  assert.deepEqual([...held].sort(), ['/dht/provider/1/b', '/dht/provider/1/c'])
})

test('what is no record of a provider is kept in any case', async () => {
  const { datastore, held } = storeOf(1)
  for (let peer = 0; peer < 5; peer += 1) await datastore.put(keyOf(`/peers/${peer}`), VALUE)
  assert.equal(held.size, 5)
})

test('peers that are named by the thousand lose their addresses, until time has passed', () => {
  let now = 0
  const limit = limitNamedPeers(
    (peerId) => peerId.toString() === 'connected',
    () => now,
  )
  const multiaddrs = [multiaddr('/ip4/192.0.2.1/tcp/1')]
  const peerOf = (id: string): Parameters<typeof limit>[0] =>
    ({ id: { toString: () => id }, multiaddrs }) as Parameters<typeof limit>[0]
  const named = (count: number): number =>
    Array.from({ length: count }, () => limit(peerOf('made up'))).filter(
      (each) => each.multiaddrs.length > 0,
    ).length
  assert.equal(named(4000), 64)
  assert.equal(limit(peerOf('connected')).multiaddrs.length, 1)
  now = 1000
  assert.equal(named(4000), 8)
})
