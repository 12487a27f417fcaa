import { abortable, pause } from '../async/deadline.ts'
import { endOfPart } from '../core/archive-part.ts'
import type { ArchivePart } from '../core/archive-part.ts'
import type { Digest } from '../core/digest.ts'
import { SwarmCacheError, errorMessage, isSwarmCacheError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { PeerId } from '../core/peer.ts'
import type { Swarm } from '../swarm/swarm.ts'
import { HeldTurn } from './held-turn.ts'
import { leaderOrder } from './leader-order.ts'
import { UNLED_TURN } from './lease.ts'
import type {
  Company,
  FollowedPart,
  Leases,
  OwnTurn,
  PeerView,
  Turn,
  TurnOptions,
} from './lease.ts'
import { askParts, askState, joinLocal, joinRemote } from './lease-line.ts'
import type { LeaseLine, OnWaiting } from './lease-line.ts'
import { LeaseServer } from './lease-server.ts'
import type { LeaseServerOptions } from './lease-server.ts'
import { LeaseTable } from './lease-table.ts'
import type { Claim, LeaseTableOptions, NameState } from './lease-table.ts'
import { LEASE_PROTOCOL, PARTS_WAIT_MS } from './lease-wire.ts'
import { PartTable } from './part-table.ts'

/** What leases over a swarm work with. */
export interface SwarmLeasesParts {
  readonly swarm: Swarm
  readonly peers: PeerView
  readonly logger: Logger
}

/** Tunables of leases over a swarm. */
export interface SwarmLeasesOptions extends LeaseTableOptions, LeaseServerOptions {
  /** How long a peer has to answer before the next in order leads. */
  readonly answerMs?: number
  /** A turn whose work does not move on for this long is given up. */
  readonly stallMs?: number
  /** Leases of another kind of work have lines of their own under another name. */
  readonly protocol?: string
}

// Who did not answer the lookup just before is not usable now, so this is for peers that are alive but busy:
// machines on which a crowd starts. A second is little beside what a turn saves.
const ANSWER_MS = 1000
// From the news that the work is done until those who waited have found it.
const FOLLOW_MS = 5000
// A download shows progress at every look; an archive that is unpacked does not.
const STALL_MS = 30_000
const BEAT_MS = 500
// Four beats of a leader may be lost before the next one leads.
const SILENCE_MS = 2000
// Those who came to the swarm last may be first in order and know of nothing yet: so many are asked.
const MAX_ASKED = 8
// Between two questions to one who offers nothing, or is not known.
const ASK_AGAIN_MS = 100

/** Where a line is joined next: a leader that answered, or the news that there is no more to wait for. */
type Choice = { readonly leader: PeerId; readonly holder?: PeerId } | { readonly done: PeerId }

/** One who waits for a turn here or has it. */
interface Interest {
  readonly name: Digest
  /** Leaders that were lost or did not answer. */
  readonly passed: Set<PeerId>
  /** Who has the turn, when last heard. */
  holder?: PeerId
}

/** Turns of a swarm, whose peers share the work of leading the lines by rendezvous hashing. */
export class SwarmLeases implements Leases {
  readonly #parts: SwarmLeasesParts
  readonly #protocol: string
  readonly #answerMs: number
  readonly #silenceMs: number
  readonly #held: { readonly beatMs: number; readonly stallMs: number }
  readonly #table: LeaseTable
  readonly #offered = new PartTable()
  readonly #server: LeaseServer
  readonly #turns = new Map<HeldTurn, Interest>()
  readonly #interests = new Set<Interest>()
  readonly #stopped = new AbortController()
  #toldMs = -Infinity
  #stopListening: (() => void) | undefined

  constructor(parts: SwarmLeasesParts, options: SwarmLeasesOptions = {}) {
    this.#parts = parts
    this.#protocol = options.protocol ?? LEASE_PROTOCOL
    this.#answerMs = options.answerMs ?? ANSWER_MS
    this.#silenceMs = options.leaseMs ?? SILENCE_MS
    this.#held = { beatMs: options.beatMs ?? BEAT_MS, stallMs: options.stallMs ?? STALL_MS }
    this.#table = new LeaseTable(options)
    const { peers } = parts
    const isPresent = (peerId: PeerId): boolean => this.#isPresent(peerId)
    const stateOf = (name: Digest): NameState => this.#stateOf(name)
    this.#server = new LeaseServer(
      { table: this.#table, offered: this.#offered, peers, stateOf, isPresent },
      options,
    )
  }

  start(): void {
    const { swarm } = this.#parts
    swarm.handle(this.#protocol, (stream, peerId) => this.#server.answer(stream, peerId))
    this.#stopListening = swarm.listen({ disconnected: (peerId) => this.#table.gone(peerId) })
  }

  async stop(): Promise<void> {
    this.#stopped.abort(
      new SwarmCacheError('ERR_CLOSED', 'The node is stopping, so no turn can be waited for.'),
    )
    this.#stopListening?.()
    await Promise.all([...this.#turns.keys()].map((turn) => turn.leave()))
    await this.#server.stop()
    this.#table.stop()
  }

  async takeTurn(name: Digest, options: TurnOptions = {}): Promise<Turn> {
    const stopped = this.#stopped.signal
    const signal =
      options.signal === undefined ? stopped : AbortSignal.any([options.signal, stopped])
    const place: Interest = { name, passed: new Set() }
    this.#interests.add(place)
    const onWaiting: OnWaiting = ({ holder, progress }) => {
      place.holder = holder
      options.onWaiting?.(progress)
    }
    let turn: Turn | undefined
    try {
      turn = await this.#waitFor(place, signal, onWaiting)
      return turn
    } finally {
      if (!(turn instanceof HeldTurn)) this.#interests.delete(place)
    }
  }

  async #waitFor(place: Interest, signal: AbortSignal, onWaiting: OnWaiting): Promise<Turn> {
    for (;;) {
      signal.throwIfAborted()
      const choice = await this.#choose(place, signal)
      if ('done' in choice) return { kind: 'done', by: choice.done }
      const { leader, holder } = choice
      const line = await this.#join(leader, place.name, { holder }, signal, onWaiting)
      if (line === undefined) {
        if (leader === this.#parts.swarm.peerId) return UNLED_TURN
        place.passed.add(leader)
        continue
      }
      const outcome = await abortable(line.outcome, signal).catch((error: unknown) => {
        line.leave()
        throw error
      })
      if (outcome.kind === 'done') return outcome
      if (outcome.kind === 'granted') return this.#hold(place, line, leader)
      place.passed.add(leader)
    }
  }

  /** Keeps a turn; when who leads is lost the next in order is told that it is held. */
  #hold(place: Interest, first: LeaseLine, firstLeader: PeerId): OwnTurn {
    const { signal } = this.#stopped
    const own = this.#parts.swarm.peerId
    let leader = firstLeader
    place.holder = own
    const reclaim = async (): Promise<LeaseLine | undefined> => {
      while (!signal.aborted && leader !== own) {
        place.passed.add(leader)
        const choice = await this.#choose(place, signal)
        if ('done' in choice) return undefined
        leader = choice.leader
        const line = await this.#join(leader, place.name, { holding: true }, signal)
        if (line !== undefined) return line
      }
      return undefined
    }
    const turn = new HeldTurn({ line: first, reclaim }, this.#held)
    this.#turns.set(turn, place)
    void turn.ended.then(() => {
      this.#turns.delete(turn)
      this.#interests.delete(place)
      if (turn.told > 0) this.#toldMs = performance.now()
    })
    return turn
  }

  hasFollowers(): boolean {
    return performance.now() - Math.max(this.#toldMs, this.#server.followedMs) < FOLLOW_MS
  }

  company(name: Digest): Company {
    const held = [...this.#turns].filter(([, { name: own }]) => own === name)
    if (held.some(([turn]) => turn.others > 0)) return 'waiting'
    return this.#connected().length > 0 ? 'possible' : 'none'
  }

  offer(name: Digest, part: ArchivePart): boolean {
    return this.#offered.put(name, part)
  }

  async *follow(
    name: Digest,
    first: number,
    signal: AbortSignal,
  ): AsyncGenerator<FollowedPart, void, void> {
    const ending = AbortSignal.any([signal, this.#stopped.signal])
    let holder: PeerId | undefined
    let next = first
    for (;;) {
      ending.throwIfAborted()
      holder = this.#holderOf(name) ?? holder
      const parts = holder === undefined ? [] : await this.#partsOf(holder, name, next, ending)
      if (parts.length === 0) await pause(ASK_AGAIN_MS, ending)
      for (const part of parts) {
        next = Math.max(next, endOfPart(part))
        yield { part, by: holder! }
      }
    }
  }

  /** Who has the turn that callers of this process wait for, as far as they have heard. */
  #holderOf(name: Digest): PeerId | undefined {
    for (const interest of this.#interests) {
      // Before the first turn is given there is a leader and no holder.
      if (interest.name === name && interest.holder) return interest.holder
    }
    return undefined
  }

  async #partsOf(
    holder: PeerId,
    name: Digest,
    first: number,
    signal: AbortSignal,
  ): Promise<ArchivePart[]> {
    const { swarm } = this.#parts
    if (holder === swarm.peerId) {
      return await this.#offered.next(name, first, PARTS_WAIT_MS, signal)
    }
    const [protocol, answerMs] = [this.#protocol, this.#answerMs]
    try {
      return await askParts({ swarm, protocol, leader: holder, name, first, answerMs, signal })
    } catch (error) {
      signal.throwIfAborted()
      this.#blame(holder, error)
      return []
    }
  }

  async #join(
    leader: PeerId,
    name: Digest,
    claim: Claim,
    signal: AbortSignal,
    onWaiting?: OnWaiting,
  ): Promise<LeaseLine | undefined> {
    const { swarm } = this.#parts
    if (leader === swarm.peerId) {
      return joinLocal(this.#table, leader, name, { claim, onWaiting })
    }
    try {
      return await joinRemote({
        swarm,
        protocol: this.#protocol,
        leader,
        name,
        claim,
        answerMs: this.#answerMs,
        silenceMs: this.#silenceMs,
        onWaiting,
        signal,
      })
    } catch (error) {
      signal.throwIfAborted()
      this.#blame(leader, error)
      return undefined
    }
  }

  /** The first in order that leads the name already, else the first in order; alone, this node. */
  async #choose({ name, passed }: Interest, signal: AbortSignal): Promise<Choice> {
    const own = this.#parts.swarm.peerId
    const others = this.#connected().filter((peerId) => !passed.has(peerId))
    if (others.length === 0) {
      return await this.#chosen(own, name, new Map([[own, this.#stateOf(name)]]), signal)
    }
    const asked = leaderOrder(name, [own, ...others]).slice(0, MAX_ASKED)
    const known = Promise.withResolvers<Choice>()
    const ask = async (peerId: PeerId): Promise<NameState | undefined> => {
      const state = peerId === own ? this.#stateOf(name) : await this.#ask(peerId, name, signal)
      if (state?.kind === 'done') known.resolve({ done: state.by })
      if (state?.kind === 'held') known.resolve({ leader: peerId })
      return state
    }
    const answered = Promise.all(asked.map(ask)).then((states) => {
      const first = states.findIndex((state) => state !== undefined)
      const known = new Map(asked.map((peerId, at) => [peerId, states[at]]))
      return this.#chosen(asked[first] ?? own, name, known.set(own, this.#stateOf(name)), signal)
    })
    const choice = await Promise.race([known.promise, answered])
    signal.throwIfAborted()
    return choice
  }

  /** Nobody leads the name yet; one who has the turn with a leader that was lost may be heard of. */
  async #chosen(
    leader: PeerId,
    name: Digest,
    states: ReadonlyMap<PeerId, NameState | undefined>,
    signal: AbortSignal,
  ): Promise<Choice> {
    for (const state of states.values()) {
      const holder = state?.kind === 'none' ? state.holder : undefined
      if (holder === undefined || !this.#isPresent(holder)) continue
      const own = states.has(holder) ? states.get(holder) : await this.#ask(holder, name, signal)
      // It has ended its turn since, and who said so has not heard of it yet.
      if (own?.kind === 'none' && own.holder !== holder) continue
      return { leader, holder }
    }
    return { leader }
  }

  #stateOf(name: Digest): NameState {
    const state = this.#table.state(name)
    if (state.kind !== 'none') return state
    for (const interest of this.#interests) {
      if (interest.name === name && interest.holder !== undefined) {
        return { kind: 'none', holder: interest.holder }
      }
    }
    return state
  }

  async #ask(peerId: PeerId, name: Digest, signal: AbortSignal): Promise<NameState | undefined> {
    try {
      const { swarm } = this.#parts
      const protocol = this.#protocol
      const answerMs = this.#answerMs
      return await askState({ swarm, protocol, leader: peerId, name, answerMs, signal })
    } catch (error) {
      if (!signal.aborted) this.#blame(peerId, error)
      return undefined
    }
  }

  #blame(peerId: PeerId, error: unknown): void {
    const reason = errorMessage(error)
    // Who is slow, gone or of another version may still be good for chunks.
    if (isSwarmCacheError(error, 'ERR_FRAME')) this.#parts.peers.failed(peerId, reason, true)
    else this.#parts.logger.log('debug', 'A peer does not lead a turn', { peerId, reason })
  }

  #isPresent(peerId: PeerId): boolean {
    return peerId === this.#parts.swarm.peerId || this.#connected().includes(peerId)
  }

  #connected(): PeerId[] {
    const { swarm, peers } = this.#parts
    const connected = swarm.peers().map(({ peerId }) => peerId)
    return connected.filter((peerId) => peers.isUsable(peerId))
  }
}
