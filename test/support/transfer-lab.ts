import type { TestContext } from 'node:test'
import type { Frame, SourcedFrame } from '../../src/core/chunk.ts'
import type { Digest } from '../../src/core/digest.ts'
import { silentLogger } from '../../src/core/logger.ts'
import type { PeerId, PeerOutcome } from '../../src/core/peer.ts'
import { MemoryNetwork } from '../../src/swarm/memory-network.ts'
import { MemorySwarm } from '../../src/swarm/memory-swarm.ts'
import type { StreamHandler } from '../../src/swarm/swarm.ts'
import { SwarmTransfer } from '../../src/transfer/swarm-transfer.ts'
import type { SwarmTransferOptions } from '../../src/transfer/swarm-transfer.ts'
import type { ChunkSupply, PeerChoice } from '../../src/transfer/transfer.ts'
import { TRANSFER_PROTOCOL } from '../../src/transfer/transfer-wire.ts'

/** Peers as a test wants them ranked and named, with a record of what was said of them. */
export class RecordedChoice implements PeerChoice {
  /** Peers that the search names, when `named` is called. */
  readonly #named: PeerId[] = []
  readonly failures: { peerId: PeerId; reason: string; misbehaved: boolean }[] = []
  readonly outcomes: Map<PeerId, PeerOutcome> = new Map()
  onFailed: () => void = () => {}
  #pardoned = 0

  /** Makes every peer that failed so far usable again. */
  pardon(): void {
    this.#pardoned = this.failures.length
  }

  name(...peerIds: PeerId[]): void {
    this.#named.push(...peerIds)
  }

  async *holders(_manifest: Digest): AsyncGenerator<PeerId> {
    yield* this.#named.filter((peerId) => this.isUsable(peerId))
  }

  rank(peers: Iterable<PeerId>): PeerId[] {
    return [...new Set(peers)].filter((peerId) => this.isUsable(peerId))
  }

  isUsable(peerId: PeerId): boolean {
    return !this.failures.slice(this.#pardoned).some((failure) => failure.peerId === peerId)
  }

  succeeded(peerId: PeerId, outcome: PeerOutcome): void {
    this.outcomes.set(peerId, outcome)
  }

  failed(peerId: PeerId, reason: string, misbehaved = false): void {
    this.failures.push({ peerId, reason, misbehaved })
    this.onFailed()
  }
}

/** Transfers on one network in memory, each connected to all that came before it. */
export class TransferLab {
  readonly network: MemoryNetwork = new MemoryNetwork()
  readonly #swarms: MemorySwarm[] = []
  readonly #t: TestContext

  constructor(t: TestContext) {
    this.#t = t
  }

  async add(
    supply: ChunkSupply,
    options: SwarmTransferOptions = {},
    connect = true,
    verify?: (frame: Frame) => Promise<unknown>,
  ): Promise<{
    transfer: SwarmTransfer
    swarm: MemorySwarm
    peerId: PeerId
    peers: RecordedChoice
  }> {
    const swarm = new MemorySwarm({ network: this.network })
    const peers = new RecordedChoice()
    const parts = { swarm, supply, peers, logger: silentLogger, verify }
    const transfer = new SwarmTransfer(parts, options)
    await transfer.start()
    await this.#join(swarm, connect)
    this.#t.after(() => transfer.stop())
    return { transfer, swarm, peerId: swarm.peerId, peers }
  }

  /** A node that answers requests for chunks in its own way. */
  async addRaw(handler: StreamHandler): Promise<MemorySwarm> {
    const swarm = new MemorySwarm({ network: this.network })
    swarm.handle(TRANSFER_PROTOCOL, handler)
    await this.#join(swarm, true)
    return swarm
  }

  async #join(swarm: MemorySwarm, connect: boolean): Promise<void> {
    await swarm.start()
    this.#t.after(() => swarm.stop())
    if (!connect) return
    for (const other of this.#swarms) await swarm.dial(other.peerId, other.addresses())
    this.#swarms.push(swarm)
  }
}

/** How many frames came from each peer. */
export function countByPeer(frames: readonly SourcedFrame[]): Map<PeerId, number> {
  const counts = new Map<PeerId, number>()
  for (const { peer } of frames) counts.set(peer!, (counts.get(peer!) ?? 0) + 1)
  return counts
}
