import type { Tiers } from '../cache/cache.ts'
import { errorMessage } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { PeerId } from '../core/peer.ts'
import type { CheckEntry } from '../identity/identity.ts'
import type { Leases } from '../lease/lease.ts'
import type { Router } from '../router/router.ts'
import type { Store } from '../store/store.ts'
import type { Swarm, SwarmPeer } from '../swarm/swarm.ts'
import type { Transfer } from '../transfer/transfer.ts'
import type { HandOver } from './hand-over.ts'
import type { MemberAnswers } from './member-answers.ts'
import { untilQuiet } from './quiet.ts'
import { logWrites } from './write-log.ts'
import type { LoggedEntry } from './write-log.ts'
import type { Rendezvous } from './rendezvous.ts'

/** A repository's swarm and what works on it. */
export interface MemberSwarm {
  readonly swarm: Swarm
  readonly router: Router
  readonly transfer: Transfer
  /** Left out where no turns are taken. */
  readonly leases?: Leases
  /** Left out where nothing is handed over. */
  readonly handOver?: HandOver
  readonly rendezvous: Rendezvous
}

/** What a member is made of. */
export interface MemberParts {
  readonly store: Store
  readonly tiers: Tiers
  readonly answers: MemberAnswers
  /** Left out where no swarm is joined. */
  readonly joined?: MemberSwarm
  /** Tells who wrote an entry; without it every entry is its writer's word. */
  readonly attest?: CheckEntry
  readonly logger: Logger
}

/** Whose participation it is. */
export interface MemberOptions {
  readonly repository: string
  readonly peerId: PeerId
  /** A swarm that cannot be joined is a warning, and the store works alone; an error by default. */
  readonly goesOnAlone?: boolean
}

// Those who waited for what this node brought look for it and fetch it, or have it by then.
const QUIET_MS = 1500

/** One repository's participation on a node: its store, and its place in its swarm. */
export class Member {
  readonly repository: string
  readonly peerId: PeerId
  readonly store: Store
  readonly tiers: Tiers
  readonly answers: MemberAnswers
  readonly #goesOnAlone: boolean
  #joined: MemberSwarm | undefined
  readonly #attest: CheckEntry | undefined
  readonly #logger: Logger
  #stopping: Promise<void> | undefined

  constructor(parts: MemberParts, options: MemberOptions) {
    this.repository = options.repository
    this.peerId = options.peerId
    this.store = parts.store
    this.tiers = parts.tiers
    this.answers = parts.answers
    this.#goesOnAlone = options.goesOnAlone ?? false
    this.#joined = parts.joined
    this.#attest = parts.attest
    this.#logger = parts.logger
  }

  /** What the store holds, and who wrote it. */
  async entries(): Promise<LoggedEntry[]> {
    return await logWrites(await this.store.entries(), this.#attest)
  }

  /** Joins the swarm; on failure everything is closed again and the reason is thrown. */
  async start(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (this.#joined === undefined) return
    const { swarm, router, transfer, leases, handOver, rendezvous } = this.#joined
    try {
      // Answers are registered before the first peer can ask.
      await transfer.start()
      leases?.start()
      handOver?.start()
      this.answers.start()
      router.start()
      await swarm.start(options)
      rendezvous.start()
    } catch (error) {
      if (!this.#goesOnAlone) {
        await this.stop({ signal: AbortSignal.abort() })
        throw error
      }
      // Callers of this process go on taking turns among themselves.
      const { leases: _kept, ...left } = this.#joined
      await this.#leave(left, { signal: AbortSignal.abort() })
      this.#joined = undefined
      this.#logger.log('warning', `The swarm of ${this.repository} cannot be joined.`, {
        reason: errorMessage(error),
      })
    }
  }

  /** Resolves when asking the peers makes sense: those known at the start are connected, or do not answer. */
  async ready(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    await this.#joined?.rendezvous.ready(options)
  }

  addresses(): string[] {
    return this.#joined?.swarm.addresses() ?? []
  }

  peers(): SwarmPeer[] {
    return this.#joined?.swarm.peers() ?? []
  }

  /**
   * Lets those fetch who waited for what this node brought, hands over what no other peer has, takes the own
   * record back and lets running uploads end, all until the signal aborts; leaves, and closes the store.
   */
  async stop(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    this.#stopping ??= this.#stop(options)
    await this.#stopping
  }

  async #stop(options: { readonly signal?: AbortSignal }): Promise<void> {
    if (this.#joined !== undefined) await this.#leave(this.#joined, options)
    await this.#attempt('close the answers of the API', this.answers.stop())
    await this.#attempt('close the store', this.store.close())
  }

  async #leave(joined: MemberSwarm, options: { readonly signal?: AbortSignal }): Promise<void> {
    if (joined.leases?.hasFollowers() === true) await untilQuiet(QUIET_MS, signalOf(options))
    await joined.handOver?.run(options)
    await this.#attempt('withdraw', joined.rendezvous.stop())
    if (joined.leases !== undefined) await this.#attempt('end turns', joined.leases.stop())
    await this.#attempt('end the uploads', joined.transfer.stop(options))
    await this.#attempt('stop routing', joined.router.stop())
    await this.#attempt('leave the swarm', joined.swarm.stop())
  }

  /** Whatever fails on the way out, the rest is still closed. */
  async #attempt(doing: string, work: Promise<void>): Promise<void> {
    try {
      await work
    } catch (error) {
      this.#logger.log('warning', `Could not ${doing} while leaving ${this.repository}.`, {
        reason: errorMessage(error),
      })
    }
  }
}

function signalOf({ signal }: { readonly signal?: AbortSignal }): AbortSignal {
  return signal ?? new AbortController().signal
}
