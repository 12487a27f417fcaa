import { abortable, withDeadline } from '../async/deadline.ts'
import { parsePart } from '../core/archive-part.ts'
import type { ArchivePart } from '../core/archive-part.ts'
import { Watchdog } from '../async/watchdog.ts'
import type { Digest } from '../core/digest.ts'
import { SwarmCacheError } from '../core/errors.ts'
import { MessageStream } from '../core/message.ts'
import type { MessageLimits } from '../core/message.ts'
import type { PeerId } from '../core/peer.ts'
import type { Swarm } from '../swarm/swarm.ts'
import type { TurnResult } from './lease.ts'
import type { Claim, Claimant, Leader, LeaseTable, NameState, Place } from './lease-table.ts'
import {
  LEASE_LIMITS,
  PART_LIMITS,
  PARTS_WAIT_MS,
  parseLineMessage,
  parseState,
} from './lease-wire.ts'

/** What became of waiting in a line. */
export type LineOutcome =
  | { readonly kind: 'granted' }
  | { readonly kind: 'done'; readonly by: PeerId }
  /** Who leads it is gone or silent. */
  | { readonly kind: 'lost' }

/** A place in the line of a name, wherever it is led. */
export interface LeaseLine {
  readonly outcome: Promise<LineOutcome>
  /** How a turn that was granted ended, unless its holder ended it. */
  readonly over: Promise<'lost' | 'lapsed'>
  /** How many others wait in it, when last heard. */
  readonly others: number
  renew(progress: number): void
  /** The number of others who learn of it, once who leads has noted it; undefined if that one is lost. Never rejects. */
  finish(result: TurnResult): Promise<number | undefined>
  leave(): void
}

/** What a line tells while it is waited in. */
export type OnWaiting = (leader: Leader) => void

/** A line that another peer leads, and how long it may be silent. */
export interface RemoteLineOptions {
  readonly swarm: Swarm
  readonly protocol: string
  readonly leader: PeerId
  readonly name: Digest
  readonly claim: Claim
  readonly answerMs: number
  readonly silenceMs: number
  readonly onWaiting?: OnWaiting
  readonly signal: AbortSignal
}

// A success that who leads could not note in this time is known to the peers all the same: they find the entry.
const FINISH_MS = 1000
// In one answer.
const MAX_PARTS = 1024

/**
 * What a peer knows of a name.
 *
 * @throws ERR_TIMEOUT or what the swarm rejects with if it does not answer in time, ERR_FRAME if it answers
 * nonsense, or the signal's reason.
 */
export async function askState(
  options: Omit<RemoteLineOptions, 'claim' | 'silenceMs' | 'onWaiting'>,
): Promise<NameState> {
  const { answerMs, leader, name } = options
  let stream: MessageStream | undefined
  try {
    return await withDeadline(answerMs, `The peer ${leader}`, options.signal, async (signal) => {
      stream = await openStream(options, signal)
      await stream.write({ ask: 'state', name })
      const message = await stream.read()
      if (message === undefined) throw ended(leader)
      const state = parseState(message.header)
      if (state !== undefined) return state
      if (parseLineMessage(message.header)?.kind === 'busy') return { kind: 'none' }
      throw malformed(leader)
    })
  } finally {
    stream?.abort()
  }
}

/** The parts that a peer offers beyond the pieces before `first`, none if it has none for now; rejects as `askState` does. */
export async function askParts(
  options: Omit<RemoteLineOptions, 'claim' | 'silenceMs' | 'onWaiting'> & {
    readonly first: number
  },
): Promise<ArchivePart[]> {
  const { answerMs, leader, name, first } = options
  let stream: MessageStream | undefined
  const patienceMs = PARTS_WAIT_MS + answerMs
  try {
    return await withDeadline(patienceMs, `The peer ${leader}`, options.signal, async (signal) => {
      stream = await openStream(options, signal, PART_LIMITS)
      await stream.write({ ask: 'parts', name, first })
      const parts: ArchivePart[] = []
      for (;;) {
        const message = await stream.read()
        if (message === undefined) return parts
        const { header, body } = message
        if (parseLineMessage(header)?.kind === 'busy') return parts
        const part = parsePart(name, header, body)
        if (part === undefined || parts.length >= MAX_PARTS) throw malformed(leader)
        parts.push(part)
      }
    })
  } finally {
    stream?.abort()
  }
}

/** A place in a line that another peer leads; rejects as `askState` does. */
export async function joinRemote(options: RemoteLineOptions): Promise<LeaseLine> {
  const { answerMs, leader, name, claim } = options
  let stream: MessageStream | undefined
  try {
    return await withDeadline(answerMs, `The peer ${leader}`, options.signal, async (signal) => {
      stream = await openStream(options, signal)
      await stream.write({ ask: 'turn', name, ...claim })
      const line = new RemoteLine(stream, options)
      await line.answered
      return line
    })
  } catch (error) {
    stream?.abort()
    throw error
  }
}

/** A place in a line that this process leads; undefined if there is no room. */
export function joinLocal(
  table: LeaseTable,
  peerId: PeerId,
  name: Digest,
  options: { readonly claim: Claim; readonly onWaiting?: OnWaiting },
): LeaseLine | undefined {
  const claimant = new LocalClaimant(peerId, options.onWaiting)
  const place = table.join(name, claimant, options.claim)
  return place === undefined ? undefined : new LocalLine(claimant, place)
}

class RemoteLine implements LeaseLine {
  readonly #messages: MessageStream
  readonly #leader: PeerId
  readonly #onWaiting: OnWaiting | undefined
  readonly #watchdog: Watchdog
  readonly #answered = Promise.withResolvers<void>()
  readonly #outcome = Promise.withResolvers<LineOutcome>()
  readonly #over = Promise.withResolvers<'lost' | 'lapsed'>()
  readonly #noted = Promise.withResolvers<number | undefined>()
  #renewing = false
  #finishing = false
  #others = 0

