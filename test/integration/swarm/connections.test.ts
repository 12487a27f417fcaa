import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { digestOf } from '../../../src/core/digest.ts'
import { isSwarmCacheError } from '../../../src/core/errors.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { createPeerKey, deriveSwarmKeys } from '../../../src/identity/identity.ts'
import { Libp2pSwarm } from '../../../src/swarm/libp2p-swarm.ts'
import { eventually } from '../../support/eventually.ts'
import { createMembers, startMembers } from '../../support/swarm-nodes.ts'

const MiB = 1024 * 1024
const BULK = '/swarmcache/test-bulk/1'
const options = { timeout: 20_000 }

/** A server that accepts connections and never says a word. */
async function createSilentAddress(t: TestContext): Promise<string> {
  const server = createServer((socket) => t.after(() => socket.destroy()))
  t.after(() => server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `/ip4/127.0.0.1/tcp/${(server.address() as AddressInfo).port}`
}

test('twenty nodes that connect at once from one address are all let in', options, async (t) => {
  const create = createMembers()
  const centre = create()
  const others = Array.from({ length: 20 }, () => create())
  await startMembers(t, centre, ...others)
  await Promise.all(
    others.map((other) => other.dial(centre.peerId, centre.addresses(), { signal: t.signal })),
  )
  // A dial ends with the dialler's last word, which the other side has yet to read.
  await eventually('twenty peers', () => centre.peers().length === others.length)
})

test(
  'a node that nobody can dial is reached through a seeder, and 2 MiB go both ways',
  options,
  async (t) => {
    const create = createMembers()
    const seeder = create({ role: 'seeder' })
    const hidden = create({ listen: [] })
    const reader = create({ listen: [], role: 'reader' })
    hidden.handle(BULK, async (stream) => {
      for await (const piece of stream.source) await stream.write(piece)
    })
    await startMembers(t, seeder, hidden, reader)
    assert.deepEqual(hidden.addresses(), [])
    await hidden.dial(seeder.peerId, seeder.addresses(), { signal: t.signal })
    await eventually('an address through the relay', () => hidden.addresses().length > 0)
    for (const address of hidden.addresses()) {
      assert.match(address, new RegExp(`/p2p/${seeder.peerId}/p2p-circuit/p2p/${hidden.peerId}$`))
    }

    const peer = await reader.dial(hidden.peerId, hidden.addresses(), { signal: t.signal })
    assert.equal(peer.relayed, true)
    const stream = await reader.open(hidden.peerId, BULK, { signal: t.signal })
    const sent = randomBytes(2 * MiB)
    const received = createHash('sha256')
    const reading = (async () => {
      for await (const piece of stream.source) received.update(piece)
    })()
    await stream.write(sent)
    await stream.closeWrite()
    await reading
    assert.equal(received.digest('hex'), digestOf(sent))
  },
)

test(
  'when one relay leaves, the address through it goes and the other stays',
  options,
  async (t) => {
    const create = createMembers()
    const seeders = [create({ role: 'seeder' }), create({ role: 'seeder' })] as const
    const hidden = create({ listen: [] })
    await startMembers(t, ...seeders, hidden)
    for (const seeder of seeders) {
      await hidden.dial(seeder.peerId, seeder.addresses(), { signal: t.signal })
    }
    const isThrough = (index: 0 | 1): boolean =>
      hidden.addresses().some((address) => address.includes(`${seeders[index].peerId}/p2p-circuit`))
    await eventually('slots at both relays', () => isThrough(0) && isThrough(1))
    await seeders[0].stop()
    await eventually('the loss of one address', () => !isThrough(0))
    assert.ok(isThrough(1))
  },
)

test(
  'a dial to a closed port and to one that never answers fail in time, as a peer that is not there',
  options,
  async (t) => {
    const create = createMembers()
    const node = create()
    await startMembers(t, node)
    const nobody = createPeerKey().peerId
    const closed = await failureOf(
      node.dial(nobody, ['/ip4/127.0.0.1/tcp/1'], { signal: t.signal }),
    )
    assert.ok(isSwarmCacheError(closed, 'ERR_PEER'), String(closed))
    assert.match(closed.message, /ECONNREFUSED/)
    const silent = await failureOf(node.dial(nobody, [await createSilentAddress(t)]))
    assert.ok(isSwarmCacheError(silent, 'ERR_PEER'), String(silent))
    const nonsense = await failureOf(node.dial(nobody, ['not an address']))
    assert.ok(isSwarmCacheError(nonsense, 'ERR_PEER'), String(nonsense))
  },
)

test(
  'a dead address does not keep a good one of the same peer from being used',
  options,
  async (t) => {
    const create = createMembers()
    const node = create()
    const other = create()
    await startMembers(t, node, other)
    const addresses = ['/ip4/127.0.0.1/tcp/1', ...other.addresses()]
    const peer = await node.dial(other.peerId, addresses, { signal: t.signal })
    assert.equal(peer.peerId, other.peerId)
  },
)

test('an abort in the middle of a dial ends it with the reason given', options, async (t) => {
  const node = createMembers()()
  await startMembers(t, node)
  const silent = await createSilentAddress(t)
  const controller = new AbortController()
  const reason = new Error('no longer wanted')
  const dialling = failureOf(
    node.dial(createPeerKey().peerId, [silent], { signal: controller.signal }),
  )
  controller.abort(reason)
  assert.equal(await dialling, reason)
})

test('a port that is taken is reported as wrong input, with the address', options, async (t) => {
  const taken = await createSilentAddress(t)
  const node = createMembers()({ listen: [taken] })
  const error = await failureOf(node.start())
  assert.ok(isSwarmCacheError(error, 'ERR_INPUT'), String(error))
  assert.match(error.message, new RegExp(`${taken} \\(EADDRINUSE\\)`))
})

test(
  'a bootstrap peer is connected to at start, and again after it was gone',
  options,
  async (t) => {
    const { prologue } = deriveSwarmKeys('the swarm key of a test', 'octocat/hello')
    const peerKey = createPeerKey()
    const createFixed = (listen: string): Libp2pSwarm =>
      new Libp2pSwarm(
        { peerKey, prologue, logger: silentLogger },
        { role: 'seeder', listen: [listen] },
      )
    const first = createFixed('/ip4/127.0.0.1/tcp/0')
    await startMembers(t, first)
    const [address] = first.addresses()
    const node = createMembers()({ bootstrap: [address!] })
    await startMembers(t, node)
    await eventually('the first connection', () => node.peers().length === 1)
    await first.stop()
    await eventually('the loss of it', () => node.peers().length === 0)
    await startMembers(t, createFixed(address!.replace(/\/p2p\/.*/, '')))
    await eventually('the second connection', () => node.peers().length === 1)
  },
)

for (const count of [2, 6]) {
  test(`among ${count} nodes, what one provides the last to join finds`, options, async (t) => {
    const create = createMembers()
    const nodes = Array.from({ length: count }, () => create())
    await startMembers(t, ...nodes)
    const [first, last] = [nodes[0]!, nodes.at(-1)!]
    const digest = digestOf(`content of ${count}`)
    // Told before anybody is there to hear it: it must not be lost.
    await first.provide(digest, { signal: t.signal })
    for (const node of nodes.slice(1)) {
      await node.dial(first.peerId, first.addresses(), { signal: t.signal })
    }
    await eventually('a found provider', async () => {
      for await (const peerId of last.findProviders(digest))
        if (peerId === first.peerId) return true
      return false
    })
    await first.withdraw(digest)
    assert.deepEqual(await Array.fromAsync(first.findProviders(digestOf('nobody has this'))), [])
  })
}

test('a statement made alone reaches the peers that come later', options, async (t) => {
  const create = createMembers()
  const nodes = [create(), create(), create()] as const
  await startMembers(t, ...nodes)
  const digest = digestOf('made alone')
  await nodes[0].provide(digest, { signal: t.signal })
  await nodes[1].dial(nodes[0].peerId, nodes[0].addresses(), { signal: t.signal })
  await nodes[2].dial(nodes[1].peerId, nodes[1].addresses(), { signal: t.signal })
  await eventually('a copy of the statement at a peer that was told', async () => {
    // Only what others were told remains once the one who said it has no answer of its own.
    for await (const peerId of nodes[2].findProviders(digest)) {
      if (peerId === nodes[0].peerId) return true
    }
    return false
  })
})

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => undefined,
    (error: unknown) => error,
  )
}
