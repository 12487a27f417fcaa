import { abortable } from '../async/deadline.ts'
import { matchEntry } from '../core/entry-match.ts'
import type { EntryMatch } from '../core/entry-match.ts'
import type { EntryQuery, NearMiss, SignedEntry } from '../core/entry.ts'
import { SwarmCacheError } from '../core/errors.ts'
import type { Digest } from '../core/digest.ts'
import { MAX_MANIFEST_BYTES } from '../core/manifest.ts'
import { MessageStream } from '../core/message.ts'
import type { PeerId } from '../core/peer.ts'
import type { CheckEntry, EntryVerdict } from '../identity/identity.ts'
import type { Swarm } from '../swarm/swarm.ts'
import { ANSWER_LIMITS, parseAnswer, QUERY_PROTOCOL } from './query-wire.ts'
import type { Answer, Question } from './query-wire.ts'

/** An answer to a query that has been checked against it. */
export interface CheckedAnswer {
  readonly match?: EntryMatch<SignedEntry>
  readonly nearMisses: readonly NearMiss[]
  /** Why its entry is not used, as the end of a sentence. */
  readonly refused?: string
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

/** Checks answers to one query; each distinct entry is checked once. */
export class QueryAsker {
  readonly #swarm: Swarm
  readonly #query: EntryQuery
  readonly #checkEntry: CheckEntry
  readonly #verdicts = new Map<string, Promise<EntryVerdict>>()

  constructor(swarm: Swarm, query: EntryQuery, checkEntry: CheckEntry) {
    this.#swarm = swarm
    this.#query = query
    this.#checkEntry = checkEntry
  }

  /** @throws ERR_FRAME or ERR_INTEGRITY if the answer is wrong; see `ask` for the rest. */
  async ask(peerId: PeerId, signal: AbortSignal): Promise<CheckedAnswer> {
    const answer = await ask(this.#swarm, peerId, { query: this.#query }, signal)
    if (!('nearMisses' in answer)) throw wrong('it answered another question')
    if (answer.entry === undefined) return { nearMisses: answer.nearMisses }
    const match = matchEntry(answer.entry, this.#query)
    if (match === undefined) throw wrong('its entry is no answer to the query')
    if (answer.entry.manifestBytes > MAX_MANIFEST_BYTES) throw wrong('its manifest is too large')
    const verdict = await this.#check(answer.entry)
    if (verdict.trusted) return { match, nearMisses: [] }
    if (verdict.why !== 'forged') return { nearMisses: [], refused: verdict.reason }
    const facts = { key: answer.entry.key, scope: answer.entry.scope, writer: answer.entry.writer }
    const message = `It passes on an entry that is not to be believed: ${verdict.reason}.`
    throw new SwarmCacheError('ERR_INTEGRITY', message, { facts })
  }

  /** Shared by all peers that answer alike, so it ends with none of their questions. */
  async #check(entry: SignedEntry): Promise<EntryVerdict> {
    const name = JSON.stringify(entry)
    const verdict = this.#verdicts.get(name) ?? this.#checkEntry(entry)
    this.#verdicts.set(name, verdict)
    return await verdict
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
