import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { peerIdFromString } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { digestOf } from '../../../src/core/digest.ts'
import { isSwarmCacheError } from '../../../src/core/errors.ts'
import { subscribe } from '../../../src/core/events.ts'
import type { Events } from '../../../src/core/events.ts'
import { createLogger } from '../../../src/core/logger.ts'
import { createPeerKey } from '../../../src/identity/identity.ts'
import { eventually } from '../../support/eventually.ts'
import { createMembers, startMembers } from '../../support/swarm-nodes.ts'

const ASK = '/swarmcache/test-ask/1'
const options = { timeout: 20_000 }

/** A member that answers, another that is connected to it, and what it logs. */
async function createGuarded(t: TestContext) {
  const lines: string[] = []
  const create = createMembers()
  const logger = createLogger((_level, line) => lines.push(line), 'warning')
  const member = create({ role: 'seeder', logger })
  const friend = create()
  const conversations: string[] = []
  member.handle(ASK, async (_stream, peerId) => void conversations.push(peerId))
  await startMembers(t, member, friend)
  await friend.dial(member.peerId, member.addresses(), { signal: t.signal })
  return { member, friend, lines, conversations }
}

/** The next refusal that any node of this process tells. */
function nextRefusal(t: TestContext): Promise<Events['peer:refused']> {
  const { promise, resolve } = Promise.withResolvers<Events['peer:refused']>()
  t.after(subscribe('peer:refused', resolve))
  return promise
}

