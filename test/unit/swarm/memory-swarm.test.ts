import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryNetwork } from '../../../src/swarm/memory-network.ts'
import { MemorySwarm } from '../../../src/swarm/memory-swarm.ts'
import { swarmContract } from '../../contract/swarm.ts'

swarmContract('a swarm in memory', () => {
  const network = new MemoryNetwork()
  return () => new MemorySwarm({ network })
})

swarmContract('a swarm in memory with latency', () => {
  const network = new MemoryNetwork({ latencyMs: 2 })
  return () => new MemorySwarm({ network })
})

const PROTOCOL = '/swarmcache/test/1'

async function conversation(network: MemoryNetwork) {
  const a = new MemorySwarm({ network })
  const b = new MemorySwarm({ network })
  b.handle(PROTOCOL, async (stream) => {
    await stream.write(Buffer.from('first'))
    for await (const piece of stream.source) await stream.write(piece)
  })
  await a.start()
  await b.start()
  await a.dial(b.peerId, b.addresses())
  const stream = await a.open(b.peerId, PROTOCOL)
  return { a, b, stream, reader: stream.source[Symbol.asyncIterator]() }
}

test('a cut connection looks to the reader like a clean end', { timeout: 20_000 }, async () => {
  const network = new MemoryNetwork()
  const { a, b, stream, reader } = await conversation(network)
  assert.equal(Buffer.from((await reader.next()).value!).toString(), 'first')
  network.cut(a.peerId, b.peerId)
  assert.equal((await reader.next()).done, true)
  await assert.rejects(stream.write(Buffer.from('more')), { code: 'ERR_CLOSED' })
  assert.deepEqual(b.peers(), [])
})

test(
  'a stalled connection delivers nothing until it is released',
  { timeout: 20_000 },
  async () => {
    const network = new MemoryNetwork()
    const { a, b, stream, reader } = await conversation(network)
    await reader.next()
    network.stall(a.peerId, b.peerId)
    await stream.write(Buffer.from('second'))
    const next = reader.next()
    const early = await Promise.race([next, new Promise((done) => setTimeout(done, 30, 'nothing'))])
    assert.equal(early, 'nothing')
    assert.equal(a.peers().length, 1)
    network.release(a.peerId, b.peerId)
    assert.equal(Buffer.from((await next).value!).toString(), 'second')
  },
)
