import { abortable } from '../async/deadline.ts'
import type { Logger } from '../core/logger.ts'
import { MAX_PEER_ADDRESSES } from '../core/peer.ts'
import type { PeerId, PeerRecord } from '../core/peer.ts'
import type { Registry } from '../registry/registry.ts'
import type { Swarm } from '../swarm/swarm.ts'
import { Announcer } from './announcer.ts'
import type { AnnouncerOptions } from './announcer.ts'
import { PeerDialer } from './peer-dialer.ts'
import type { PeerDialerOptions } from './peer-dialer.ts'
import { RegistryCalls } from './registry-calls.ts'
import { RegistryWatch } from './registry-watch.ts'
import type { RegistryWatchOptions } from './registry-watch.ts'

/** What a rendezvous joins. */
export interface RendezvousParts {
  readonly swarm: Swarm
  readonly registries: readonly Registry[]
  readonly logger: Logger
}

/** Tunables of a rendezvous. */
export interface RendezvousOptions
  extends AnnouncerOptions, PeerDialerOptions, RegistryWatchOptions {
  /** `ready` does not wait longer than this after the start. */
  readonly readyMs?: number
}

const READY_MS = 1000

/**
 * Brings the peers of a swarm together: announces this one, finds the others and connects to them.
 *
 * Every registry is announced in and looked into for itself, so that none holds up or brings down another.
 */
export class Rendezvous {
  readonly #swarm: Swarm
  readonly #announcers: readonly Announcer[]
  readonly #watches: readonly RegistryWatch[]
  readonly #dialer: PeerDialer
  readonly #readyMs: number
  readonly #stopped = new AbortController()
  readonly #ready = Promise.withResolvers<void>()
  /** What each registry named when it was last read. */
  readonly #found = new Map<number, readonly PeerRecord[]>()
  /** Registries whose first look, or what it led to, has not ended. */
  readonly #awaited: Set<number>
  #seeders: ReadonlySet<PeerId> = new Set()
  #readyTimer: NodeJS.Timeout | undefined
  readonly #dials = new Set<Promise<void>>()
  #stopListening: () => void = () => {}

  constructor(parts: RendezvousParts, options: RendezvousOptions) {
    const { swarm, registries, logger } = parts
    this.#swarm = swarm
    this.#dialer = new PeerDialer(parts, options)
    const calls = registries.map((registry) => new RegistryCalls({ registry, swarm, logger }))
    // A reader serves nothing, so nobody gains from dialling it.
    this.#announcers =
      options.role === 'reader' ? [] : calls.map((each) => new Announcer(swarm, each, options))
    this.#watches = calls.map((each, index) => {
      const onLook = (records?: readonly PeerRecord[]): void => this.#looked(index, records)
      return new RegistryWatch({ calls: each, onLook }, options)
    })
    this.#awaited = new Set(registries.keys())
    this.#readyMs = options.readyMs ?? READY_MS
  }

  /** Begins to announce and to look for peers; the swarm must have started. */
  start(): void {
    this.#stopListening = this.#swarm.listen({
      connected: ({ peerId }) => this.#dialer.connected(peerId),
      disconnected: (peerId) => this.#disconnected(peerId),
      addressesChanged: () => {
        for (const announcer of this.#announcers) announcer.addressesChanged()
      },
    })
    for (const announcer of this.#announcers) announcer.start()
    for (const watch of this.#watches) watch.start()
    const readyMs = this.#awaited.size === 0 ? 0 : this.#readyMs
    this.#readyTimer = setTimeout(() => this.#ready.resolve(), readyMs)
  }

  /** Resolves once the peers that were announced at the start have been dialled, or after a short deadline. */
  async ready(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const { signal } = options
    await (signal === undefined ? this.#ready.promise : abortable(this.#ready.promise, signal))
  }

  /** Stops looking, and takes the own record back; within its own short deadline. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    clearTimeout(this.#readyTimer)
    this.#ready.resolve()
    this.#stopListening()
    await Promise.all([
      ...this.#watches.map((watch) => watch.stop()),
      ...this.#dials,
      ...this.#announcers.map((announcer) => announcer.stop()),
    ])
  }

  /** A seeder that went is probably restarting: look often again. */
  #disconnected(peerId: PeerId): void {
    if (!this.#seeders.has(peerId)) return
    for (const watch of this.#watches) watch.hurry()
  }

  /** Dials go on beside further looks, so that one that hangs keeps nobody waiting. */
  #looked(index: number, records: readonly PeerRecord[] | undefined): void {
    if (records !== undefined) this.#found.set(index, records)
    const others = joinRecords([...this.#found.values()].flat()).filter(
      (record) => record.peerId !== this.#swarm.peerId,
    )
    const seeders = others.filter((record) => record.role === 'seeder')
    this.#seeders = new Set(seeders.map((record) => record.peerId))
    const dials = this.#dialer.dial(others, this.#stopped.signal).finally(() => {
      this.#dials.delete(dials)
      this.#awaited.delete(index)
      if (this.#awaited.size === 0) this.#ready.resolve()
    })
    this.#dials.add(dials)
  }
}

/** One fresh record for each peer, with the addresses that all registries know. */
function joinRecords(records: readonly PeerRecord[]): PeerRecord[] {
  const now = Date.now()
  const joined = new Map<PeerId, PeerRecord>()
  for (const record of records) {
    if (record.expires <= now) continue
    const known = joined.get(record.peerId) ?? record
    const addresses = [...new Set([...known.addresses, ...record.addresses])]
    const later = known.expires >= record.expires ? known : record
    joined.set(record.peerId, { ...later, addresses: addresses.slice(0, MAX_PEER_ADDRESSES) })
  }
  return [...joined.values()]
}
