import { withDeadline } from '../async/deadline.ts'
import { encodePart } from '../core/archive-part.ts'
import type { ByteStream } from '../core/byte-stream.ts'
import type { Digest } from '../core/digest.ts'
import { SwarmCacheError, isSwarmCacheError } from '../core/errors.ts'
import { MessageStream } from '../core/message.ts'
import type { PeerId } from '../core/peer.ts'
import type { PeerView } from './lease.ts'
import type { Claim, Claimant, LeaseTable, NameState } from './lease-table.ts'
import { LEASE_LIMITS, PARTS_WAIT_MS, parseHolderMessage, parseRequest } from './lease-wire.ts'
import type { PartTable } from './part-table.ts'

/** What leading the lines of others needs. */
export interface LeaseServerParts {
  readonly table: LeaseTable
  readonly offered: PartTable
  /** What this peer knows of a name, led here or not. */
  readonly stateOf: (name: Digest) => NameState
  readonly peers: PeerView
  /** False for a peer that is not connected, whose turn cannot be kept for it. */
  readonly isPresent: (peerId: PeerId) => boolean
}

/** Bounds on what peers may hold here. */
export interface LeaseServerOptions {
  readonly maxStreams?: number
  readonly maxStreamsPerPeer?: number
}

// A few hundred bytes each; a large fleet whose jobs all want the same at once.
const MAX_STREAMS = 4096
// The jobs of one large host that share a node.
const MAX_STREAMS_PER_PEER = 128
const REQUEST_MS = 3000
// What was decided is sent within this, or the other side is not reading.
const SEND_MS = 2000
const STOP_MS = 500

/** Answers the conversations that peers open about turns. */
export class LeaseServer {
  readonly #parts: LeaseServerParts
  readonly #maxStreams: number
  readonly #maxStreamsPerPeer: number
  readonly #counts = new Map<PeerId, number>()
  readonly #streams = new Set<ByteStream>()
  readonly #claimants = new Set<RemoteClaimant>()
  #followedMs = -Infinity

  constructor(parts: LeaseServerParts, options: LeaseServerOptions = {}) {
    this.#parts = parts
    this.#maxStreams = options.maxStreams ?? MAX_STREAMS
    this.#maxStreamsPerPeer = options.maxStreamsPerPeer ?? MAX_STREAMS_PER_PEER
  }

  /** When a part was asked for last. */
  get followedMs(): number {
    return this.#followedMs
  }

