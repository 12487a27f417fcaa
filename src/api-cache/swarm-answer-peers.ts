import { LRUCache } from 'lru-cache'
import { abortable, startDeadline, withDeadline } from '../async/deadline.ts'
import { Limit } from '../async/limit.ts'
import type { Digest } from '../core/digest.ts'
import { SwarmCacheError, errorMessage, isSwarmCacheError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { MessageStream } from '../core/message.ts'
import type { Message, MessageLimits } from '../core/message.ts'
import type { PeerId } from '../core/peer.ts'
import type { PeerView } from '../lease/lease.ts'
import type { Swarm } from '../swarm/swarm.ts'
import {
  ANSWERS_PROTOCOL,
  MAX_KNOWN,
  MAX_SCOPES,
  REPLY_LIMITS,
  SENT_LIMITS,
  questionHeader,
} from './answer-question.ts'
import type { AnswerQuestion } from './answer-question.ts'
import type { AnswerReaders } from './answer-readers.ts'
import { AnswerSearch } from './answer-search.ts'
import { AnswerServer } from './answer-server.ts'
import type { Answer, AnswerPeers, AnswerScope, AnswerShelf, FindOptions } from './api-cache.ts'
import { MAX_ANSWERS_PER_KEY } from './memory-shelf.ts'
import { QuotaNews } from './quota-news.ts'
import type { SharedQuotas } from './shared-quotas.ts'

/** What answers over a swarm work with. */
export interface SwarmAnswerPeersParts {
  readonly swarm: Swarm
  readonly peers: PeerView
  /** What this peer gives to the others, the quicker shelf first. */
  readonly shelves: readonly Pick<AnswerShelf, 'get'>[]
  readonly readers: AnswerReaders
  readonly quotas: SharedQuotas
  readonly logger: Logger
}

/** Tunables of answers over a swarm. */
export interface SwarmAnswerPeersOptions {
  /** owner/name, in lower case. */
  readonly repository: string
  /** False: this peer gives nothing to others. */
  readonly gives?: boolean
  /** Longest wait for the replies of all peers; shorter once they have been quick. */
  readonly replyMs?: number
}

// A request to GitHub takes as long, and what is missed here costs one; busy machines take up to a second.
const REPLY_MS = 1000
// Below this a scheduler's hiccup would look like a dead peer.
const MIN_REPLY_MS = 250
const PATIENCE_FACTOR = 10
// Bodies of megabytes over a slow link; a holder that does not send in time is passed over.
const SEND_MS = 2000
const MAX_HOLDERS_TRIED = 2
// Past this many a question to each costs more than asking GitHub.
const MAX_ASKED = 64
// Streams to one peer are bounded by both sides.
const MAX_FINDS_AT_ONCE = 32
// A peer that is silent costs one wait, then another after twice as long.
const SILENT_MS = 5000
const MAX_SILENT_MS = 5 * 60_000
const MAX_SILENT_PEERS = 1024

/** Answers of the connected members, all asked in one round trip; larger bodies come from one of them in another. */
export class SwarmAnswerPeers implements AnswerPeers, PeerView {
  readonly #parts: SwarmAnswerPeersParts
  readonly #gives: boolean
  readonly #maxReplyMs: number
  readonly #server: AnswerServer
  readonly #news: QuotaNews
  readonly #finds = new Limit(MAX_FINDS_AT_ONCE)
  readonly #silent = new LRUCache<PeerId, { readonly until: number; readonly ms: number }>({
    max: MAX_SILENT_PEERS,
  })
  #replyMs: number

  constructor(parts: SwarmAnswerPeersParts, options: SwarmAnswerPeersOptions) {
    this.#parts = parts
    this.#gives = options.gives ?? true
    this.#maxReplyMs = options.replyMs ?? REPLY_MS
    this.#replyMs = this.#maxReplyMs
    this.#server = new AnswerServer(parts, { repository: options.repository })
    this.#news = new QuotaNews({ quotas: parts.quotas, tell: async (told) => this.#tell(told) })
  }

  /** Registers the answers to other peers; before the swarm starts. */
  start(): void {
    if (this.#gives) {
      this.#parts.swarm.handle(ANSWERS_PROTOCOL, (stream, peerId) =>
        this.#server.answer(stream, peerId),
      )
    }
    this.#news.start()
  }

  stop(): void {
    this.#news.stop()
  }

  /** False for a while for a peer that did not answer here, and while the router leaves it alone. */
  isUsable(peerId: PeerId): boolean {
    const isSilent = (this.#silent.get(peerId)?.until ?? 0) > performance.now()
    return !isSilent && this.#parts.peers.isUsable(peerId)
  }

  failed(peerId: PeerId, reason: string, misbehaved?: boolean): void {
    this.#parts.peers.failed(peerId, reason, misbehaved)
  }

  async find(
    key: Digest,
    scope: AnswerScope,
    { signal, holder, known = [] }: FindOptions = {},
  ): Promise<readonly Answer[]> {
    const peers = this.#asked(scope)
    if (peers.length === 0) return []
    using _place = await this.#finds.acquire(1, signal)
    const search = new AnswerSearch({ key, scope, known })
    using patience = startDeadline(this.#replyMs, 'The replies of the peers', signal)
    const scopes = scope.readable.slice(0, MAX_SCOPES)
    const of = { repository: scope.repository, scopes }
    const question: AnswerQuestion = {
      ask: 'find',
      key,
      known: known.slice(0, MAX_KNOWN),
      quotas: this.#parts.quotas.toTell(),
      ...of,
    }
    const ask = async (asked: readonly PeerId[]): Promise<unknown> =>
      await Promise.all(
        asked.map(async (peerId) => this.#askOne(peerId, question, search, patience.signal)),
      )
    await ask(peers.filter((peerId) => peerId === holder))
    if (!search.hasReply) await ask(peers.filter((peerId) => peerId !== holder))
    signal?.throwIfAborted()
    const missing = search.missing(MAX_ANSWERS_PER_KEY)
    await Promise.all(
      missing.map(async ({ digest, peers: holders }) => {
        for (const peerId of holders.slice(0, MAX_HOLDERS_TRIED)) {
          const send: AnswerQuestion = { ask: 'send', key, digest, ...of }
          if (await this.#fetchFrom(peerId, send, search, signal)) return
        }
      }),
    )
    signal?.throwIfAborted()
    return search.answers
  }

  /** Peers worth a question: usable, not silent of late, and with answers that may be used. */
  #asked({ readable }: AnswerScope): PeerId[] {
    const { readers, swarm } = this.#parts
    return swarm
      .peers()
      .filter(({ peerId, attestation }) => {
        return this.isUsable(peerId) && readers.believes(attestation, readable)
      })
      .map(({ peerId }) => peerId)
      .slice(0, MAX_ASKED)
  }

  async #askOne(
    peerId: PeerId,
    question: AnswerQuestion,
    search: AnswerSearch,
    signal: AbortSignal,
  ): Promise<void> {
    const startedMs = performance.now()
    try {
      const reply = await this.#exchange(peerId, question, REPLY_LIMITS, signal)
      this.#parts.quotas.told(peerId, search.addReply(peerId, reply))
      this.#heard(peerId, performance.now() - startedMs)
    } catch (error) {
      // The one who asks gave up, which is no fault of the peer.
      if (signal.aborted && !isSwarmCacheError(signal.reason, 'ERR_TIMEOUT')) return
      this.#blame(peerId, error)
    }
  }

  /** False if another holder is to be asked. */
  async #fetchFrom(
    peerId: PeerId,
    question: AnswerQuestion,
    search: AnswerSearch,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    try {
      const what = `An answer of the peer ${peerId}`
      const sent = await withDeadline(SEND_MS, what, signal, async (ended) =>
        this.#exchange(peerId, question, SENT_LIMITS, ended),
      )
      search.addSent(sent)
      return sent.header['sent'] !== undefined
    } catch (error) {
      signal?.throwIfAborted()
      this.#blame(peerId, error)
      return false
    }
  }

  async #exchange(
    peerId: PeerId,
    question: AnswerQuestion,
    limits: MessageLimits,
    signal: AbortSignal,
  ): Promise<Message> {
    const opening = this.#parts.swarm.open(peerId, ANSWERS_PROTOCOL, { signal })
    // A stream that opens after the wait is over belongs to nobody.
    opening.then(
      (stream) => signal.aborted && stream.abort(),
      () => {},
    )
    const messages = new MessageStream(await abortable(opening, signal), limits)
    const talk = async (): Promise<Message> => {
      await messages.write(questionHeader(question))
      await messages.closeWrite()
      const reply = await messages.read()
      if (reply !== undefined) return reply
      throw new SwarmCacheError('ERR_PEER', `The peer ${peerId} ended without a reply.`)
    }
    try {
      return await abortable(talk(), signal)
    } finally {
      messages.abort()
    }
  }

  #heard(peerId: PeerId, milliseconds: number): void {
    this.#silent.delete(peerId)
    const wanted = Math.max(MIN_REPLY_MS, milliseconds * PATIENCE_FACTOR)
    // Quick to grow, slow to shrink.
    const next = wanted > this.#replyMs ? wanted : this.#replyMs * 0.9 + wanted * 0.1
    this.#replyMs = Math.min(this.#maxReplyMs, next)
  }

  #blame(peerId: PeerId, error: unknown): void {
    const reason = errorMessage(error)
    if (isSwarmCacheError(error, 'ERR_FRAME') || isSwarmCacheError(error, 'ERR_INTEGRITY')) {
      this.#parts.peers.failed(peerId, reason, true)
      return
    }
    this.#parts.logger.log('debug', 'A peer gives no answer of the API', { peerId, reason })
    if (isSwarmCacheError(error, 'ERR_LIMIT')) return
    // It may be good for chunks all the same.
    const ms = Math.min(MAX_SILENT_MS, (this.#silent.get(peerId)?.ms ?? SILENT_MS / 2) * 2)
    this.#silent.set(peerId, { until: performance.now() + ms, ms })
    if (!isSwarmCacheError(error, 'ERR_TIMEOUT')) return
    this.#replyMs = Math.min(this.#maxReplyMs, this.#replyMs * 2)
  }

  async #tell(quotas: Extract<AnswerQuestion, { ask: 'note' }>['quotas']): Promise<void> {
    const { swarm, peers } = this.#parts
    const usable = swarm.peers().filter(({ peerId }) => peers.isUsable(peerId))
    using patience = startDeadline(SEND_MS, 'Telling of a quota')
    await Promise.all(
      usable.slice(0, MAX_ASKED).map(async ({ peerId }) => {
        const note: AnswerQuestion = { ask: 'note', quotas }
        // Who does not hear of it sees it in GitHub's next answer.
        await this.#exchange(peerId, note, REPLY_LIMITS, patience.signal).catch(() => {})
      }),
    )
  }
}
