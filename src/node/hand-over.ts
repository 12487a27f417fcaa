import { abortable, startDeadline, withDeadline } from '../async/deadline.ts'
import { SwarmCacheError, errorMessage, isSwarmCacheError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { MessageStream } from '../core/message.ts'
import type { PeerId, Role } from '../core/peer.ts'
import { formatSize } from '../core/sizes.ts'
import { countPeers } from '../core/transfer-line.ts'
import type { Router } from '../router/router.ts'
import type { IndexedEntry, Store } from '../store/store.ts'
import type { Swarm } from '../swarm/swarm.ts'
import type { HandOverKeeper } from './hand-over-keeper.ts'
import { HAND_OVER_LIMITS, HAND_OVER_PROTOCOL, parseKeeper } from './hand-over-wire.ts'
import type { Keeper } from './hand-over-wire.ts'

/** What handing over works with. */
export interface HandOverParts {
  readonly swarm: Swarm
  readonly store: Store
  readonly router: Pick<Router, 'rank' | 'failed'>
  /** Answers other peers that leave. */
  readonly keeper: HandOverKeeper
  readonly logger: Logger
}

/** What this node hands over. */
export interface HandOverOptions {
  readonly role: Role
  /** Only what this node itself has written, for one that shares its store with others that stay. */
  readonly ownOnly: boolean
}

/** What became of the entries that a node would have taken with it. */
export interface HandOverReport {
  /** Entries that another has now, and their plain bytes. */
  readonly handed: number
  readonly bytes: number
  /** Peers that took some. */
  readonly keepers: number
  /** Entries that nobody else has. */
  readonly left: number
}

// Enough to find a seeder and some that stay; a question to each costs a round trip.
const MAX_ASKED = 32
const MAX_KEEPERS = 8
// What a node holds that long-lived peers do not is seldom more; the newest are the most wanted.
const MAX_ENTRIES = 256
const ANSWER_MS = 1000

/** Hands what only this node holds to peers that stay, before it leaves; and keeps what others hand over. */
export class HandOver {
  readonly #parts: HandOverParts
  readonly #options: HandOverOptions

  constructor(parts: HandOverParts, options: HandOverOptions) {
    this.#parts = parts
    this.#options = options
  }

  /** Registers the answers to other peers; before the swarm starts. */
  start(): void {
    const { swarm, keeper } = this.#parts
    swarm.handle(HAND_OVER_PROTOCOL, (stream, peerId) => keeper.answer(stream, peerId))
  }

  /** Hands over, newest first, until the signal aborts; what fails is logged, and it never rejects. */
  async run(options: { readonly signal?: AbortSignal } = {}): Promise<HandOverReport> {
    const { logger, keeper } = this.#parts
    keeper.stop()
    const signal = options.signal ?? new AbortController().signal
    const keepers: Conversation[] = []
    const report = { handed: 0, bytes: 0, keepers: 0, left: 0 }
    const took = new Set<PeerId>()
    try {
      const entries = signal.aborted ? [] : await this.#entries()
      if (entries.length > 0) keepers.push(...(await this.#findKeepers(signal)))
      if (keepers.length > 0) report.left = entries.length
      for (const entry of keepers.length > 0 ? entries : []) {
        const { held, takenBy } = await handEntry(entry, keepers, signal)
        if (held || takenBy !== undefined) report.left -= 1
        if (takenBy === undefined) continue
        took.add(takenBy)
        report.handed += 1
        report.bytes += entry.contentBytes
      }
    } catch (error) {
      logger.log('debug', 'Handing over ended early.', { reason: errorMessage(error) })
    } finally {
      for (const { messages } of keepers) messages.abort()
    }
    report.keepers = took.size
    this.#tell(report)
    return report
  }

  async #entries(): Promise<IndexedEntry[]> {
    const { store, swarm } = this.#parts
    const entries = await store.entries()
    return entries
      .filter(({ writer }) => !this.#options.ownOnly || writer === swarm.peerId)
      .toSorted((a, b) => b.created - a.created)
      .slice(0, MAX_ENTRIES)
  }

  /** Conversations with seeders, or if there is none with those that have been there longest. */
  async #findKeepers(signal: AbortSignal): Promise<Conversation[]> {
    const { swarm, router } = this.#parts
    const connected = router.rank(swarm.peers().map(({ peerId }) => peerId)).slice(0, MAX_ASKED)
    const asked = await Promise.all(connected.map((peerId) => this.#greet(peerId, signal)))
    const accepting = asked.flatMap((each) => (each?.keeper.accepts === true ? [each] : []))
    const seeders = accepting.filter(({ keeper }) => keeper.role === 'seeder')
    // A seeder comes back with its disk: the disks of jobs need not hold it meanwhile.
    const useful = seeders.length > 0 || this.#options.role === 'seeder' ? seeders : accepting
    const chosen = useful
      .toSorted((a, b) => b.keeper.uptimeSeconds - a.keeper.uptimeSeconds)
      .slice(0, MAX_KEEPERS)
    for (const each of asked) if (each && !chosen.includes(each)) each.messages.abort()
    return chosen
  }

  async #greet(peerId: PeerId, signal: AbortSignal): Promise<Conversation | undefined> {
    const { swarm, logger, router } = this.#parts
    using deadline = startDeadline(ANSWER_MS, `The peer ${peerId}`, signal)
    let messages: MessageStream | undefined
    try {
      const opening = swarm.open(peerId, HAND_OVER_PROTOCOL, { signal: deadline.signal })
      opening.then(
        (stream) => deadline.signal.aborted && stream.abort(),
        () => {},
      )
      const stream = await abortable(opening, deadline.signal)
      messages = new MessageStream(stream, HAND_OVER_LIMITS)
      const keeper = parseKeeper(await ask(messages, { leaving: true }, deadline.signal))
      if (keeper !== undefined) return { peerId, messages, keeper }
      throw new SwarmCacheError('ERR_FRAME', 'What it says of itself is malformed.')
    } catch (error) {
      messages?.abort()
      const reason = errorMessage(error)
      if (isSwarmCacheError(error, 'ERR_FRAME')) router.failed(peerId, reason, true)
      else logger.log('debug', 'A peer keeps nothing for others.', { peerId, reason })
      return undefined
    }
  }

  #tell({ handed, bytes, keepers, left }: HandOverReport): void {
    const { logger } = this.#parts
    const what = (count: number): string => (count === 1 ? '1 entry' : `${count} entries`)
    if (handed > 0) {
      const size = formatSize(bytes)
      logger.log('info', `Handed ${what(handed)} (${size}) over to ${countPeers(keepers)}.`)
    }
    if (left > 0) logger.log('info', `No other peer has ${what(left)} of this node.`)
  }
}

interface Conversation {
  readonly peerId: PeerId
  readonly messages: MessageStream
  readonly keeper: Keeper
}

/** Whether one of them had the entry, and if not who took it; who fails is asked no more. */
async function handEntry(
  entry: IndexedEntry,
  keepers: Conversation[],
  signal: AbortSignal,
): Promise<{ readonly held: boolean; readonly takenBy?: PeerId }> {
  signal.throwIfAborted()
  const { lastUsed: _lastUsed, uses: _uses, ...offer } = entry
  const { repository, scope, key, version, manifest } = entry
  const holds = { repository, scope, key, version }
  for (const { messages } of keepers.slice()) {
    const answer = await withDeadline(ANSWER_MS, 'A keeper', signal, (stop) =>
      ask(messages, { holds, manifest, attested: offer.token !== undefined }, stop),
    ).catch(() => drop(keepers, messages))
    if (answer?.['held'] === true) return { held: true }
  }
  for (const { messages, peerId } of keepers.slice()) {
    const answer = await ask(messages, { offer }, signal).catch(() => drop(keepers, messages))
    if (answer?.['taken'] === true) return { held: false, takenBy: peerId }
  }
  signal.throwIfAborted()
  return { held: false }
}

function drop(keepers: Conversation[], messages: MessageStream): undefined {
  messages.abort()
  const index = keepers.findIndex((each) => each.messages === messages)
  if (index !== -1) keepers.splice(index, 1)
  return undefined
}

/** The header of the answer to a question. */
async function ask(
  messages: MessageStream,
  question: Record<string, unknown>,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  const answer = await abortable(
    messages.write(question).then(() => messages.read()),
    signal,
  )
  if (answer === undefined) throw new SwarmCacheError('ERR_CLOSED', 'It ended without an answer.')
  return answer.header
}
