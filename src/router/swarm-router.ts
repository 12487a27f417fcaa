import { BoundedQueue } from '../async/bounded-queue.ts'
import { abortable, startDeadline } from '../async/deadline.ts'
import type { Digest } from '../core/digest.ts'
import { entryDigest } from '../core/entry.ts'
import type { EntryName, EntryQuery } from '../core/entry.ts'
import { errorMessage, isSwarmCacheError } from '../core/errors.ts'
import { publish } from '../core/events.ts'
import type { Logger } from '../core/logger.ts'
import type { PeerId, PeerOutcome } from '../core/peer.ts'
import type { CheckEntry } from '../identity/identity.ts'
import type { Swarm } from '../swarm/swarm.ts'
import { AdaptiveTimeout } from './adaptive-timeout.ts'
import { FindSearch } from './find-search.ts'
import { PeerScores } from './peer-score.ts'
import type { PeerScoresOptions } from './peer-score.ts'
import { ProvidedRecords } from './provided-records.ts'
import { askHolds, QueryAsker } from './query-client.ts'
import { QueryServer } from './query-server.ts'
import { QUERY_PROTOCOL } from './query-wire.ts'
import type { FoundEntry, LocalAnswers, Router, RouterOptions } from './router.ts'

/** What a router works with. */
export interface SwarmRouterParts {
  readonly swarm: Swarm
  readonly answers: LocalAnswers
  readonly checkEntry: CheckEntry
  readonly logger: Logger
  /** Milliseconds that never go back; `performance.now` by default. */
  readonly now?: () => number
  readonly random?: () => number
}

/** Tunables of a router. */
export interface SwarmRouterOptions {
  readonly scores?: PeerScoresOptions
  /** How long the first find waits; it adapts from there. */
  readonly initialTimeoutMs?: number
}

// A LAN answers in a few milliseconds, and then nothing waits: this only bounds the wait for peers that do not
// answer. A dead one costs it once, since it is left alone afterwards, while an answer missed costs a whole
// download. When a matrix starts, machines with all cores busy take up to a second for an answer that took five
// milliseconds just before, so even what was learned in quiet times must leave that much.
const TIMEOUT = { initialMs: 2000, minMs: 1000, maxMs: 4000 }
// Past this many a question to each costs more than the DHT does.
const MAX_ASKED = 64
// Records of the DHT outlive their peers by hours, so only some of them are tried.
const MAX_DHT_ASKED = 16
// In a swarm this small everybody is connected to everybody soon, and the DHT seldom knows more, while a search in it
// costs every peer more than the question itself: whoever knows some peers looks there if they do not answer at once.
const SMALL_SWARM = 32
const FEW_PEERS = 3
const PEERS_HEAD_START_MS = 20
const SMALL_SWARM_DHT_MS = 15
// More holders than the peers name are looked for in the DHT when they name none, or take longer than this.
const DHT_HEAD_START_MS = 300
// What the search goes on after an exact hit, for more holders of it.
const MORE_HOLDERS_MS = 10
// Peers that the DHT names may have to be dialled first, and a transfer goes on meanwhile.
const HOLDERS_MS = 2500

/** Finds entries and holders among the connected peers and through the DHT. */
export class SwarmRouter implements Router {
  readonly #parts: SwarmRouterParts
  readonly #now: () => number
  readonly #scores: PeerScores
  readonly #timeout: AdaptiveTimeout
  readonly #records: ProvidedRecords
  readonly #server: QueryServer
  /** The digests announced for each entry, by the entry's. */
  readonly #provided = new Map<Digest, Digest>()
  readonly #stop = new AbortController()
  #stopListening: (() => void) | undefined

  constructor(parts: SwarmRouterParts, options: SwarmRouterOptions = {}) {
    const { swarm, answers, logger } = parts
    this.#parts = parts
    this.#now = parts.now ?? (() => performance.now())
    this.#scores = new PeerScores(
      { now: this.#now, random: parts.random ?? Math.random },
      options.scores,
    )
    const initialMs = options.initialTimeoutMs ?? TIMEOUT.initialMs
    this.#timeout = new AdaptiveTimeout({ ...TIMEOUT, initialMs })
    this.#records = new ProvidedRecords({ swarm, logger })
    const misbehaved = (peerId: PeerId, reason: string): void => this.failed(peerId, reason, true)
    this.#server = new QueryServer({ answers, logger, now: this.#now, misbehaved })
  }

