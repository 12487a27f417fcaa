import { withDeadline } from '../async/deadline.ts'
import type { ByteStream } from '../core/byte-stream.ts'
import { errorMessage, SwarmCacheError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { MessageStream } from '../core/message.ts'
import type { PeerId } from '../core/peer.ts'
import { MAX_NEAR_MISSES, parseQuestion, QUESTION_LIMITS } from './query-wire.ts'
import type { Answer, Question } from './query-wire.ts'
import type { LocalAnswers } from './router.ts'

/** What answering needs. */
export interface QueryServerParts {
  readonly answers: LocalAnswers
  readonly logger: Logger
  readonly now: () => number
  /** Told when a question was malformed. */
  readonly misbehaved: (peerId: PeerId, reason: string) => void
}

// A question fits in a packet or few; whoever takes longer than this holds a place for nothing.
const QUESTION_MS = 3000
// After this the asker has given up in any case.
const ANSWER_MS = 2500
const MAX_AT_ONCE = 64
const MAX_AT_ONCE_PER_PEER = 8
// A job asks a handful of questions; a host that serves many jobs some dozens a second.
const QUESTIONS_PER_SECOND = 50
const QUESTION_BURST = 200
const MAX_PEERS = 2048

interface Asker {
  running: number
  tokens: number
  refilledAt: number
}

/** Answers the questions of peers, each bounded in size, time, rate and number at once. */
export class QueryServer {
  readonly #parts: QueryServerParts
  readonly #askers = new Map<PeerId, Asker>()
  #running = 0

  constructor(parts: QueryServerParts) {
    this.#parts = parts
  }

  /** Answers one conversation. */
  async answer(stream: ByteStream, peerId: PeerId): Promise<void> {
    const messages = new MessageStream(stream, QUESTION_LIMITS)
    const asker = this.#askerOf(peerId)
    if (!this.#admit(asker)) {
      await this.#send(messages, { busy: true })
      return
    }
    this.#running += 1
    asker.running += 1
    try {
      const question = await this.#readQuestion(messages, peerId)
      await this.#send(messages, await this.#answerTo(question, peerId))
    } finally {
      this.#running -= 1
      asker.running -= 1
    }
  }

  async #readQuestion(messages: MessageStream, peerId: PeerId): Promise<Question> {
    const what = 'The question of a peer'
    try {
      const message = await withDeadline(QUESTION_MS, what, undefined, () => messages.read())
      const question = message === undefined ? undefined : parseQuestion(message.header)
      if (question !== undefined) return question
      if (message === undefined) throw new SwarmCacheError('ERR_CLOSED', 'Nothing was asked.')
    } catch (error) {
      if (isLost(error)) throw error
    }
    this.#parts.misbehaved(peerId, 'it asked a malformed question')
    throw new SwarmCacheError('ERR_FRAME', `The peer ${peerId} asked a malformed question.`)
  }

  async #answerTo(question: Question, asker: PeerId): Promise<Answer> {
    const { answers, logger } = this.#parts
    try {
      return await withDeadline(ANSWER_MS, 'The answer from the index', undefined, async () => {
        if ('manifest' in question) return { holds: await answers.holds(question.manifest) }
        const { entry, nearMisses } = await answers.find(question.query, asker)
        return { entry, nearMisses: nearMisses.slice(0, MAX_NEAR_MISSES) }
      })
    } catch (error) {
      logger.log('debug', 'A question could not be answered', { error: errorMessage(error) })
      return { busy: true }
    }
  }

  async #send(messages: MessageStream, answer: Answer): Promise<void> {
    const what = 'Sending an answer'
    await withDeadline(ANSWER_MS, what, undefined, () => messages.write({ ...answer }))
    await messages.closeWrite()
  }

  #admit(asker: Asker): boolean {
    const now = this.#parts.now()
    const refill = ((now - asker.refilledAt) / 1000) * QUESTIONS_PER_SECOND
    asker.tokens = Math.min(QUESTION_BURST, asker.tokens + refill)
    asker.refilledAt = now
    if (this.#running >= MAX_AT_ONCE || asker.running >= MAX_AT_ONCE_PER_PEER) return false
    if (asker.tokens < 1) return false
    asker.tokens -= 1
    return true
  }

  #askerOf(peerId: PeerId): Asker {
    const asker = this.#askers.get(peerId) ?? {
      running: 0,
      tokens: QUESTION_BURST,
      refilledAt: this.#parts.now(),
    }
    this.#askers.delete(peerId)
    this.#askers.set(peerId, asker)
    if (this.#askers.size > MAX_PEERS) this.#askers.delete(this.#askers.keys().next().value!)
    return asker
  }
}

/** True for the faults of a connection, which are nobody's misbehaviour. */
function isLost(error: unknown): boolean {
  return (
    !(error instanceof SwarmCacheError) ||
    error.code === 'ERR_CLOSED' ||
    error.code === 'ERR_TIMEOUT'
  )
}
