import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { SourcedFrame } from '../../../src/core/chunk.ts'
import type { Digest } from '../../../src/core/digest.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import type { PeerId } from '../../../src/core/peer.ts'
import type { Libp2pSwarm } from '../../../src/swarm/libp2p-swarm.ts'
import { SwarmTransfer } from '../../../src/transfer/swarm-transfer.ts'
import type { SwarmTransferOptions } from '../../../src/transfer/swarm-transfer.ts'
import type { ChunkSupply, SuppliedFrame } from '../../../src/transfer/transfer.ts'
import { CountingSupply, makeContent } from '../../support/chunks.ts'
import type { Content } from '../../support/chunks.ts'
import { eventually } from '../../support/eventually.ts'
import { createMembers, startMembers } from '../../support/swarm-nodes.ts'
import { RecordedChoice } from '../../support/transfer-lab.ts'
import { VirtualTime } from '../../support/virtual-time.ts'

const OPTIONS = { timeout: 30_000 }
const LANE_PROTOCOL = '/swarmcache/lane/1'

/** A node with lanes, over real sockets. */
class LaneNode {
  readonly swarm: Libp2pSwarm
  readonly transfer: SwarmTransfer
  readonly peers = new RecordedChoice()
  readonly time = new VirtualTime()
  /** Lanes that were arranged from here. */
  arranged = 0

  constructor(t: TestContext, supply: ChunkSupply, options: SwarmTransferOptions) {
    this.swarm = createMembers()()
    const after = this.time.after.bind(this.time)
    this.transfer = new SwarmTransfer(
      { swarm: this.swarm, supply, peers: this.peers, logger: silentLogger },
      { lanes: { listenHost: '127.0.0.1' }, resting: { after }, ...options },
    )
    const open = this.swarm.open.bind(this.swarm)
    t.mock.method(this.swarm, 'open', (async (peerId, protocol, given) => {
      if (protocol === LANE_PROTOCOL) this.arranged += 1
      return await open(peerId, protocol, given)
    }) satisfies Libp2pSwarm['open'])
  }

  get peerId(): PeerId {
    return this.swarm.peerId
  }

  get resting(): number {
    return this.transfer.restingLanes
  }

  async fetch({ digest, chunks }: Content, from: LaneNode): Promise<SourcedFrame[]> {
    const request = { manifest: digest, chunks, holders: [from.peerId] }
    return await Array.fromAsync(this.transfer.fetchChunks(request))
  }
}

/** Supplies content, but holds back frames when told to. */
class HeldSupply extends CountingSupply {
  #free = Infinity
  #gate: PromiseWithResolvers<void> = Promise.withResolvers()

  holdAfter(frames: number): void {
    this.#free = frames
    this.#gate = Promise.withResolvers()
  }

  release(): void {
    this.#free = Infinity
    this.#gate.resolve()
  }

