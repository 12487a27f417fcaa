import type { Connection, PeerId as Libp2pPeerId, Stream } from '@libp2p/interface'
import { abortable, withDeadline } from '../async/deadline.ts'
import type { ByteStream } from '../core/byte-stream.ts'
import type { Digest } from '../core/digest.ts'
import { errorMessage, isSwarmCacheError, SwarmCacheError } from '../core/errors.ts'
import { publish } from '../core/events.ts'
import { MAX_PEER_ADDRESSES } from '../core/peer.ts'
import type { PeerId } from '../core/peer.ts'
import { Libp2pByteStream } from './libp2p-byte-stream.ts'
import { createNode } from './libp2p-node.ts'
import type { NodeOptions, NodeParts, SwarmNode } from './libp2p-node.ts'
import {
  DIAL_TIMEOUT_MS,
  MAX_STREAMS_PER_PROTOCOL,
  OPEN_TIMEOUT_MS,
  STOP_TIMEOUT_MS,
} from './libp2p-settings.ts'
import { bannedError, dialError, openError, startError } from './swarm-errors.ts'
import { dialTarget, peerOf, peersOf } from './swarm-peers.ts'
import type { StreamHandler, Swarm, SwarmListener, SwarmOptions, SwarmPeer } from './swarm.ts'
import type { TokenProofs } from './token-proofs.ts'
import { RENEWAL_PROTOCOL, TokenRenewal } from './token-renewal.ts'

// Each asks the other once in a few minutes.
const RENEWAL_STREAM_OPTIONS = {
  runOnLimitedConnection: true,
  maxInboundStreams: 2,
  maxOutboundStreams: 2,
}
// Relayed connections serve every protocol of ours: where the relay has no limits, libp2p need not hold back.
const STREAM_OPTIONS = {
  runOnLimitedConnection: true,
  maxInboundStreams: MAX_STREAMS_PER_PROTOCOL,
  maxOutboundStreams: MAX_STREAMS_PER_PROTOCOL,
}

/** The swarm over libp2p: TCP, Noise among members only, yamux, kad-dht, circuit relays at seeders. */
export class Libp2pSwarm implements Swarm {
  readonly peerId: PeerId
  readonly #parts: NodeParts
  readonly #options: NodeOptions
  readonly #handlers = new Map<string, StreamHandler>()
  readonly #listeners = new Set<SwarmListener>()
  readonly #streams = new Set<Libp2pByteStream>()
  #running: SwarmNode | undefined
  #renewal: TokenRenewal | undefined
  #wanted = false
  #lastAddresses = ''

  constructor(parts: NodeParts, options: NodeOptions) {
    this.peerId = parts.peerKey.peerId
    this.#parts = parts
    this.#options = options
  }

