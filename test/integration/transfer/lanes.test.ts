import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { ByteStream } from '../../../src/core/byte-stream.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import type { StreamHandler, Swarm } from '../../../src/swarm/swarm.ts'
import { Lanes } from '../../../src/transfer/lanes.ts'
import { createMembers, startMembers } from '../../support/swarm-nodes.ts'

/** Sends every byte back. */
const echo: StreamHandler = async (stream) => {
  for await (const piece of stream.source) await stream.write(piece)
}

async function withLanes(
  t: TestContext,
  swarm: Swarm,
  listenHost: string | undefined,
): Promise<Lanes> {
  const peers = { failed: () => assert.fail('nobody misbehaves here') }
  const lanes = new Lanes(
    { swarm, serve: echo, peers, logger: silentLogger, makeRoom: () => false },
    { listenHost },
  )
  await lanes.start()
  t.after(() => lanes.stop())
  return lanes
}

async function assertEchoes(lane: ByteStream, bytes: number): Promise<void> {
  const sent = Buffer.alloc(bytes, 'lane')
  const reader = lane.source[Symbol.asyncIterator]()
  const received = (async () => {
    const pieces: Uint8Array[] = []
    for (let count = 0; count < bytes;) {
      const next = await reader.next()
      assert.notEqual(next.done, true, 'the lane ended early')
      pieces.push(next.value!)
      count += next.value!.length
    }
    return Buffer.concat(pieces)
  })()
  await lane.write(sent)
  assert.ok((await received).equals(sent))
}

test('two connected peers get a lane, whichever of them dialled the other', async (t) => {
  const createMember = createMembers()
  const [a, b] = [createMember(), createMember()]
  const lanesOfA = await withLanes(t, a, '127.0.0.1')
  const lanesOfB = await withLanes(t, b, '127.0.0.1')
  await startMembers(t, a, b)
  await a.dial(b.peerId, b.addresses(), { signal: t.signal })
  await assertEchoes(await lanesOfA.open(b.peerId, { signal: t.signal }), 2_000_000)
  await assertEchoes(await lanesOfB.open(a.peerId, { signal: t.signal }), 2_000_000)
})

test('lanes to one peer that are opened at the same time are lanes of their own', async (t) => {
  const createMember = createMembers()
  const [a, b] = [createMember(), createMember()]
  const lanesOfA = await withLanes(t, a, '127.0.0.1')
  await withLanes(t, b, '127.0.0.1')
  await startMembers(t, a, b)
  await a.dial(b.peerId, b.addresses(), { signal: t.signal })
  const lanes = await Promise.all(
    [1, 2, 3].map(async () => await lanesOfA.open(b.peerId, { signal: t.signal })),
  )
  assert.equal(new Set(lanes).size, lanes.length)
  await Promise.all(lanes.map(async (lane) => await assertEchoes(lane, 1_000_000)))
})

test('a peer that accepts no lanes dials back when it is asked for one', async (t) => {
  const createMember = createMembers()
  const [a, b] = [createMember(), createMember()]
  const lanesOfA = await withLanes(t, a, '127.0.0.1')
  await withLanes(t, b, undefined)
  await startMembers(t, a, b)
  await a.dial(b.peerId, b.addresses(), { signal: t.signal })
  await assertEchoes(await lanesOfA.open(b.peerId, { signal: t.signal }), 2_000_000)
})

test('between two peers that accept no lanes there is none, and the next try fails at once', async (t) => {
  const createMember = createMembers()
  const [a, b] = [createMember(), createMember()]
  const lanesOfA = await withLanes(t, a, undefined)
  await withLanes(t, b, undefined)
  await startMembers(t, a, b)
  await a.dial(b.peerId, b.addresses(), { signal: t.signal })
  await assert.rejects(lanesOfA.open(b.peerId, { signal: t.signal }), /neither side can reach/)
  await assert.rejects(lanesOfA.open(b.peerId, { signal: t.signal }), /the last try failed/)
})

test('a peer without lanes at all is refused by its missing protocol', async (t) => {
  const createMember = createMembers()
  const [a, b] = [createMember(), createMember()]
  const lanesOfA = await withLanes(t, a, '127.0.0.1')
  await startMembers(t, a, b)
  await a.dial(b.peerId, b.addresses(), { signal: t.signal })
  await assert.rejects(lanesOfA.open(b.peerId, { signal: t.signal }))
})