  override async frame(digest: Digest): Promise<SuppliedFrame | undefined> {
    this.#free -= 1
    if (this.#free < 0) await this.#gate.promise
    return await super.frame(digest)
  }
}

async function addNode(
  t: TestContext,
  supply: ChunkSupply,
  options: SwarmTransferOptions = {},
): Promise<LaneNode> {
  const node = new LaneNode(t, supply, options)
  await node.transfer.start()
  await startMembers(t, node.swarm)
  t.after(() => node.transfer.stop())
  return node
}

/** A reader and a holder that are connected. */
async function connect(
  t: TestContext,
  content: Content,
  ofHolder: SwarmTransferOptions = {},
): Promise<{ reader: LaneNode; holder: LaneNode }> {
  const holder = await addNode(t, new CountingSupply(content), ofHolder)
  const reader = await addNode(t, new CountingSupply())
  await reader.swarm.dial(holder.peerId, holder.swarm.addresses())
  return { reader, holder }
}

async function rests(...nodes: LaneNode[]): Promise<void> {
  await eventually('A lane that rests at both ends', () => nodes.every((node) => node.resting > 0))
}

async function isGone(...nodes: LaneNode[]): Promise<void> {
  await eventually('The end of the lane', () => nodes.every((node) => node.resting === 0))
}

test('fetches that follow each other share one lane', OPTIONS, async (t) => {
  const content = await makeContent(40, 20_000)
  const { reader, holder } = await connect(t, content)
  for (let round = 0; round < 3; round += 1) {
    assert.equal((await reader.fetch(content, holder)).length, 40)
    await rests(reader, holder)
  }
  assert.equal(reader.arranged, 1)
  assert.equal(holder.resting, 1)
  assert.deepEqual([...reader.peers.failures, ...holder.peers.failures], [])
})

test(
  'fetches at the same time have lanes of their own, and all of them rest',
  OPTIONS,
  async (t) => {
    const content = await makeContent(40, 20_000)
    const { reader, holder } = await connect(t, content)
    const fetchAll = async (): Promise<void> => {
      const fetches = [1, 2, 3].map(async () => await reader.fetch(content, holder))
      for (const frames of await Promise.all(fetches)) assert.equal(frames.length, 40)
      await eventually('Three lanes that rest', () => reader.resting === 3 && holder.resting === 3)
    }
    await fetchAll()
    assert.equal(reader.arranged, 3)
    await fetchAll()
    assert.equal(reader.arranged, 3)
  },
)

test(
  'what a given up fetch asked for does not reach the next one on its lane',
  OPTIONS,
  async (t) => {
    const content = await makeContent(60, 10_000)
    const { reader, holder } = await connect(t, content)
    const request = { manifest: content.digest, chunks: content.chunks, holders: [holder.peerId] }
    for (let round = 0; round < 5; round += 1) {
      for await (const _frame of reader.transfer.fetchChunks(request)) break
      await rests(reader, holder)
    }
    const digests = (await reader.fetch(content, holder)).map(({ chunk }) => chunk.digest)
    assert.deepEqual(new Set(digests), new Set(content.chunks.map(({ digest }) => digest)))
    assert.equal(digests.length, 60)
    assert.equal(reader.arranged, 1)
  },
)

test(
  'a lane does not rest while answers to a given up fetch are still to come',
  OPTIONS,
  async (t) => {
    const content = await makeContent(20, 20_000)
    const supply = new HeldSupply(content)
    const holder = await addNode(t, supply)
    const reader = await addNode(t, new CountingSupply())
    await reader.swarm.dial(holder.peerId, holder.swarm.addresses())
    const request = { manifest: content.digest, chunks: content.chunks, holders: [holder.peerId] }
    supply.holdAfter(5)
    t.after(() => supply.release())
    for await (const _frame of reader.transfer.fetchChunks(request)) break
    const next = reader.fetch(content, holder)
    await eventually('Another lane', () => reader.arranged === 2)
    supply.release()
    assert.equal((await next).length, 20)
    assert.deepEqual(reader.peers.failures, [])
  },
)

test(
  'a lane that the holder has ended meanwhile is replaced without a word',
  OPTIONS,
  async (t) => {
    const content = await makeContent(40, 20_000)
    const { reader, holder } = await connect(t, content)
    await reader.fetch(content, holder)
    await rests(reader, holder)
    // Its time is over at the holder only, and the reader has not heard of it when it asks.
    await holder.time.run(() => holder.resting === 0, Infinity)
    assert.equal((await reader.fetch(content, holder)).length, 40)
    assert.equal(reader.arranged, 2)
    assert.deepEqual(reader.peers.failures, [])
    await rests(reader, holder)
  },
)

test('a lane that ends while it rests is let go', OPTIONS, async (t) => {
  const content = await makeContent(5, 20_000)
  const { reader, holder } = await connect(t, content)
  await reader.fetch(content, holder)
  await rests(reader, holder)
  await holder.time.run(() => holder.resting === 0, Infinity)
  await isGone(reader)
})

test('a lane that nobody uses ends when its time is over', OPTIONS, async (t) => {
  const content = await makeContent(5, 20_000)
  const { reader, holder } = await connect(t, content)
  await reader.fetch(content, holder)
  await rests(reader, holder)
  assert.ok(await reader.time.run(() => reader.resting === 0, 60_000))
  await isGone(holder)
})

for (const [what, end] of Object.entries({
  'the other side stops': async (reader: LaneNode) => await reader.transfer.stop(),
  'the peers part': async (reader: LaneNode, holder: LaneNode) =>
    await reader.swarm.disconnect(holder.peerId),
  'the peer is banned': async (reader: LaneNode, holder: LaneNode) =>
    reader.swarm.ban(holder.peerId, 60_000),
})) {
  test(`a lane that rests ends at both ends when ${what}`, OPTIONS, async (t) => {
    const content = await makeContent(5, 20_000)
    const { reader, holder } = await connect(t, content)
    await reader.fetch(content, holder)
    await rests(reader, holder)
    await end(reader, holder)
    await isGone(reader, holder)
  })
}

test(
  'lanes that rest do not count as uploads, and wake only where there is room',
  OPTIONS,
  async (t) => {
    const content = await makeContent(40, 20_000)
    const supply = new HeldSupply(content)
    const holder = await addNode(t, supply, { maxUploads: 1 })
    const reader = await addNode(t, new CountingSupply())
    const other = await addNode(t, new CountingSupply())
    for (const [index, node] of [reader, other, reader, other].entries()) {
      if (index < 2) await node.swarm.dial(holder.peerId, holder.swarm.addresses())
      assert.equal((await node.fetch(content, holder)).length, 40)
      await eventually('Rest at the holder', () => holder.resting === Math.min(2, index + 1))
      await rests(node)
    }
    assert.equal(reader.arranged + other.arranged, 2)
    supply.holdAfter(0)
    t.after(() => supply.release())
    const waiting = reader.fetch(content, holder)
    await eventually('The upload to the reader', () => holder.resting === 1)
    await assert.rejects(other.fetch(content, holder), { code: 'ERR_PEER' })
    supply.release()
    assert.equal((await waiting).length, 40)
  },
)
