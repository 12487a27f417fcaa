import { withDeadline } from '../async/deadline.ts'
import type { ByteStream } from '../core/byte-stream.ts'
import { SwarmCacheError, isSwarmCacheError } from '../core/errors.ts'
import { MessageStream } from '../core/message.ts'
import type { PeerId } from '../core/peer.ts'
import type { PeerView } from '../lease/lease.ts'
import { INLINE_BYTES, MAX_HELD, QUESTION_LIMITS, parseQuestion } from './answer-question.ts'
import type { AnswerQuestion, AskedScope } from './answer-question.ts'
import type { AnswerReaders } from './answer-readers.ts'
import { encodeAnswer } from './answer-wire.ts'
import type { Answer, AnswerShelf } from './api-cache.ts'
import type { SharedQuotas } from './shared-quotas.ts'

/** What answering peers works with. */
export interface AnswerServerParts {
  /** What is handed out, the quicker shelf first. */
  readonly shelves: readonly Pick<AnswerShelf, 'get'>[]
  readonly readers: AnswerReaders
  readonly quotas: SharedQuotas
  readonly peers: PeerView
}

/** Whose answers they are. */
export interface AnswerServerOptions {
  readonly repository: string
}

const QUESTION_MS = 3000
const REPLY_MS = 5000
const MAX_AT_ONCE = 256
const MAX_AT_ONCE_PER_PEER = 64

/** Answers the questions of peers for answers, each bounded in size, time and number at once. */
export class AnswerServer {
  readonly #parts: AnswerServerParts
  readonly #repository: string
  readonly #running = new Map<PeerId, number>()
  #total = 0

  constructor(parts: AnswerServerParts, { repository }: AnswerServerOptions) {
    this.#parts = parts
    this.#repository = repository
  }

  /** Answers one conversation. */
  async answer(stream: ByteStream, peerId: PeerId): Promise<void> {
    const messages = new MessageStream(stream, QUESTION_LIMITS)
    const running = this.#running.get(peerId) ?? 0
    if (running >= MAX_AT_ONCE_PER_PEER || this.#total >= MAX_AT_ONCE) {
      await reply(messages, { busy: true })
      return
    }
    this.#running.set(peerId, running + 1)
    this.#total += 1
    try {
      const question = await this.#readQuestion(messages)
      if (question !== undefined) await this.#reply(messages, peerId, question)
    } catch (error) {
      if (isSwarmCacheError(error, 'ERR_FRAME')) {
        this.#parts.peers.failed(peerId, error.message, true)
      }
      throw error
    } finally {
      this.#total -= 1
      const left = (this.#running.get(peerId) ?? 1) - 1
      if (left === 0) this.#running.delete(peerId)
      else this.#running.set(peerId, left)
    }
  }

  async #readQuestion(messages: MessageStream): Promise<AnswerQuestion | undefined> {
    const what = 'The question of a peer for an answer'
    const message = await withDeadline(QUESTION_MS, what, undefined, () => messages.read())
    if (message === undefined) return undefined
    const question = parseQuestion(message.header)
    if (question !== undefined) return question
    throw new SwarmCacheError('ERR_FRAME', 'The question of a peer for an answer is malformed.')
  }

  async #reply(messages: MessageStream, peerId: PeerId, question: AnswerQuestion): Promise<void> {
    const { quotas } = this.#parts
    if (question.ask === 'note') {
      quotas.told(peerId, question.quotas)
      await reply(messages, { noted: true })
      return
    }
    const held = await this.#given(peerId, question.key, question)
    if (question.ask === 'send') {
      const answer = held.find(({ digest }) => digest === question.digest)
      const encoded = answer && encodeAnswer(answer)
      await reply(messages, encoded ? { sent: encoded.header } : { none: true }, encoded?.body)
      return
    }
    quotas.told(peerId, question.quotas)
    const news = held.filter(({ digest }) => !question.known.includes(digest)).slice(0, MAX_HELD)
    const [newest] = news.toSorted((a, b) => b.validated - a.validated)
    const isSmall = newest !== undefined && newest.body.length <= INLINE_BYTES
    const sent = isSmall ? encodeAnswer(newest) : undefined
    const list = news.map(({ digest, body, validated }) => {
      return { digest, bytes: body.length, validated }
    })
    const header = { held: list, sent: sent?.header, quotas: quotas.toTell() }
    await reply(messages, header, sent?.body)
  }

  /** What the peer may have of a key, each digest once. */
  async #given(peerId: PeerId, key: string, asked: AskedScope): Promise<Answer[]> {
    if (asked.repository !== this.#repository) return []
    const scopes = this.#parts.readers.readable(peerId, asked.scopes)
    for (const shelf of this.#parts.shelves) {
      const given = new Map<string, Answer>()
      for (const { answer } of await shelf.get(key)) {
        const isOurs = answer.key === key && answer.repository === this.#repository
        if (isOurs && answer.shared && scopes.includes(answer.scope)) {
          given.set(answer.digest, answer)
        }
      }
      if (given.size > 0) return [...given.values()]
    }
    return []
  }
}

async function reply(
  messages: MessageStream,
  header: Record<string, unknown>,
  body?: Uint8Array,
): Promise<void> {
  await withDeadline(REPLY_MS, 'A reply to a peer', undefined, async () => {
    await messages.write(header, body)
    await messages.closeWrite()
  })
}
