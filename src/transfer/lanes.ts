import { abortable, withDeadline } from '../async/deadline.ts'
import type { ByteStream } from '../core/byte-stream.ts'
import { isDigest } from '../core/digest.ts'
import { SwarmCacheError, errorMessage, isSwarmCacheError } from '../core/errors.ts'
import { publish } from '../core/events.ts'
import type { Logger } from '../core/logger.ts'
import { MessageStream } from '../core/message.ts'
import type { PeerId } from '../core/peer.ts'
import type { SocketByteStream } from '../core/socket-byte-stream.ts'
import type { StreamHandler, Swarm } from '../swarm/swarm.ts'
import { createLaneCertificate } from './lane-certificate.ts'
import type { LaneCertificate } from './lane-certificate.ts'
import { MAX_OFFERED_HOSTS, parseLaneOffer } from './lane-offer.ts'
import type { LaneOffer } from './lane-offer.ts'
import { dialLane, listenForLanes } from './lane-socket.ts'
import type { LaneListener } from './lane-socket.ts'
import { LaneTickets } from './lane-tickets.ts'
import type { TicketGrant } from './lane-tickets.ts'
import { RecentFailures } from './recent-failures.ts'
import type { PeerChoice } from './transfer.ts'

/** Arranges lanes over the authenticated connection of two peers. */
const LANE_PROTOCOL = '/swarmcache/lane/1'

const LIMITS = { headerBytes: 4096, bodyBytes: 0 }
// Arranging takes one round trip and one or two dials.
const ARRANGE_MS = 4_000
// An asker wishes for an offer and then, perhaps, to be dialled back.
const MAX_WISHES = 4
// Hosts that a peer names are dialled for so many of its lanes at once.
const MAX_DIAL_BACKS = 8
// Each lane is a TLS connection with some 100 KiB of buffers.
const MAX_LANES = 256

/** What lanes are built on. */
export interface LanesParts {
  readonly swarm: Swarm
  /** Answers the conversations on lanes that others opened. */
  readonly serve: StreamHandler
  readonly peers: Pick<PeerChoice, 'failed'>
  readonly logger: Logger
  /** Ends a lane that nobody uses, where there are too many; false if all are in use. */
  readonly makeRoom: () => boolean
}

/** Where lanes are accepted. */
export interface LanesOptions {
  /** The host to listen on; undefined accepts none, and every lane is dialled from here. */
  readonly listenHost?: string
}

/**
 * Direct TLS 1.3 connections for bulk bytes between peers that are connected already.
 *
 * Each side learns the other's certificate fingerprint, and the dialling one a one-time ticket, over the
 * libp2p connection that has proved their peer ids; nothing else is accepted. If the peer cannot be dialled
 * it is asked to dial back.
 */
export class Lanes {
  readonly #swarm: Swarm
  readonly #serve: StreamHandler
  readonly #peers: Pick<PeerChoice, 'failed'>
  readonly #logger: Logger
  readonly #makeRoom: () => boolean
  readonly #listenHost: string | undefined
  readonly #tickets = new LaneTickets()
  readonly #expected = new Map<string, (stream: ByteStream) => void>()
  /** Peers to which no lane could be had, and which could not be dialled back. */
  readonly #unreached = new RecentFailures()
  readonly #undialled = new RecentFailures()
  readonly #diallingBack = new Map<PeerId, number>()
  readonly #open = new Map<ByteStream, PeerId>()
  #certificate: LaneCertificate | undefined
  #listener: LaneListener | undefined
  #stopListening: (() => void) | undefined

  constructor(parts: LanesParts, options: LanesOptions) {
    this.#swarm = parts.swarm
    this.#serve = parts.serve
    this.#peers = parts.peers
    this.#logger = parts.logger
    this.#makeRoom = parts.makeRoom
    this.#listenHost = options.listenHost
  }