test(
  'a node with another key is told that it is no member, learns nothing, and is noticed',
  options,
  async (t) => {
    const { member, friend, lines, conversations } = await createGuarded(t)
    const stranger = createMembers('another key of a test')()
    await startMembers(t, stranger)
    const digest = digestOf('what only members find')
    await member.provide(digest, { signal: t.signal })
    await eventually('the statement in the DHT', async () => {
      const found = await Array.fromAsync(friend.findProviders(digest))
      return found.includes(member.peerId)
    })
    const refusal = nextRefusal(t)
    const error = await failureOf(
      stranger.dial(member.peerId, member.addresses(), { signal: t.signal }),
    )
    assert.ok(isSwarmCacheError(error, 'ERR_NOT_MEMBER'), String(error))
    assert.match((await refusal).reason, /another swarm key/)
    assert.match((await refusal).address, /^\/ip4\/127\.0\.0\.1\/tcp\//)
    assert.match(lines.join('\n'), /A connection was refused.*another swarm key/)
    assert.deepEqual(stranger.peers(), [])
    assert.ok(isSwarmCacheError(await failureOf(stranger.open(member.peerId, ASK)), 'ERR_PEER'))
    assert.deepEqual(await Array.fromAsync(stranger.findProviders(digest)), [])
    assert.deepEqual(conversations, [])
    assert.deepEqual(
      member.peers().map((peer) => peer.peerId),
      [friend.peerId],
    )
  },
)

test(
  'a member does not give itself away to a node with another key that it dials',
  options,
  async (t) => {
    const { member } = await createGuarded(t)
    const stranger = createMembers('another key of a test')()
    await startMembers(t, stranger)
    const refusal = nextRefusal(t)
    const error = await failureOf(member.dial(stranger.peerId, stranger.addresses()))
    assert.ok(isSwarmCacheError(error, 'ERR_NOT_MEMBER'), String(error))
    assert.doesNotMatch((await refusal).reason, /12D3Koo/)
    assert.deepEqual(stranger.peers(), [])
  },
)

test(
  'a plain libp2p node without any key gets no connection and no protocol',
  options,
  async (t) => {
    const { member, friend, lines } = await createGuarded(t)
    const plain = await createLibp2p({
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      connectionGater: { denyDialMultiaddr: () => false },
    })
    t.after(() => plain.stop())
    const refusal = nextRefusal(t)
    const [address] = member.addresses()
    await assert.rejects(async () => plain.dial(multiaddr(address), { signal: t.signal }))
    await assert.rejects(async () =>
      plain.dialProtocol(peerIdFromString(member.peerId), ASK, {
        signal: AbortSignal.timeout(5000),
      }),
    )
    assert.match((await refusal).reason, /without proving/)
    assert.match(lines.join('\n'), /A connection was refused/)
    assert.deepEqual(plain.getPeers(), [])
    assert.deepEqual(
      member.peers().map((peer) => peer.peerId),
      [friend.peerId],
    )
  },
)

test(
  'a stranger that speaks our handshake by hand gets a challenge and nothing else',
  options,
  async (t) => {
    const { member } = await createGuarded(t)
    const port = Number(/tcp\/(\d+)/.exec(member.addresses()[0]!)![1])
    const refusal = nextRefusal(t)
    const socket = connect(port, '127.0.0.1')
    t.after(() => socket.destroy())
    socket.on('error', () => {})
    let received = Buffer.alloc(0)
    const challenged = Promise.withResolvers<void>()
    const greeting = ['/multistream/1.0.0\n', '/swarmcache/noise/1.0.0\n']
      .map((line) => String.fromCharCode(line.length) + line)
      .join('')
    const challengeEnd = greeting.length + 32
    socket.on('data', (bytes: Buffer) => {
      received = Buffer.concat([received, bytes])
      if (received.length >= challengeEnd) challenged.resolve()
    })
    socket.write(greeting)
    await challenged.promise
    // 32 bytes that are no proof, then the shortest first message of Noise XX.
    socket.write(Buffer.concat([Buffer.alloc(32, 7), Buffer.from([0, 32]), Buffer.alloc(32, 9)]))
    await closed(socket)
    assert.equal(received.toString('latin1', 0, greeting.length), greeting)
    assert.equal(received.length, challengeEnd)
    assert.match((await refusal).reason, /another swarm key/)
  },
)

test(
  'lengths without end from strangers cost the node no more than a glance',
  options,
  async (t) => {
    const { member, friend, conversations } = await createGuarded(t)
    const port = Number(/tcp\/(\d+)/.exec(member.addresses()[0]!)![1])
    const refusal = nextRefusal(t)
    let received = 0
    const floods = Array.from({ length: 8 }, async () => {
      const socket = connect(port, '127.0.0.1')
      t.after(() => socket.destroy())
      socket.on('error', () => {})
      socket.on('data', (bytes: Buffer) => (received += bytes.length))
      socket.write(Buffer.alloc(3 * 1024 * 1024, 0xff))
      await closed(socket)
    })
    await Promise.all(floods)
    assert.match((await refusal).reason, /without proving/)
    assert.equal(received, 0)
    await (await friend.open(member.peerId, ASK)).closeWrite()
    await eventually('the conversation', () => conversations.length === 1)
  },
)

test(
  'a length without end from somebody who was dialled costs the dialler no more',
  options,
  async (t) => {
    const { friend } = await createGuarded(t)
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.write(Buffer.alloc(3 * 1024 * 1024, 0xff))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    const { port } = server.address() as AddressInfo
    const { peerId } = createPeerKey()
    const error = await failureOf(friend.dial(peerId, [`/ip4/127.0.0.1/tcp/${port}/p2p/${peerId}`]))
    assert.ok(isSwarmCacheError(error), String(error))
  },
)

test('somebody who connects and says nothing is cut off and noticed', options, async (t) => {
  const { member } = await createGuarded(t)
  const port = Number(/tcp\/(\d+)/.exec(member.addresses()[0]!)![1])
  const refusal = nextRefusal(t)
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  socket.on('error', () => {})
  socket.resume()
  await closed(socket)
  assert.match((await refusal).address, new RegExp(`${socket.localPort ?? ''}`))
})

test(
  'a flood of strangers is told in full to subscribers and in a few lines to the log',
  options,
  async (t) => {
    const { member, lines } = await createGuarded(t)
    const port = Number(/tcp\/(\d+)/.exec(member.addresses()[0]!)![1])
    let refusals = 0
    const all = Promise.withResolvers<void>()
    t.after(subscribe('peer:refused', () => ++refusals === 60 && all.resolve()))
    for (let count = 0; count < 60; count += 1) {
      const socket = connect(port, '127.0.0.1', () => socket.end('GET / HTTP/1.1\r\n\r\n'))
      t.after(() => socket.destroy())
      socket.on('error', () => {})
    }
    await all.promise
    assert.equal(lines.length, 10)
  },
)

test(
  'another peer at the dialled address is not mistaken for the one that was meant',
  options,
  async (t) => {
    const { member, friend } = await createGuarded(t)
    const [address] = friend.addresses()
    const lie = address!.replace(friend.peerId, member.peerId)
    const other = createMembers()()
    await startMembers(t, other)
    const error = await failureOf(other.dial(member.peerId, [lie], { signal: t.signal }))
    assert.ok(isSwarmCacheError(error, 'ERR_PEER'), String(error))
    assert.match(error.message, /another peer answers/)
  },
)

/** Waits for the end of a connection, whether it is closed or reset. */
async function closed(socket: Socket): Promise<void> {
  await new Promise((resolve) => socket.once('close', resolve))
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => undefined,
    (error: unknown) => error,
  )
}
