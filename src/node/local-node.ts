import { abortable } from '../async/deadline.ts'
import type { Tiers } from '../cache/cache.ts'
import { SwarmCacheError } from '../core/errors.ts'
import type { Role } from '../core/peer.ts'
import type { StoreReport } from '../store/store.ts'
import type { Member } from './member.ts'
import type { LoggedEntry, Node, NodeAnswers, NodeStatus, PeerStatus } from './node.ts'
import { PeerBytes } from './peer-bytes.ts'

/** What a node is made of. */
export interface LocalNodeParts {
  /** Makes a repository's participation, not yet started. */
  readonly createMember: (repository: string) => Promise<Member>
}

/** What a node says of itself, and its bounds. */
export interface LocalNodeOptions {
  readonly version: string
  readonly home: string
  readonly role: Role
  readonly membership: NodeStatus['membership']
  readonly registries: readonly string[]
  /** Repositories that one node takes part in at most. */
  readonly maxMembers?: number
  /** Time that running uploads have to end when the node stops. */
  readonly drainMs?: number
}

interface Joined {
  readonly member: Promise<Member>
  /** Set once the member has started. */
  started?: Member
}

// Each repository is a swarm of its own: a listener, a DHT and some sockets.
const MAX_MEMBERS = 32
// A job's post step waits for this; readers that are cut off go on with other peers.
const DRAIN_MS = 5000

/** A node of this process, which takes part in the swarm of each repository that is asked for. */
export class LocalNode implements Node {
  readonly #createMember: LocalNodeParts['createMember']
  readonly #options: LocalNodeOptions
  readonly #maxMembers: number
  readonly #drainMs: number
  readonly #members = new Map<string, Joined>()
  readonly #bytes = new PeerBytes()
  readonly #startedAt = performance.now()
  #stopping: Promise<void> | undefined

  constructor(parts: LocalNodeParts, options: LocalNodeOptions) {
    this.#createMember = parts.createMember
    this.#options = options
    this.#maxMembers = options.maxMembers ?? MAX_MEMBERS
    this.#drainMs = options.drainMs ?? DRAIN_MS
  }

  async tiers(repository: string, options: { readonly signal?: AbortSignal } = {}): Promise<Tiers> {
    const member = await this.#member(repository, options.signal)
    await member.ready(options)
    return member.tiers
  }

  async answers(
    repository: string,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<NodeAnswers> {
    const member = await this.#member(repository, options.signal)
    await member.ready(options)
    return member.answers
  }

  async status(): Promise<NodeStatus> {
    const started = [...this.#members.values()].flatMap(({ started: member }) => member ?? [])
    const swarms = started.map(async (member) => ({
      repository: member.repository,
      peerId: member.peerId,
      addresses: member.addresses(),
      peers: member.peers().length,
      store: await member.store.usage(),
      api: member.answers.stats(),
    }))
    const { version, home, role, membership, registries } = this.#options
    return {
      version,
      pid: process.pid,
      home,
      role,
      uptimeSeconds: (performance.now() - this.#startedAt) / 1000,
      membership,
      registries,
      swarms: await Promise.all(swarms),
    }
  }

  async peers(repository: string): Promise<PeerStatus[]> {
    const member = await this.#member(repository)
    return member.peers().map((peer) => {
      const { received, sent } = this.#bytes.of(peer.peerId)
      return {
        peerId: peer.peerId,
        address: peer.address,
        relayed: peer.relayed,
        attestation: peer.attestation,
        connectedSeconds: Math.max(0, (Date.now() - peer.since) / 1000),
        bytesReceived: received,
        bytesSent: sent,
      }
    })
  }

  async entries(repository: string): Promise<LoggedEntry[]> {
    return await (await this.#member(repository)).entries()
  }

  async verify(
    repository: string,
    options: { readonly deep?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<StoreReport> {
    return await (await this.#member(repository, options.signal)).store.verify(options)
  }

  async stop(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    this.#stopping ??= this.#drain(options.signal)
    await this.#stopping
  }

  async #member(repository: string, signal?: AbortSignal): Promise<Member> {
    signal?.throwIfAborted()
    if (this.#stopping !== undefined) {
      throw new SwarmCacheError('ERR_CLOSED', 'The node is stopping. Start it again to use it.')
    }
    let joined = this.#members.get(repository)
    if (joined === undefined) {
      if (this.#members.size >= this.#maxMembers) {
        throw new SwarmCacheError(
          'ERR_LIMIT',
          `This node takes part in ${this.#maxMembers} repositories already, so it cannot join ${repository}. Start another node with a home of its own.`,
          { facts: { repository, maxMembers: this.#maxMembers } },
        )
      }
      joined = { member: this.#join(repository) }
      this.#members.set(repository, joined)
    }
    return await (signal === undefined ? joined.member : abortable(joined.member, signal))
  }

  /** Shared by all who ask meanwhile, so it listens to nobody's signal. */
  async #join(repository: string): Promise<Member> {
    try {
      const member = await this.#createMember(repository)
      await member.start()
      const joined = this.#members.get(repository)
      if (joined !== undefined) joined.started = member
      return member
    } catch (error) {
      this.#members.delete(repository)
      throw error
    }
  }

  async #drain(signal: AbortSignal | undefined): Promise<void> {
    const budget = AbortSignal.timeout(this.#drainMs)
    const stop = { signal: signal === undefined ? budget : AbortSignal.any([signal, budget]) }
    const joined = [...this.#members.values()]
    const members = await Promise.allSettled(joined.map(({ member }) => member))
    await Promise.all(
      members.map(async (member) => {
        if (member.status === 'fulfilled') await member.value.stop(stop)
      }),
    )
    this.#members.clear()
    this.#bytes[Symbol.dispose]()
  }
}