  /** Listens, and answers peers that want a lane; before the swarm starts. */
  async start(): Promise<void> {
    this.#certificate = createLaneCertificate()
    this.#swarm.handle(LANE_PROTOCOL, async (stream, peerId) => await this.#answer(stream, peerId))
    this.#stopListening = this.#swarm.listen({ banned: (peerId) => this.#cut(peerId) })
    if (this.#listenHost === undefined) return
    try {
      this.#listener = await this.#listen(this.#certificate, this.#listenHost)
    } catch (error) {
      // Lanes are still dialled from here, and streams need none.
      this.#logger.log('warning', 'No lanes can be accepted.', { reason: errorMessage(error) })
    }
  }

  async #listen(certificate: LaneCertificate, host: string): Promise<LaneListener> {
    return await listenForLanes<TicketGrant & { ticket: string }>(
      certificate,
      host,
      (ticket, fingerprint) => {
        if (this.#open.size >= MAX_LANES && !this.#makeRoom()) return undefined
        const grant = this.#tickets.redeem(ticket, fingerprint)
        return grant && { ...grant, ticket }
      },
      (stream, grant) => this.#accepted(stream, grant),
      (address, reason) => publish('peer:refused', { address, reason: `lane: ${reason}` }),
    )
  }

  /** Ends every lane. */
  stop(): void {
    this.#listener?.close()
    this.#stopListening?.()
    for (const stream of this.#open.keys()) stream.abort()
  }

  /** True for a lane that has not ended. */
  has(stream: ByteStream): boolean {
    return this.#open.has(stream)
  }

  #cut(banned: PeerId): void {
    for (const [stream, peerId] of this.#open) if (peerId === banned) stream.abort()
  }

  /**
   * A new lane to a connected peer.
   *
   * @throws ERR_PEER if none can be had, now or since a minute.
   */
  async open(peerId: PeerId, options: { readonly signal?: AbortSignal } = {}): Promise<ByteStream> {
    if (this.#unreached.has(peerId)) {
      throw noLane(peerId, 'the last try failed')
    }
    try {
      const what = `A lane to ${peerId}`
      const stream = await withDeadline(ARRANGE_MS, what, options.signal, (signal) =>
        this.#arrangeWith(peerId, signal),
      )
      this.#unreached.delete(peerId)
      return stream
    } catch (error) {
      options.signal?.throwIfAborted()
      this.#unreached.add(peerId)
      this.#logger.log('debug', `There is no lane to ${peerId}: ${errorMessage(error)}`)
      throw error
    }
  }

  async #arrangeWith(peerId: PeerId, signal: AbortSignal): Promise<ByteStream> {
    const talk = new MessageStream(
      await this.#swarm.open(peerId, LANE_PROTOCOL, { signal }),
      LIMITS,
    )
    try {
      const { fingerprint } = this.#ownCertificate()
      await talk.write({ want: 'offer', fingerprint })
      const offer = parseLaneOffer((await talk.read())?.header['offer'])
      if (offer !== undefined) {
        const stream = await this.#tryHosts(peerId, offer, signal)
        if (stream !== undefined) return stream
      }
      return await this.#askDialBack(talk, peerId, offer?.fingerprint, signal)
    } finally {
      talk.abort()
    }
  }

  async #tryHosts(
    peerId: PeerId,
    offer: LaneOffer,
    signal: AbortSignal,
  ): Promise<ByteStream | undefined> {
    for (const host of this.#hostsOf(peerId, offer)) {
      try {
        const stream = await dialLane(this.#ownCertificate(), { ...offer, host }, signal)
        return this.#track(stream, peerId)
      } catch (error) {
        signal.throwIfAborted()
        this.#logger.log('debug', `No lane at ${host}: ${errorMessage(error)}`)
      }
    }
    return undefined
  }

  /** The host that the peer is connected from; what it names itself only behind a relay. */
  #hostsOf(peerId: PeerId, offer: LaneOffer): readonly string[] {
    if (offer.port === 0) return []
    const peer = this.#swarm.peers().find((candidate) => candidate.peerId === peerId)
    if (peer === undefined) return []
    return peer.relayed ? offer.hosts.slice(0, MAX_OFFERED_HOSTS) : hostOf(peer.address)
  }

