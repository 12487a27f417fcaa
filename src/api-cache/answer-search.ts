import { SwarmCacheError } from '../core/errors.ts'
import type { Digest } from '../core/digest.ts'
import type { Message } from '../core/message.ts'
import type { PeerId } from '../core/peer.ts'
import { parseFindReply } from './answer-question.ts'
import type { HeldAnswer, ToldQuota } from './answer-question.ts'
import { decodeAnswer } from './answer-wire.ts'
import type { Answer, AnswerScope } from './api-cache.ts'

/** What is looked for. */
export interface AnswerSearchOptions {
  readonly key: Digest
  readonly scope: AnswerScope
  readonly known: readonly Digest[]
}

interface Holder {
  readonly held: HeldAnswer
  readonly peers: PeerId[]
}

/** Collects what peers reply to one question, each checked against it; of one body one copy is kept. */
export class AnswerSearch {
  readonly #options: AnswerSearchOptions
  readonly #found = new Map<Digest, Answer>()
  readonly #holders = new Map<Digest, Holder>()

  constructor(options: AnswerSearchOptions) {
    this.#options = options
  }

  get answers(): readonly Answer[] {
    return [...this.#found.values()]
  }

  /** True once a peer has said that it holds an answer. */
  get hasReply(): boolean {
    return this.#holders.size > 0
  }

  /**
   * Takes in the reply to `find`; returns the quotas in it.
   *
   * @throws ERR_FRAME if it is malformed, or holds what was not asked for.
   */
  addReply(peerId: PeerId, { header, body }: Message): readonly ToldQuota[] {
    if (header['busy'] === true) throw new SwarmCacheError('ERR_LIMIT', 'The peer is busy.')
    const reply = parseFindReply(header)
    if (reply === undefined) throw wrong('it is malformed')
    if (reply.sent !== undefined) this.#add(reply.sent, body)
    for (const held of reply.held) {
      const known = this.#holders.get(held.digest)
      if (known === undefined) this.#holders.set(held.digest, { held, peers: [peerId] })
      else known.peers.push(peerId)
    }
    return reply.quotas
  }

  /** Takes in the reply to `send`. @throws ERR_FRAME as above. */
  addSent({ header, body }: Message): void {
    if (header['busy'] === true || header['none'] === true) return
    this.#add(header['sent'], body)
  }

  /** What peers hold and nobody has sent yet, the latest confirmed first, at most `count`. */
  missing(count: number): { readonly digest: Digest; readonly peers: readonly PeerId[] }[] {
    const { known } = this.#options
    return [...this.#holders.values()]
      .filter(({ held: { digest } }) => !known.includes(digest) && !this.#found.has(digest))
      .toSorted((a, b) => b.held.validated - a.held.validated)
      .slice(0, count)
      .map(({ held: { digest }, peers }) => ({ digest, peers }))
  }

  #add(header: unknown, body: Uint8Array): void {
    const { key, known, scope } = this.#options
    const answer = decodeAnswer(header, body)
    if (answer === undefined) throw wrong('its answer is malformed')
    const { repository, readable } = scope
    const isAskedFor =
      answer.key === key &&
      answer.repository === repository &&
      answer.shared &&
      readable.includes(answer.scope)
    if (!isAskedFor) throw wrong('its answer is none to the question')
    if (known.includes(answer.digest)) return
    // A clock that runs ahead, or says so, must not make it the latest for ever.
    const now = Date.now()
    const received = Math.min(answer.received, now)
    const validated = Math.min(answer.validated, now)
    const other = this.#found.get(answer.digest)
    if (other !== undefined && other.validated >= validated) return
    this.#found.set(answer.digest, { ...answer, received, validated })
  }
}

function wrong(why: string): SwarmCacheError {
  return new SwarmCacheError('ERR_FRAME', `The reply of a peer about an answer is wrong: ${why}.`)
}
