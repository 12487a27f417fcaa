/** One end of a bulk transfer: `NAME send` or `NAME receive`, with sizes; the receiver reads the offer from stdin. */
import { text } from 'node:stream/consumers'
import type { BulkTransport } from './bulk.ts'

const TRANSPORTS: Readonly<Record<string, () => Promise<BulkTransport>>> = {
  tls: async () => (await import('./bulk-tls.ts')).bulkTls,
  libp2p: async () => (await import('./bulk-libp2p.ts')).bulkLibp2p,
  peers: async () => (await import('./bulk-peers.ts')).bulkPeers,
}

const [name = '', side, warmUpBytes, bytes] = process.argv.slice(2)
const transport = await TRANSPORTS[name]!()
const size = { warmUpBytes: Number(warmUpBytes), bytes: Number(bytes) }
if (side === 'send') {
  console.log(await transport.send(size))
} else {
  console.log(JSON.stringify({ seconds: await transport.receive(await text(process.stdin), size) }))
  process.exit()
}