  constructor(messages: MessageStream, options: RemoteLineOptions) {
    this.#messages = messages
    this.#leader = options.leader
    this.#onWaiting = options.onWaiting
    const silent = new SwarmCacheError('ERR_TIMEOUT', `The peer ${options.leader} is silent.`)
    this.#watchdog = new Watchdog(options.silenceMs, () => this.#end('lost', silent))
    this.#answered.promise.catch(() => {})
    void this.#follow()
  }

  /** Rejects if the first thing said is nonsense, or nothing is. */
  get answered(): Promise<void> {
    return this.#answered.promise
  }

  get outcome(): Promise<LineOutcome> {
    return this.#outcome.promise
  }

  get over(): Promise<'lost' | 'lapsed'> {
    return this.#over.promise
  }

  get others(): number {
    return this.#others
  }

  renew(progress: number): void {
    if (this.#renewing || this.#finishing) return
    this.#renewing = true
    void this.#messages
      .write({ renew: progress })
      .catch(() => {})
      .finally(() => (this.#renewing = false))
  }

  async finish(result: TurnResult): Promise<number | undefined> {
    this.#finishing = true
    const what = 'Telling of the end of a turn'
    const noted = await withDeadline(FINISH_MS, what, undefined, async () => {
      await this.#messages.write({ finish: result })
      return await this.#noted.promise
    }).catch(() => undefined)
    this.leave()
    return noted
  }

  leave(): void {
    this.#end('lost')
  }

  async #follow(): Promise<void> {
    try {
      for (;;) {
        const message = await this.#messages.read()
        if (message === undefined) throw ended(this.#leader)
        const said = parseLineMessage(message.header)
        if (said === undefined) throw malformed(this.#leader)
        this.#watchdog.heard()
        this.#answered.resolve()
        switch (said.kind) {
          case 'waiting':
            this.#onWaiting?.(said.leader)
            break
          case 'granted':
            this.#outcome.resolve({ kind: 'granted' })
            break
          case 'noted':
            this.#others = said.others
            if (this.#finishing) this.#noted.resolve(said.others)
            break
          case 'done':
            this.#outcome.resolve(said)
            return this.#end('lapsed')
          case 'lapsed':
            return this.#end('lapsed')
          case 'busy':
            return this.#end('lost')
        }
      }
    } catch (error) {
      this.#end('lost', error)
    }
  }

  #end(how: 'lost' | 'lapsed', error: unknown = ended(this.#leader)): void {
    this.#watchdog[Symbol.dispose]()
    this.#answered.reject(error)
    this.#outcome.resolve({ kind: 'lost' })
    this.#over.resolve(how)
    // What has lapsed is of no use to anybody else either.
    this.#noted.resolve(how === 'lapsed' ? 0 : undefined)
    this.#messages.abort()
  }
}

class LocalClaimant implements Claimant {
  readonly peerId: PeerId
  readonly #onWaiting: OnWaiting | undefined
  readonly outcome: PromiseWithResolvers<LineOutcome> = Promise.withResolvers()
  readonly over: PromiseWithResolvers<'lost' | 'lapsed'> = Promise.withResolvers()

  constructor(peerId: PeerId, onWaiting: OnWaiting | undefined) {
    this.peerId = peerId
    this.#onWaiting = onWaiting
  }

  waiting(leader: Leader): void {
    this.#onWaiting?.(leader)
  }

  granted(): void {
    this.outcome.resolve({ kind: 'granted' })
  }

  /** Its place tells at any time. */
  joined(): void {}

  done(by: PeerId): void {
    this.outcome.resolve({ kind: 'done', by })
    this.over.resolve('lapsed')
  }

  lapsed(): void {
    this.over.resolve('lapsed')
  }
}

class LocalLine implements LeaseLine {
  readonly #claimant: LocalClaimant
  readonly #place: Place

  constructor(claimant: LocalClaimant, place: Place) {
    this.#claimant = claimant
    this.#place = place
  }

  get outcome(): Promise<LineOutcome> {
    return this.#claimant.outcome.promise
  }

  get over(): Promise<'lost' | 'lapsed'> {
    return this.#claimant.over.promise
  }

  get others(): number {
    return this.#place.others
  }

  renew(progress: number): void {
    this.#place.renew(progress)
  }

  async finish(result: TurnResult): Promise<number> {
    const others = this.#place.finish(result)
    this.#claimant.over.resolve('lapsed')
    return others
  }

  leave(): void {
    this.#place.leave()
    this.#claimant.over.resolve('lapsed')
  }
}

async function openStream(
  { swarm, leader, protocol }: Pick<RemoteLineOptions, 'swarm' | 'leader' | 'protocol'>,
  signal: AbortSignal,
  limits: MessageLimits = LEASE_LIMITS,
): Promise<MessageStream> {
  const opening = swarm.open(leader, protocol, { signal })
  // A stream that opens after the wait is over belongs to nobody.
  opening.then(
    (stream) => signal.aborted && stream.abort(),
    () => {},
  )
  return new MessageStream(await abortable(opening, signal), limits)
}

function ended(peerId: PeerId): SwarmCacheError {
  return new SwarmCacheError('ERR_PEER', `The peer ${peerId} ended the conversation about a turn.`)
}

function malformed(peerId: PeerId): SwarmCacheError {
  return new SwarmCacheError('ERR_FRAME', `What the peer ${peerId} says of a turn is malformed.`)
}
