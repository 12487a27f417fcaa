import type { Digest } from '../core/digest.ts'
import type { PeerId } from '../core/peer.ts'
import type { SwarmPeer } from './swarm.ts'
import { createStreamPair } from './memory-stream.ts'
import type { MemoryCarrier, MemoryStream } from './memory-stream.ts'

/** Tunables of a network. */
export interface MemoryNetworkOptions {
  /** One way, for every byte; none by default. */
  readonly latencyMs?: number
}

/** What a node shows to the network that it is part of. */
export interface MemoryNode {
  readonly peerId: PeerId
  /** True for a peer that it has banned. */
  refuses(peerId: PeerId): boolean
  accepts(protocol: string): boolean
  receive(protocol: string, stream: MemoryStream, from: PeerId): void
  connected(peer: SwarmPeer): void
  disconnected(peerId: PeerId): void
}

/** The connection of two nodes; stalling it holds bytes back without any sign of it. */
export class MemoryLink implements MemoryCarrier {
  readonly latencyMs: number
  readonly since: number = Date.now()
  /** The answering end of each conversation; dropping one end drops both. */
  readonly #streams = new Set<MemoryStream>()
  #stalled: { promise: Promise<void>; resolve: () => void } | undefined

  constructor(latencyMs: number) {
    this.latencyMs = latencyMs
  }

  async flowing(): Promise<void> {
    while (this.#stalled !== undefined) await this.#stalled.promise
  }

  stall(): void {
    this.#stalled ??= Promise.withResolvers<void>()
  }

  release(): void {
    this.#stalled?.resolve()
    this.#stalled = undefined
  }

  /** The opener's end and the answerer's end of a new conversation. */
  openStream(): [MemoryStream, MemoryStream] {
    const [here, there] = createStreamPair(this)
    this.#streams.add(there)
    return [here, there]
  }

  forget(stream: MemoryStream): void {
    this.#streams.delete(stream)
  }

  close(): void {
    for (const stream of this.#streams) stream.drop()
    this.#streams.clear()
    this.release()
  }
}

/** Nodes of this process that can reach each other, with faults on request. */
export class MemoryNetwork {
  readonly latencyMs: number
  readonly #nodes = new Map<PeerId, MemoryNode>()
  readonly #links = new Map<string, MemoryLink>()
  readonly #providers = new Map<Digest, Set<PeerId>>()

  constructor(options: MemoryNetworkOptions = {}) {
    this.latencyMs = options.latencyMs ?? 0
  }

  /** Ends the connection of two nodes as a lost process would: every conversation just ends. */
  cut(a: PeerId, b: PeerId): void {
    const link = this.#links.get(linkName(a, b))
    if (link === undefined) return
    this.#links.delete(linkName(a, b))
    link.close()
    this.#nodes.get(a)?.disconnected(b)
    this.#nodes.get(b)?.disconnected(a)
  }

  /** Holds back every byte between two connected nodes until `release` or `cut`. */
  stall(a: PeerId, b: PeerId): void {
    this.#links.get(linkName(a, b))?.stall()
  }

  release(a: PeerId, b: PeerId): void {
    this.#links.get(linkName(a, b))?.release()
  }

  /** Makes a started node reachable. */
  join(node: MemoryNode): void {
    this.#nodes.set(node.peerId, node)
  }

  leave(node: MemoryNode): void {
    for (const peerId of this.#nodes.keys()) this.cut(node.peerId, peerId)
    this.#nodes.delete(node.peerId)
    for (const providers of this.#providers.values()) providers.delete(node.peerId)
  }

  node(peerId: PeerId): MemoryNode | undefined {
    return this.#nodes.get(peerId)
  }

  link(a: PeerId, b: PeerId): MemoryLink | undefined {
    return this.#links.get(linkName(a, b))
  }

  /** Connects two started nodes, if they are not connected already, and tells both. */
  connect(a: MemoryNode, b: MemoryNode): MemoryLink {
    const existing = this.link(a.peerId, b.peerId)
    if (existing !== undefined) return existing
    const link = new MemoryLink(this.latencyMs)
    this.#links.set(linkName(a.peerId, b.peerId), link)
    a.connected(peerOf(b.peerId, link))
    b.connected(peerOf(a.peerId, link))
    return link
  }

  addProvider(digest: Digest, peerId: PeerId): void {
    const providers = this.#providers.get(digest) ?? new Set()
    providers.add(peerId)
    this.#providers.set(digest, providers)
  }

  removeProvider(digest: Digest, peerId: PeerId): void {
    this.#providers.get(digest)?.delete(peerId)
  }

  providers(digest: Digest): PeerId[] {
    return [...(this.#providers.get(digest) ?? [])]
  }
}

/** The address of a node of this process. */
export function memoryAddress(peerId: PeerId): string {
  return `/memory/${peerId}/p2p/${peerId}`
}

function peerOf(peerId: PeerId, link: MemoryLink): SwarmPeer {
  return { peerId, address: memoryAddress(peerId), relayed: false, since: link.since }
}

function linkName(a: PeerId, b: PeerId): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`
}