  async #askDialBack(
    talk: MessageStream,
    peerId: PeerId,
    fingerprint: string | undefined,
    signal: AbortSignal,
  ): Promise<ByteStream> {
    if (this.#listener === undefined || fingerprint === undefined) {
      throw noLane(peerId, 'neither side can reach the other')
    }
    const ticket = this.#tickets.issue({ peerId, fingerprint, expected: true })
    const arrived = Promise.withResolvers<ByteStream>()
    this.#expected.set(ticket, arrived.resolve)
    try {
      await talk.write({ want: 'dial-back', offer: this.#offer(ticket) })
      const refused = talk.read().then((answer) => {
        if (answer?.header['dialled'] === true) return arrived.promise
        throw noLane(peerId, 'neither side can reach the other')
      })
      return await abortable(Promise.race([arrived.promise, refused]), signal)
    } finally {
      this.#expected.delete(ticket)
      this.#tickets.revoke(ticket)
    }
  }

  async #answer(stream: ByteStream, peerId: PeerId): Promise<void> {
    try {
      await this.#arrange(new MessageStream(stream, LIMITS), peerId)
    } catch (error) {
      if (isSwarmCacheError(error, 'ERR_FRAME')) {
        this.#peers.failed(peerId, errorMessage(error), true)
      }
      throw error
    }
  }

  /** The answering side of an arrangement. */
  async #arrange(talk: MessageStream, peerId: PeerId): Promise<void> {
    await withDeadline(ARRANGE_MS, 'Arranging a lane', undefined, async (signal) => {
      for (let asked = 0; asked < MAX_WISHES; asked += 1) {
        const message = await talk.read()
        if (message === undefined) return
        const { want, fingerprint, offer } = message.header
        if (want === 'offer' && isDigest(fingerprint)) {
          await talk.write({ offer: this.#offerTo(peerId, fingerprint) })
          continue
        }
        const parsed = want === 'dial-back' ? parseLaneOffer(offer) : undefined
        if (parsed === undefined) {
          throw new SwarmCacheError('ERR_FRAME', 'A peer asked for a lane in a malformed way.')
        }
        const lane = await this.#dialBack(peerId, parsed, signal)
        // The peer hangs up as soon as the lane has arrived, so nothing may depend on the answer's going out.
        if (lane !== undefined) void this.#serveLane(lane, peerId)
        await talk.write({ dialled: lane !== undefined })
      }
    })
  }

  /** Whoever can have us dial hosts that it names could have us dial strangers: after a failure not for a while. */
  async #dialBack(
    peerId: PeerId,
    offer: LaneOffer,
    signal: AbortSignal,
  ): Promise<ByteStream | undefined> {
    const running = this.#diallingBack.get(peerId) ?? 0
    if (running >= MAX_DIAL_BACKS || this.#undialled.has(peerId)) return undefined
    this.#diallingBack.set(peerId, running + 1)
    try {
      const lane = await this.#tryHosts(peerId, offer, signal)
      if (lane === undefined) this.#undialled.add(peerId)
      return lane
    } finally {
      const left = (this.#diallingBack.get(peerId) ?? 1) - 1
      if (left === 0) this.#diallingBack.delete(peerId)
      else this.#diallingBack.set(peerId, left)
    }
  }

  #offerTo(peerId: PeerId, fingerprint: string): LaneOffer {
    return this.#listener === undefined
      ? this.#offer('')
      : this.#offer(this.#tickets.issue({ peerId, fingerprint, expected: false }))
  }

  #offer(ticket: string): LaneOffer {
    const hosts = this.#swarm.addresses().flatMap((address) => hostOf(address))
    return {
      hosts: [...new Set(hosts)].slice(0, MAX_OFFERED_HOSTS),
      port: this.#listener?.port ?? 0,
      fingerprint: this.#ownCertificate().fingerprint,
      ticket,
    }
  }

  #accepted(stream: SocketByteStream, grant: TicketGrant & { ticket: string }): void {
    if (!grant.expected) {
      void this.#serveLane(this.#track(stream, grant.peerId), grant.peerId)
      return
    }
    const deliver = this.#expected.get(grant.ticket)
    if (deliver === undefined) stream.abort()
    else deliver(this.#track(stream, grant.peerId))
  }

  async #serveLane(stream: ByteStream, peerId: PeerId): Promise<void> {
    try {
      await this.#serve(stream, peerId)
    } catch (error) {
      this.#logger.log('debug', `A lane to ${peerId} ended: ${errorMessage(error)}`)
    } finally {
      stream.abort()
    }
  }

  /** Counts a lane until it is ended by either side. */
  #track(stream: SocketByteStream, peerId: PeerId): ByteStream {
    this.#open.set(stream, peerId)
    stream.onClosed(() => this.#open.delete(stream))
    return stream
  }

  #ownCertificate(): LaneCertificate {
    if (this.#certificate === undefined) {
      throw new SwarmCacheError('ERR_CLOSED', 'Lanes have not been started.')
    }
    return this.#certificate
  }
}

/** The host of a direct multiaddr, or nothing for a relayed one. */
function hostOf(address: string): string[] {
  if (address.includes('/p2p-circuit')) return []
  const [, , host] = address.split('/')
  return host === undefined || host === '' ? [] : [host]
}

function noLane(peerId: PeerId, why: string): SwarmCacheError {
  return new SwarmCacheError('ERR_PEER', `There is no lane to ${peerId}: ${why}.`, {
    facts: { peerId },
  })
}
