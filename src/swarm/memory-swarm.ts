import { randomBytes } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { abortable, pause } from '../async/deadline.ts'
import type { ByteStream } from '../core/byte-stream.ts'
import type { Digest } from '../core/digest.ts'
import { SwarmCacheError } from '../core/errors.ts'
import { publish } from '../core/events.ts'
import type { PeerId } from '../core/peer.ts'
import { BannedPeers } from './banned-peers.ts'
import { memoryAddress } from './memory-network.ts'
import type { MemoryNetwork, MemoryNode } from './memory-network.ts'
import type { MemoryStream } from './memory-stream.ts'
import { bannedError } from './swarm-errors.ts'
import type { StreamHandler, Swarm, SwarmListener, SwarmOptions, SwarmPeer } from './swarm.ts'

/** What a node in memory needs. */
export interface MemorySwarmParts {
  readonly network: MemoryNetwork
  /** Made up if none is given. */
  readonly peerId?: PeerId
}

const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

/** A member of a swarm whose other members live in the same process. */
export class MemorySwarm implements Swarm {
  readonly peerId: PeerId
  readonly #network: MemoryNetwork
  readonly #node: MemoryNode
  readonly #peers = new Map<PeerId, SwarmPeer>()
  /** Peers whose addresses a dial or the DHT told. */
  readonly #known = new Set<PeerId>()
  readonly #banned = new BannedPeers()
  readonly #handlers = new Map<string, StreamHandler>()
  readonly #listeners = new Set<SwarmListener>()
  #started = false

  constructor(parts: MemorySwarmParts) {
    this.#network = parts.network
    this.peerId = parts.peerId ?? madeUpPeerId()
    this.#node = {
      peerId: this.peerId,
      refuses: (peerId) => this.#banned.has(peerId),
      accepts: (protocol) => this.#handlers.has(protocol),
      receive: (protocol, stream, from) => void this.#answer(protocol, stream, from),
      connected: (peer) => this.#connected(peer),
      disconnected: (peerId) => this.#disconnected(peerId),
    }
  }

  async start(options: SwarmOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    this.#started = true
    this.#network.join(this.#node)
    for (const listener of this.#listeners) listener.addressesChanged?.()
  }

  async stop(): Promise<void> {
    if (!this.#started) return
    this.#started = false
    this.#network.leave(this.#node)
  }

  addresses(): string[] {
    return this.#started ? [memoryAddress(this.peerId)] : []
  }

  peers(): SwarmPeer[] {
    return [...this.#peers.values()]
  }

  listen(listener: SwarmListener): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  async dial(
    peerId: PeerId,
    addresses: readonly string[],
    options: SwarmOptions = {},
  ): Promise<SwarmPeer> {
    options.signal?.throwIfAborted()
    await this.#travel(options.signal)
    const other = this.#network.node(peerId)
    if (!this.#started || other === undefined || !addresses.includes(memoryAddress(peerId))) {
      throw unreachable(peerId)
    }
    if (this.#banned.has(peerId)) throw bannedError(peerId)
    if (other.refuses(this.peerId)) throw unreachable(peerId)
    this.#network.connect(this.#node, other)
    return this.#peers.get(peerId)!
  }

  async disconnect(peerId: PeerId): Promise<void> {
    this.#network.cut(this.peerId, peerId)
  }

  ban(peerId: PeerId, milliseconds: number): void {
    this.#banned.ban(peerId, milliseconds)
    for (const listener of this.#listeners) listener.banned?.(peerId)
    this.#network.cut(this.peerId, peerId)
  }

  handle(protocol: string, handler: StreamHandler): void {
    this.#handlers.set(protocol, handler)
  }

  async open(peerId: PeerId, protocol: string, options: SwarmOptions = {}): Promise<ByteStream> {
    options.signal?.throwIfAborted()
    if (!this.#peers.has(peerId) && this.#known.has(peerId)) {
      await this.dial(peerId, [memoryAddress(peerId)], options)
    }
    const link = this.#network.link(this.peerId, peerId)
    if (link === undefined) throw unreachable(peerId)
    const flowing = link.flowing()
    await (options.signal === undefined ? flowing : abortable(flowing, options.signal))
    await this.#travel(options.signal)
    const other = this.#network.node(peerId)
    if (other === undefined || this.#network.link(this.peerId, peerId) !== link) {
      throw unreachable(peerId)
    }
    if (!other.accepts(protocol)) {
      throw new SwarmCacheError('ERR_PEER', `The peer ${peerId} does not speak ${protocol}.`)
    }
    const [here, there] = link.openStream()
    other.receive(protocol, there, this.peerId)
    return here
  }

  async provide(digest: Digest, options: SwarmOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    await this.#travel(options.signal)
    this.#network.addProvider(digest, this.peerId)
  }

  async withdraw(digest: Digest): Promise<void> {
    this.#network.removeProvider(digest, this.peerId)
  }

  async *findProviders(digest: Digest, options: SwarmOptions = {}): AsyncGenerator<PeerId> {
    options.signal?.throwIfAborted()
    await this.#travel(options.signal)
    for (const peerId of this.#network.providers(digest)) {
      if (peerId === this.peerId) continue
      this.#known.add(peerId)
      yield peerId
    }
  }

  /** There and back once, as a question over a real connection takes. */
  async #travel(signal: AbortSignal | undefined): Promise<void> {
    const { latencyMs } = this.#network
    if (latencyMs > 0) await pause(latencyMs * 2, signal)
    else await nextTurn()
    signal?.throwIfAborted()
  }

  async #answer(protocol: string, stream: MemoryStream, from: PeerId): Promise<void> {
    const link = this.#network.link(this.peerId, from)
    try {
      await this.#handlers.get(protocol)?.(stream, from)
      stream.finish()
    } catch (error) {
      stream.abort(error instanceof Error ? error : undefined)
    } finally {
      link?.forget(stream)
    }
  }

  #connected(peer: SwarmPeer): void {
    this.#peers.set(peer.peerId, peer)
    this.#known.add(peer.peerId)
    publish('peer:connected', { peerId: peer.peerId })
    for (const listener of this.#listeners) listener.connected?.(peer)
  }

  #disconnected(peerId: PeerId): void {
    if (!this.#peers.delete(peerId)) return
    publish('peer:disconnected', { peerId })
    for (const listener of this.#listeners) listener.disconnected?.(peerId)
  }
}

function madeUpPeerId(): PeerId {
  let text = '12D3Koo'
  for (const byte of randomBytes(45)) text += BASE58[byte % BASE58.length]
  return text
}

function unreachable(peerId: PeerId): SwarmCacheError {
  return new SwarmCacheError(
    'ERR_PEER',
    `The peer ${peerId} cannot be reached: it is not connected, and none of its known addresses answers.`,
    { facts: { peerId } },
  )
}
