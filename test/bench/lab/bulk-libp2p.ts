import { once } from 'node:events'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import type { Libp2p, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import type { BulkTransport } from './bulk.ts'

const PROTOCOL = '/swarmcache/bench/bulk/1'
const PIECE = Buffer.alloc(128 * 1024, 'swarmcache')

/** One stream of libp2p over TCP, Noise and yamux, as libp2p comes. */
export const bulkLibp2p: BulkTransport = {
  async send({ warmUpBytes, bytes }) {
    const node = await createNode(['/ip4/127.0.0.1/tcp/0'])
    await node.handle(PROTOCOL, async (stream) => {
      for (let sent = 0; sent < warmUpBytes + bytes; sent += PIECE.length) {
        // Its own promise for this resolves at once after the first time.
        if (!stream.send(PIECE)) await once(stream, 'drain')
      }
      await stream.close()
    })
    return node.getMultiaddrs()[0]!.toString()
  },

  async receive(address, { warmUpBytes, bytes }) {
    const node = await createNode([])
    const stream: Stream = await node.dialProtocol(multiaddr(address), PROTOCOL)
    const done = Promise.withResolvers<number>()
    let received = 0
    let started = 0
    stream.addEventListener('message', ({ data }) => {
      received += data.byteLength
      if (started === 0 && received >= warmUpBytes) started = performance.now()
      if (received >= warmUpBytes + bytes) done.resolve((performance.now() - started) / 1000)
    })
    stream.addEventListener('close', () => {
      done.reject(new Error(`libp2p ended after ${received} bytes`))
    })
    const seconds = await done.promise
    await node.stop()
    return seconds
  },
}

async function createNode(listen: string[]): Promise<Libp2p> {
  return await createLibp2p({
    addresses: { listen },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: { denyDialMultiaddr: () => false },
    // It cuts connections that are busy for longer than it waits for an answer.
    connectionMonitor: { enabled: false },
  })
}
