import { abortable } from '../async/deadline.ts'
import { matchEntry } from '../core/entry-match.ts'
import type { EntryMatch } from '../core/entry-match.ts'
import type { EntryQuery, NearMiss, SignedEntry } from '../core/entry.ts'
import { SwarmCacheError } from '../core/errors.ts'
import type { Digest } from '../core/digest.ts'
import { MAX_MANIFEST_BYTES } from '../core/manifest.ts'
import { MessageStream } from '../core/message.ts'
import type { PeerId } from '../core/peer.ts'
import type { Swarm } from '../swarm/swarm.ts'
import { ANSWER_LIMITS, parseAnswer, QUERY_PROTOCOL } from './query-wire.ts'
import type { Answer, Question } from './query-wire.ts'

/** An answer to a query that has been checked against it. */
export interface CheckedAnswer {
  readonly match?: EntryMatch<SignedEntry>
  readonly nearMisses: readonly NearMiss[]
}

/**
 * Asks one peer one question.
 *
 * @throws ERR_FRAME if the answer is malformed, ERR_PEER if there is none, the signal's reason on abort.
 */
async function ask(
  swarm: Swarm,
  peerId: PeerId,
  question: Question,
  signal: AbortSignal,
): Promise<Answer> {
  const opening = swarm.open(peerId, QUERY_PROTOCOL, { signal })
  // A stream that opens after the wait is over belongs to nobody.
  opening.then(
    (stream) => signal.aborted && stream.abort(),
    () => {},
  )
  const stream = await abortable(opening, signal)
  const messages = new MessageStream(stream, ANSWER_LIMITS)
  try {
    const answer = await abortable(exchange(messages, question), signal)
    if (answer === undefined) {
      throw new SwarmCacheError('ERR_PEER', `The peer ${peerId} ended without an answer.`)
    }
    return answer
  } finally {
    stream.abort()
  }
}

async function exchange(messages: MessageStream, question: Question): Promise<Answer | undefined> {
  await messages.write({ ...question })
  await messages.closeWrite()
  const message = await messages.read()
  if (message === undefined) return undefined
  const answer = parseAnswer(message.header)
  if (answer === undefined) throw wrong('its answer is malformed')
  if ('busy' in answer) {
    throw new SwarmCacheError('ERR_LIMIT', 'The peer answers too many questions already.')
  }
  return answer
}

/** Checks answers to one query; each distinct entry's signature is verified once. */
export class QueryAsker {
  readonly #swarm: Swarm
  readonly #query: EntryQuery
  readonly #verifyEntry: (entry: SignedEntry) => boolean
  readonly #verified = new Map<string, boolean>()

  constructor(swarm: Swarm, query: EntryQuery, verifyEntry: (entry: SignedEntry) => boolean) {
    this.#swarm = swarm
    this.#query = query
    this.#verifyEntry = verifyEntry
  }

  /** @throws ERR_FRAME or ERR_INTEGRITY if the answer is wrong; see `ask` for the rest. */
  async ask(peerId: PeerId, signal: AbortSignal): Promise<CheckedAnswer> {
    const answer = await ask(this.#swarm, peerId, { query: this.#query }, signal)
    if (!('nearMisses' in answer)) throw wrong('it answered another question')
    if (answer.entry === undefined) return { nearMisses: answer.nearMisses }
    const match = matchEntry(answer.entry, this.#query)
    if (match === undefined) throw wrong('its entry is no answer to the query')
    if (answer.entry.manifestBytes > MAX_MANIFEST_BYTES) throw wrong('its manifest is too large')
    if (!this.#isSigned(answer.entry)) {
      throw new SwarmCacheError('ERR_INTEGRITY', 'The signature of its entry is wrong.')
    }
    return { match, nearMisses: [] }
  }

  #isSigned(entry: SignedEntry): boolean {
    const name = JSON.stringify(entry)
    const known = this.#verified.get(name)
    if (known !== undefined) return known
    const verified = this.#verifyEntry(entry)
    this.#verified.set(name, verified)
    return verified
  }
}

/** True if the peer says that it holds the manifest or part of it. */
export async function askHolds(
  swarm: Swarm,
  peerId: PeerId,
  manifest: Digest,
  signal: AbortSignal,
): Promise<boolean> {
  const answer = await ask(swarm, peerId, { manifest }, signal)
  if (!('holds' in answer)) throw wrong('it answered another question')
  return answer.holds
}

function wrong(why: string): SwarmCacheError {
  return new SwarmCacheError('ERR_FRAME', `The answer of a peer is wrong: ${why}.`)
}