  start(): void {
    this.#parts.swarm.handle(QUERY_PROTOCOL, (stream, peerId) =>
      this.#server.answer(stream, peerId),
    )
    this.#stopListening = this.#parts.swarm.listen({ connected: () => this.#records.resume() })
    this.#records.resume()
  }

  async stop(): Promise<void> {
    this.#stopListening?.()
    this.#records.stop()
    this.#stop.abort()
  }

  async find(query: EntryQuery, options: RouterOptions = {}): Promise<FoundEntry> {
    options.signal?.throwIfAborted()
    const search = new FindSearch()
    const rank = (peers: PeerId[]): PeerId[] => this.rank(peers)
    const peers = this.#connected()
    // Without a connection the DHT has nobody to ask either: a miss that costs nothing.
    if (peers.length === 0) return search.result(rank)
    const asker = new QueryAsker(this.#parts.swarm, query, this.#parts.checkEntry)
    const enough = Promise.withResolvers<void>()
    // Questions outlive the search when it runs out of time: a late answer still tells how long to wait.
    const questions = new AbortController()
    using deadline = startDeadline(this.#timeout.ms, 'Finding an entry', options.signal)
    deadline.signal.addEventListener('abort', () => enough.resolve(), { once: true })
    const ask = async (peerId: PeerId): Promise<void> => {
      if (!search.addAsked(peerId)) return
      const answer = await this.#question(peerId, questions.signal, (s) => asker.ask(peerId, s))
      if (answer === undefined) return
      const { refused } = answer
      if (refused !== undefined) {
        this.#parts.logger.log('info', `An entry of a peer is not used: ${refused}.`, { peerId })
      }
      search.addAnswer(peerId, answer)
      if (search.isSettled) setTimeout(enough.resolve, MORE_HOLDERS_MS)
    }
    const direct = Promise.all(peers.map(ask))
    const digests = query.scopes.map((scope) => entryDigest({ ...query, scope }))
    const routing = new AbortController()
    const routingSignal = AbortSignal.any([deadline.signal, routing.signal])
    const routed = this.#unlessAnswered(peers.length, direct, routingSignal, () =>
      this.#askProviders(digests, routingSignal, ask),
    )
    void Promise.all([direct, routed]).then(() => enough.resolve())
    void direct.then(() => {
      if (search.isSettled) enough.resolve()
      else if (peers.length < SMALL_SWARM) setTimeout(enough.resolve, SMALL_SWARM_DHT_MS)
    })
    await enough.promise
    // A search in the DHT costs every peer some milliseconds of work.
    routing.abort()
    if (!deadline.signal.aborted || options.signal?.aborted === true) questions.abort()
    options.signal?.throwIfAborted()
    return search.result(rank)
  }

  async *holders(manifest: Digest, options: RouterOptions = {}): AsyncGenerator<PeerId> {
    const ending = new AbortController()
    const signals = [ending.signal, this.#stop.signal, ...(options.signal ? [options.signal] : [])]
    using deadline = startDeadline(HOLDERS_MS, 'Finding holders', AbortSignal.any(signals))
    const found = new BoundedQueue<PeerId>(MAX_ASKED + MAX_DHT_ASKED)
    const asked = new Set<PeerId>()
    let isNamed = false
    const ask = async (peerId: PeerId): Promise<void> => {
      if (asked.has(peerId)) return
      asked.add(peerId)
      const { swarm } = this.#parts
      const holds = await this.#question(peerId, deadline.signal, (signal) =>
        askHolds(swarm, peerId, manifest, signal),
      )
      if (holds !== true) return
      isNamed = true
      await found.push(peerId)
    }
    const peers = this.#connected()
    const direct = Promise.all(peers.map(ask))
    const routed = this.#afterPeers(peers.length, direct, deadline.signal, async () => {
      if (peers.length > 0 && !isNamed) await this.#askProviders([manifest], deadline.signal, ask)
    })
    void Promise.all([direct, routed]).then(() => found.end())
    deadline.signal.addEventListener('abort', () => found.end(), { once: true })
    try {
      yield* found
    } finally {
      ending.abort()
    }
    options.signal?.throwIfAborted()
  }

  provide(entry: EntryName & { manifest: Digest }): void {
    const digest = entryDigest(entry)
    if (this.#provided.has(digest)) return
    this.#provided.set(digest, entry.manifest)
    this.#records.add(digest)
    this.#records.add(entry.manifest)
  }

  async withdraw(entry: EntryName & { manifest: Digest }): Promise<void> {
    const digest = entryDigest(entry)
    const manifest = this.#provided.get(digest)
    if (manifest === undefined) return
    this.#provided.delete(digest)
    await Promise.all([this.#records.remove(digest), this.#records.remove(manifest)])
  }

  succeeded(peerId: PeerId, outcome: PeerOutcome): void {
    this.#scores.succeeded(peerId, outcome)
  }

  failed(peerId: PeerId, reason: string, misbehaved = false): void {
    // What a banned peer did before it was cut off has been answered.
    if (this.#scores.isBanned(peerId) || peerId === this.#parts.swarm.peerId) return
    const { logger, swarm } = this.#parts
    const waitMs = Math.round(this.#scores.failed(peerId, misbehaved))
    publish('peer:failed', { peerId, reason })
    if (!misbehaved) {
      logger.log('debug', 'A peer is left alone for a while', { peerId, reason, waitMs })
      return
    }
    publish('peer:banned', { peerId, reason, milliseconds: waitMs })
    const seconds = Math.round(waitMs / 1000)
    logger.log('warning', 'A peer misbehaved and is banned', { peerId, reason, seconds })
    swarm.ban(peerId, waitMs)
  }

  isUsable(peerId: PeerId): boolean {
    return this.#scores.isUsable(peerId)
  }

  rank(peers: Iterable<PeerId>): PeerId[] {
    return this.#scores.rank(peers)
  }

  /** Connected peers worth a question, the best first. */
  #connected(): PeerId[] {
    const peers = this.#parts.swarm.peers().map((peer) => peer.peerId)
    return this.rank(peers).slice(0, MAX_ASKED)
  }

  /** Does `work`, in a small swarm only if its peers do not answer soon. */
  async #unlessAnswered(
    count: number,
    answers: Promise<unknown>,
    signal: AbortSignal,
    work: () => Promise<void>,
  ): Promise<void> {
    if (count > FEW_PEERS && count < SMALL_SWARM) {
      using headStart = startDeadline(PEERS_HEAD_START_MS, 'Asking the peers', signal)
      const answered = answers.then(() => true)
      if (await abortable(answered, headStart.signal).catch(() => false)) return
    }
    if (!signal.aborted) await work()
  }

  /** Does `work`, in a small swarm not before its peers have answered or had the time to. */
  async #afterPeers(
    count: number,
    answers: Promise<unknown>,
    signal: AbortSignal,
    work: () => Promise<void>,
  ): Promise<void> {
    if (count < SMALL_SWARM) {
      using headStart = startDeadline(DHT_HEAD_START_MS, 'Asking the peers', signal)
      await abortable(answers, headStart.signal).catch(() => {})
    }
    if (!signal.aborted) await work()
  }

  /**
   * One question to one peer, whose score it feeds. A peer that has not answered in time counts as failed
   * at once, and as good again if it answers after all.
   */
  async #question<T>(
    peerId: PeerId,
    parent: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T | undefined> {
    const connected = this.#parts.swarm.peers().some((peer) => peer.peerId === peerId)
    const startedMs = this.#now()
    const timeoutMs = this.#timeout.ms
    let late = false
    const onLate = (): void => {
      late = true
      this.#timeout.timedOut()
      this.failed(peerId, `it did not answer within ${timeoutMs} ms`)
    }
    // A peer that must be dialled first says nothing about how fast connected ones answer.
    const timer = connected ? setTimeout(onLate, timeoutMs) : undefined
    using patience = startDeadline(TIMEOUT.maxMs, 'An answer', parent)
    try {
      const answer = await work(patience.signal)
      const latencyMs = this.#now() - startedMs
      if (connected) this.#timeout.answered(latencyMs)
      this.succeeded(peerId, { latencyMs })
      return answer
    } catch (error) {
      const misbehaved =
        isSwarmCacheError(error, 'ERR_FRAME') || isSwarmCacheError(error, 'ERR_INTEGRITY')
      if (misbehaved || !(late || parent.aborted))
        this.failed(peerId, errorMessage(error), misbehaved)
      return undefined
    } finally {
      clearTimeout(timer)
    }
  }

  /** Asks the peers that the DHT names for any of the digests; ends with the signal at the latest. */
  async #askProviders(
    digests: readonly Digest[],
    signal: AbortSignal,
    ask: (peerId: PeerId) => Promise<void>,
  ): Promise<void> {
    const { swarm, logger } = this.#parts
    const questions: Promise<void>[] = []
    const named = new Set<PeerId>()
    const search = async (digest: Digest): Promise<void> => {
      for await (const peerId of swarm.findProviders(digest, { signal })) {
        if (named.size >= MAX_DHT_ASKED) return
        if (peerId === swarm.peerId || named.has(peerId) || !this.isUsable(peerId)) continue
        named.add(peerId)
        questions.push(ask(peerId))
      }
    }
    for (const result of await Promise.allSettled(digests.map(search))) {
      if (result.status === 'fulfilled' || signal.aborted) continue
      logger.log('debug', 'The DHT did not answer', { error: errorMessage(result.reason) })
    }
    await Promise.all(questions)
  }
}
