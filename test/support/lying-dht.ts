import type { Libp2p } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { silentLogger } from '../../src/core/logger.ts'
import { decodeBase58 } from '../../src/identity/base58.ts'
import { createPeerKey } from '../../src/identity/identity.ts'
import { Libp2pByteStream } from '../../src/swarm/libp2p-byte-stream.ts'
import { createNode } from '../../src/swarm/libp2p-node.ts'
import { DHT_PROTOCOL } from '../../src/swarm/libp2p-settings.ts'

// Fields of the messages of kad-dht: https://github.com/libp2p/specs/blob/master/kad-dht/README.md#rpc-messages
const TYPE = 1
const KEY = 2
const CLOSER_PEERS = 8
const PROVIDER_PEERS = 9
const PEER_ID = 1
const PEER_ADDRESS = 2

/** A member whose DHT names made-up peers, all at the same addresses, for whatever it is asked. */
export class LyingDht {
  readonly #node: Libp2p
  asked = 0

  private constructor(node: Libp2p) {
    this.#node = node
  }

  static async start(
    prologue: Uint8Array,
    peers: number,
    addresses: readonly string[],
  ): Promise<LyingDht> {
    // A reader's own DHT answers nobody, so that this one can.
    const { node } = await createNode(
      { peerKey: createPeerKey(), prologue, logger: silentLogger },
      { role: 'reader', listen: ['/ip4/127.0.0.1/tcp/0'] },
    )
    const lying = new LyingDht(node)
    const bytes = addresses.map((address) => multiaddr(address).bytes)
    const named = Array.from({ length: peers }, () => {
      const id = Buffer.from(decodeBase58(createPeerKey().peerId)!)
      return Buffer.concat([field(PEER_ID, id), ...bytes.map((each) => field(PEER_ADDRESS, each))])
    })
    await node.start()
    await node.handle(DHT_PROTOCOL, async (stream) => {
      await lying.#answer(new Libp2pByteStream(stream, () => {}), named)
    })
    return lying
  }

  async dial(addresses: readonly string[]): Promise<void> {
    await this.#node.dial(addresses.map((address) => multiaddr(address)))
  }

  async stop(): Promise<void> {
    await this.#node.stop()
  }

  async #answer(stream: Libp2pByteStream, named: readonly Buffer[]): Promise<void> {
    let read = Buffer.alloc(0)
    for await (const piece of stream.source) {
      read = Buffer.concat([read, piece])
      const length = readVarint(read, 0)
      if (length === undefined || read.length < length.end + length.value) continue
      const message = read.subarray(length.end, length.end + length.value)
      read = read.subarray(length.end + length.value)
      this.asked += 1
      const answer = Buffer.concat([
        ...sameFields(message),
        ...named.map((peer) => field(CLOSER_PEERS, peer)),
        ...named.map((peer) => field(PROVIDER_PEERS, peer)),
      ])
      await stream.write(Buffer.concat([varint(answer.length), answer]))
    }
  }
}

/** The type and the key of a question, which its answer repeats. */
function sameFields(message: Buffer): Buffer[] {
  const same: Buffer[] = []
  for (let at = 0; at < message.length;) {
    const tag = readVarint(message, at)
    const value = tag && readVarint(message, tag.end)
    if (tag === undefined || value === undefined) return same
    const number = tag.value >> 3
    const end = (tag.value & 7) === 2 ? value.end + value.value : value.end
    if (number === TYPE || number === KEY) same.push(message.subarray(at, end))
    at = end
  }
  return same
}

function field(number: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  return Buffer.from([...bytes, rest])
}

function readVarint(bytes: Buffer, from: number): { value: number; end: number } | undefined {
  let value = 0
  for (let at = from; at < bytes.length && at - from < 5; at += 1) {
    value += (bytes[at]! & 0x7f) * 2 ** (7 * (at - from))
    if (bytes[at]! < 0x80) return { value, end: at + 1 }
  }
  return undefined
}