  /** Answers one conversation, until the peer leaves it or all is said. */
  async answer(stream: ByteStream, peerId: PeerId): Promise<void> {
    const messages = new MessageStream(stream, LEASE_LIMITS)
    const count = this.#counts.get(peerId) ?? 0
    if (count >= this.#maxStreamsPerPeer || this.#streams.size >= this.#maxStreams) {
      await send(messages, { busy: true })
      return
    }
    this.#counts.set(peerId, count + 1)
    this.#streams.add(stream)
    try {
      await this.#converse(messages, peerId)
    } catch (error) {
      if (isSwarmCacheError(error, 'ERR_FRAME')) {
        this.#parts.peers.failed(peerId, error.message, true)
      }
      throw error
    } finally {
      this.#streams.delete(stream)
      const left = (this.#counts.get(peerId) ?? 1) - 1
      if (left === 0) this.#counts.delete(peerId)
      else this.#counts.set(peerId, left)
    }
  }

  /** Sends what was decided, and ends every conversation; whoever waits goes to the next leader. */
  async stop(): Promise<void> {
    const sent = Promise.all([...this.#claimants].map((claimant) => claimant.sent))
    await withDeadline(STOP_MS, 'Sending what was decided', undefined, () => sent).catch(() => {})
    const error = new SwarmCacheError('ERR_CLOSED', 'This node stops.')
    for (const stream of this.#streams) stream.abort(error)
  }

  async #converse(messages: MessageStream, peerId: PeerId): Promise<void> {
    const what = 'The question of a peer for a turn'
    const message = await withDeadline(REQUEST_MS, what, undefined, () => messages.read())
    if (message === undefined) return
    const request = parseRequest(message.header)
    if (request === undefined) throw malformed()
    if (request.ask === 'turn') {
      await this.#lead(messages, peerId, request.name, request.claim)
      return
    }
    if (request.ask === 'parts') {
      await this.#sendParts(messages, request.name, request.first)
      return
    }
    const { kind, ...rest } = this.#parts.stateOf(request.name)
    await send(messages, { state: kind, ...rest })
  }

  async #sendParts(messages: MessageStream, name: Digest, first: number): Promise<void> {
    this.#followedMs = performance.now()
    const parts = await this.#parts.offered.next(name, first, PARTS_WAIT_MS)
    for (const part of parts) {
      const { header, body } = encodePart(part)
      await send(messages, header, body)
    }
    await messages.closeWrite()
  }

  /** Keeps a peer's place until it goes, or nothing is left to say to it. */
  async #lead(messages: MessageStream, peerId: PeerId, name: Digest, claim: Claim): Promise<void> {
    const claimant = new RemoteClaimant(messages, peerId)
    const { holding, holder } = claim
    const kept = holder !== undefined && this.#parts.isPresent(holder) ? holder : undefined
    const place = this.#parts.table.join(name, claimant, { holding, holder: kept })
    if (place === undefined) {
      await send(messages, { busy: true })
      return
    }
    const listen = async (): Promise<void> => {
      for (;;) {
        const message = await messages.read()
        if (message === undefined) return
        const said = parseHolderMessage(message.header)
        if (said === undefined) throw malformed()
        if ('renew' in said) {
          place.renew(said.renew)
          claimant.note(place.others)
          continue
        }
        claimant.send({ noted: true, others: place.finish(said.finish) })
        return
      }
    }
    const listening = listen()
    this.#claimants.add(claimant)
    try {
      await Promise.race([listening, claimant.over])
    } finally {
      listening.catch(() => {})
      place.leave()
      await claimant.sent
      this.#claimants.delete(claimant)
    }
  }
}

/** A peer in a line, as the messages to it. */
class RemoteClaimant implements Claimant {
  readonly peerId: PeerId
  readonly #messages: MessageStream
  readonly #over = Promise.withResolvers<void>()
  #sending = 0
  #sent: Promise<void> = Promise.resolve()

  constructor(messages: MessageStream, peerId: PeerId) {
    this.peerId = peerId
    this.#messages = messages
  }

  /** Resolves once there is nothing more to say, or nobody takes it. */
  get over(): Promise<void> {
    return this.#over.promise
  }

  /** Resolves when what was said so far has been sent, or cannot be. */
  get sent(): Promise<void> {
    return this.#sent
  }

  waiting({ holder, progress }: { holder: PeerId; progress: number }): void {
    // One that does not read gets no more of these, and so they need no bound.
    if (this.#sending === 0) this.send({ waiting: progress, holder })
  }

  /** Tells a holder that it is heard, and for how many it works. */
  note(others: number): void {
    if (this.#sending === 0) this.send({ noted: true, others })
  }

  granted(others: number): void {
    this.send({ granted: true })
    if (others > 0) this.send({ noted: true, others })
  }

  joined(others: number): void {
    this.note(others)
  }

  done(by: PeerId): void {
    this.send({ done: by })
    this.#over.resolve()
  }

  lapsed(): void {
    this.send({ lapsed: true })
    this.#over.resolve()
  }

  send(header: Record<string, unknown>): void {
    this.#sending += 1
    this.#sent = this.#sent
      .then(() => send(this.#messages, header))
      .catch(() => this.#over.resolve())
      .finally(() => (this.#sending -= 1))
  }
}

async function send(
  messages: MessageStream,
  header: Record<string, unknown>,
  body?: Uint8Array,
): Promise<void> {
  await withDeadline(SEND_MS, 'An answer about a turn', undefined, () =>
    messages.write(header, body),
  )
}

function malformed(): SwarmCacheError {
  return new SwarmCacheError('ERR_FRAME', 'What a peer says about a turn is malformed.')
}
