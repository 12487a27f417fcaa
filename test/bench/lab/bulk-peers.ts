import { makeFrame } from '../../../src/core/chunk.ts'
import { digestOf } from '../../../src/core/digest.ts'
import { freeMemory } from '../../../src/core/free-memory.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { encodeManifest } from '../../../src/core/manifest.ts'
import type { ChunkRef } from '../../../src/core/manifest.ts'
import { createPeerKey, deriveSwarmKeys } from '../../../src/identity/identity.ts'
import { Libp2pSwarm } from '../../../src/swarm/libp2p-swarm.ts'
import type { TokenProofs } from '../../../src/swarm/token-proofs.ts'
import { SwarmTransfer } from '../../../src/transfer/swarm-transfer.ts'
import type { ChunkSupply, PeerChoice, Transfer } from '../../../src/transfer/transfer.ts'
import type { BulkSize, BulkTransport } from './bulk.ts'
import { RandomBytes } from './large-files.ts'

const HOST = '127.0.0.1'
// What content is cut into on average.
const CHUNK_BYTES = 128 * 1024

/** Chunks of one peer's memory fetched by another, every one verified, by the way that peers fetch them. */
export const bulkPeers: BulkTransport = {
  async send({ warmUpBytes, bytes }) {
    const frames = new Map<string, Uint8Array>()
    const { swarm } = await join(supplyOf(frames))
    const parts = [await makeChunks(1, warmUpBytes, frames), await makeChunks(2, bytes, frames)]
    return JSON.stringify({ peerId: swarm.peerId, addresses: swarm.addresses(), parts })
  },

  async receive(offer, { warmUpBytes, bytes }) {
    const { peerId, addresses, parts } = JSON.parse(offer) as {
      peerId: string
      addresses: string[]
      parts: [ChunkRef[], ChunkRef[]]
    }
    const { swarm, transfer } = await join(supplyOf(new Map()))
    await swarm.dial(peerId, addresses)
    await fetchAll(transfer, peerId, parts[0], warmUpBytes)
    const started = performance.now()
    await fetchAll(transfer, peerId, parts[1], bytes)
    const seconds = (performance.now() - started) / 1000
    await transfer.stop()
    await swarm.stop()
    return seconds
  },
}

/** Chunks in memory, as a peer supplies them to others. */
export function supplyOf(frames: ReadonlyMap<string, Uint8Array>): ChunkSupply {
  return {
    manifest: async () => undefined,
    frame: async (digest) => {
      const bytes = frames.get(digest)
      return bytes && { bytes }
    },
    has: async (digests) => digests.map((digest) => frames.has(digest)),
  }
}

/** Takes part in a swarm of loopback, by the key of the benchmark unless other proofs are given. */
export async function join(
  supply: ChunkSupply,
  proofs?: { readonly tokens: TokenProofs },
): Promise<{ swarm: Libp2pSwarm; transfer: Transfer }> {
  const { prologue } = deriveSwarmKeys('the swarm key of the benchmark', 'swarmcache/bench')
  const swarm = new Libp2pSwarm(
    { peerKey: createPeerKey(), logger: silentLogger, ...(proofs ?? { prologue }) },
    { role: 'runner', listen: [`/ip4/${HOST}/tcp/0`] },
  )
  const transfer = new SwarmTransfer(
    { swarm, supply, peers: EVERYBODY, logger: silentLogger },
    { lanes: { listenHost: HOST } },
  )
  await transfer.start()
  await swarm.start()
  return { swarm, transfer }
}

const EVERYBODY: PeerChoice = {
  async *holders() {},
  rank: (peers) => [...peers],
  isUsable: () => true,
  succeeded: () => {},
  failed: (peerId, reason) => console.error(`${peerId} failed: ${reason}`),
}

/** Random chunks, kept in `frames`. */
export async function makeChunks(
  seed: number,
  bytes: BulkSize['bytes'],
  frames: Map<string, Uint8Array>,
): Promise<ChunkRef[]> {
  const random = new RandomBytes(seed)
  const chunks: ChunkRef[] = []
  for (let offset = 0; offset < bytes; offset += CHUNK_BYTES) {
    const plain = random.next(CHUNK_BYTES)
    const chunk = { digest: digestOf(plain), bytes: plain.length }
    frames.set(chunk.digest, await makeFrame(plain))
    chunks.push(chunk)
  }
  return chunks
}

/** Fetches chunks from one peer. @throws Error if not all of them arrive. */
export async function fetchAll(
  transfer: Transfer,
  peerId: string,
  chunks: ChunkRef[],
  bytes: number,
): Promise<void> {
  const manifest = digestOf(encodeManifest({ catalog: [], content: chunks }))
  let received = 0
  for await (const frame of transfer.fetchChunks({ manifest, chunks, holders: [peerId] })) {
    received += frame.chunk.bytes
    if (frame.isOwned === true) freeMemory(frame.bytes)
  }
  if (received !== bytes) throw new Error(`${received} of ${bytes} bytes arrived`)
}