  async start(options: SwarmOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    this.#wanted = true
    const running = await createNode(this.#parts, this.#options)
    const { node } = running
    for (const [protocol, handler] of this.#handlers) {
      const onStream = (stream: Stream, connection: Connection): Promise<void> =>
        this.#answer(handler, stream, connection)
      await node.handle(protocol, onStream, STREAM_OPTIONS)
    }
    // It may have been on its way in when its peer was banned.
    node.addEventListener('connection:open', ({ detail: { remotePeer } }) => {
      if (running.banned.has(remotePeer.toString())) this.#cut(remotePeer.toString())
    })
    node.addEventListener('peer:connect', ({ detail }) => this.#connected(detail))
    node.addEventListener('peer:disconnect', ({ detail }) => this.#disconnected(detail))
    node.addEventListener('transport:listening', () => this.#checkAddresses())
    node.addEventListener('transport:close', () => this.#checkAddresses())
    node.addEventListener('self:peer:update', () => this.#checkAddresses())
    if (this.#parts.tokens !== undefined) {
      const renewal = this.#createRenewal(this.#parts.tokens, running)
      await node.handle(
        RENEWAL_PROTOCOL,
        (stream, connection) => this.#answer((bytes) => renewal.answer(bytes), stream, connection),
        RENEWAL_STREAM_OPTIONS,
      )
      this.#renewal = renewal
    }
    this.#running = running
    try {
      this.#assertWanted()
      await node.start()
      this.#assertWanted()
      options.signal?.throwIfAborted()
    } catch (error) {
      await this.stop()
      options.signal?.throwIfAborted()
      throw startError(this.#options.listen, error)
    }
    this.#checkAddresses()
  }

  async stop(): Promise<void> {
    this.#wanted = false
    const running = this.#running
    // A node that is still starting ignores a stop: `start` undoes itself.
    if (running === undefined || running.node.status === 'starting') return
    this.#running = undefined
    this.#renewal?.stop()
    // Closed politely, a half-sent answer would look complete to the one who reads it.
    for (const stream of this.#streams) stream.abort()
    running.dht.stop()
    const { node } = running
    try {
      await withDeadline(STOP_TIMEOUT_MS, 'Leaving the swarm', undefined, async () => node.stop())
    } catch (error) {
      for (const connection of node.getConnections()) connection.abort(error as Error)
      this.#parts.logger.log('debug', 'Connections were cut.', { reason: errorMessage(error) })
    }
    running.release()
  }

  addresses(): string[] {
    const addresses = this.#running?.node.getMultiaddrs().map(String) ?? []
    return addresses.slice(0, MAX_PEER_ADDRESSES)
  }

  peers(): SwarmPeer[] {
    const running = this.#running
    if (running === undefined) return []
    return peersOf(running.node.getConnections()).map((peer) => this.#withAttestation(peer))
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
    const running = this.#started()
    const connected = this.#peer(peerId)
    if (connected !== undefined) return connected
    if (running.banned.has(peerId)) throw bannedError(peerId)
    const target = dialTarget(running, peerId, addresses)
    try {
      const connection = await withDeadline(
        DIAL_TIMEOUT_MS,
        `Connecting to the peer ${peerId}`,
        options.signal,
        (signal) => running.node.dial(target, { signal }),
      )
      return this.#peer(peerId) ?? this.#withAttestation(peerOf(connection))
    } catch (error) {
      options.signal?.throwIfAborted()
      if (isSwarmCacheError(error)) throw error
      throw dialError(peerId, addresses, error)
    }
  }

  async disconnect(peerId: PeerId): Promise<void> {
    const running = this.#running
    if (running === undefined) return
    await running.node.hangUp(running.peerIdFromString(peerId), {
      signal: AbortSignal.timeout(STOP_TIMEOUT_MS),
    })
  }

  ban(peerId: PeerId, milliseconds: number): void {
    const running = this.#running
    if (running === undefined) return
    running.banned.ban(peerId, milliseconds)
    for (const listener of this.#listeners) listener.banned?.(peerId)
    this.#cut(peerId)
  }

  handle(protocol: string, handler: StreamHandler): void {
    this.#handlers.set(protocol, handler)
  }

  async open(peerId: PeerId, protocol: string, options: SwarmOptions = {}): Promise<ByteStream> {
    options.signal?.throwIfAborted()
    const { node, banned, peerIdFromString } = this.#started()
    if (banned.has(peerId)) throw bannedError(peerId)
    try {
      const stream = await withDeadline(
        OPEN_TIMEOUT_MS,
        `Opening a conversation with the peer ${peerId}`,
        options.signal,
        async (signal) => {
          const opening = node.dialProtocol(peerIdFromString(peerId), protocol, {
            ...STREAM_OPTIONS,
            signal,
          })
          // One that opens after its caller has gone would stay open for nobody.
          void opening.then(
            (late) => signal.aborted && late.abort(new Error('too late')),
            () => {},
          )
          return await abortable(opening, signal)
        },
      )
      return this.#track(stream)
    } catch (error) {
      options.signal?.throwIfAborted()
      if (isSwarmCacheError(error)) throw error
      throw openError(peerId, protocol, error)
    }
  }

  async provide(digest: Digest, options?: SwarmOptions): Promise<void> {
    await this.#started().dht.provide(digest, options)
  }

  async withdraw(digest: Digest): Promise<void> {
    await this.#running?.dht.withdraw(digest)
  }

  async *findProviders(digest: Digest, options?: SwarmOptions): AsyncGenerator<PeerId> {
    yield* this.#started().dht.findProviders(digest, options)
  }

  async #answer(handler: StreamHandler, stream: Stream, connection: Connection): Promise<void> {
    const bytes = this.#track(stream)
    try {
      await handler(bytes, connection.remotePeer.toString())
      await bytes.finish()
    } catch (error) {
      bytes.abort(error instanceof Error ? error : undefined)
    }
  }

  #track(stream: Stream): Libp2pByteStream {
    const bytes = new Libp2pByteStream(stream, () => this.#streams.delete(bytes))
    this.#streams.add(bytes)
    return bytes
  }

  #createRenewal(tokens: TokenProofs, { attested }: SwarmNode): TokenRenewal {
    return new TokenRenewal({
      peerId: this.peerId,
      // Without a key, membership rests on the token alone.
      tokens: { ...tokens, required: tokens.required || this.#parts.prologue === undefined },
      attested,
      logger: this.#parts.logger,
      open: async (peerId, signal) => await this.open(peerId, RENEWAL_PROTOCOL, { signal }),
      disconnect: async (peerId) => await this.disconnect(peerId),
    })
  }

  #withAttestation(peer: SwarmPeer): SwarmPeer {
    const attestation = this.#running?.attested.of(peer.peerId)
    return attestation === undefined ? peer : { ...peer, attestation }
  }

  #assertWanted(): void {
    if (this.#wanted) return
    throw new SwarmCacheError('ERR_CLOSED', 'The node was stopped while it was starting.')
  }

  #started(): SwarmNode {
    if (this.#running !== undefined) return this.#running
    throw new SwarmCacheError('ERR_CLOSED', 'The node does not take part in its swarm.')
  }

  #peer(peerId: PeerId): SwarmPeer | undefined {
    return this.peers().find((peer) => peer.peerId === peerId)
  }

  #cut(peerId: PeerId): void {
    for (const connection of this.#running?.node.getConnections() ?? []) {
      if (connection.remotePeer.toString() === peerId) connection.abort(bannedError(peerId))
    }
  }

  #connected(id: Libp2pPeerId): void {
    const peer = this.#peer(id.toString())
    if (peer === undefined) return
    this.#renewal?.follow(peer.peerId)
    publish('peer:connected', { peerId: peer.peerId })
    for (const listener of this.#listeners) listener.connected?.(peer)
  }

  #disconnected(id: Libp2pPeerId): void {
    const peerId = id.toString()
    this.#renewal?.forget(peerId)
    publish('peer:disconnected', { peerId })
    for (const listener of this.#listeners) listener.disconnected?.(peerId)
  }

  #checkAddresses(): void {
    const now = this.addresses().join()
    if (now === this.#lastAddresses || this.#running === undefined) return
    this.#lastAddresses = now
    for (const listener of this.#listeners) listener.addressesChanged?.()
  }
}
