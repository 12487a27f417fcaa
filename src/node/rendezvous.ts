import { abortable } from '../async/deadline.ts'
import type { Logger } from '../core/logger.ts'
import type { PeerId } from '../core/peer.ts'
import type { Registry } from '../registry/registry.ts'
import type { Swarm } from '../swarm/swarm.ts'
import { Announcer } from './announcer.ts'
import type { AnnouncerOptions } from './announcer.ts'
import { PeerDialer } from './peer-dialer.ts'
import type { PeerDialerOptions } from './peer-dialer.ts'
import { RegistryCalls } from './registry-calls.ts'

/** What a rendezvous joins. */
export interface RendezvousParts {
  readonly swarm: Swarm
  readonly registries: readonly Registry[]
  readonly logger: Logger
}

/** Tunables of a rendezvous. */
export interface RendezvousOptions extends AnnouncerOptions, PeerDialerOptions {
  /** Time from the first look into the registries to the second; doubles with each further one. */
  readonly firstDiscoverMs?: number
  /** The registries are looked into at least this often. */
  readonly slowestDiscoverMs?: number
  /** `ready` does not wait longer than this after the start. */
  readonly readyMs?: number
}

// Nodes of a job matrix start within seconds of each other: look often at first.
const FIRST_DISCOVER_MS = 250
const SLOWEST_DISCOVER_MS = 15_000
const JITTER = 0.2
const READY_MS = 1000
// After a change: one look takes a write or two of others along, and ten times what a look takes is left between two.
const LEAST_GAP_MS = 50
const GAP_PER_LOOK = 10

/** Brings the peers of a swarm together: announces this one, finds the others and connects to them. */
export class Rendezvous {
  readonly #swarm: Swarm
  readonly #calls: RegistryCalls
  readonly #announcer: Announcer | undefined
  readonly #dialer: PeerDialer
  readonly #firstDiscoverMs: number
  readonly #slowestDiscoverMs: number
  readonly #readyMs: number
  readonly #stopped = new AbortController()
  readonly #ready = Promise.withResolvers<void>()
  #seeders: ReadonlySet<PeerId> = new Set()
  #delayMs: number
  #timer: NodeJS.Timeout | undefined
  #readyTimer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  readonly #dials = new Set<Promise<void>>()
  #again = false
  // Of the last look, by the monotonic clock; and when the next one is due.
  #endedAt = 0
  #tookMs = 0
  #dueAt = 0
  #stopListening: (() => void)[] = []

  constructor(parts: RendezvousParts, options: RendezvousOptions) {
    this.#swarm = parts.swarm
    this.#calls = new RegistryCalls(parts.registries, parts.logger)
    this.#dialer = new PeerDialer(parts, options)
    // A reader serves nothing, so nobody gains from dialling it.
    if (options.role !== 'reader') {
      this.#announcer = new Announcer({ swarm: parts.swarm, calls: this.#calls }, options)
    }
    this.#firstDiscoverMs = options.firstDiscoverMs ?? FIRST_DISCOVER_MS
    this.#slowestDiscoverMs = options.slowestDiscoverMs ?? SLOWEST_DISCOVER_MS
    this.#readyMs = options.readyMs ?? READY_MS
    this.#delayMs = this.#firstDiscoverMs
  }

  /** Begins to announce and to look for peers; the swarm must have started. */
  start(): void {
    this.#stopListening = [
      this.#swarm.listen({
        connected: ({ peerId }) => this.#dialer.connected(peerId),
        disconnected: (peerId) => this.#disconnected(peerId),
        addressesChanged: () => this.#announcer?.addressesChanged(),
      }),
      this.#calls.watch(() => this.#changed()),
    ]
    this.#announcer?.start()
    this.#readyTimer = setTimeout(() => this.#ready.resolve(), this.#readyMs)
    this.#discover()
  }

  /** Resolves once the peers that were announced at the start have been dialled, or after a short deadline. */
  async ready(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const { signal } = options
    await (signal === undefined ? this.#ready.promise : abortable(this.#ready.promise, signal))
  }

  /** Stops looking, and takes the own record back; within its own short deadline. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    clearTimeout(this.#timer)
    clearTimeout(this.#readyTimer)
    this.#ready.resolve()
    for (const stop of this.#stopListening) stop()
    await Promise.all([this.#running, ...this.#dials, this.#announcer?.stop()])
  }

  /** A seeder that went is probably restarting: look often again. */
  #disconnected(peerId: PeerId): void {
    if (!this.#seeders.has(peerId)) return
    this.#delayMs = this.#firstDiscoverMs
    if (this.#running === undefined) this.#schedule(this.#delayMs)
  }

  /** A change is looked at soon, but a busy registry costs no more than a tenth of the time. */
  #changed(): void {
    if (this.#running !== undefined) {
      this.#again = true
      return
    }
    const gapMs = Math.max(LEAST_GAP_MS, GAP_PER_LOOK * this.#tookMs)
    const sinceMs = performance.now() - this.#endedAt
    if (this.#dueAt <= this.#endedAt + gapMs) return
    this.#schedule(Math.max(0, gapMs - sinceMs))
  }

  #discover(): void {
    this.#again = false
    const started = performance.now()
    this.#running = this.#discoverOnce().finally(() => {
      this.#running = undefined
      this.#endedAt = performance.now()
      this.#tookMs = this.#endedAt - started
      const jitter = 1 + JITTER * (2 * Math.random() - 1)
      this.#schedule(this.#delayMs * jitter)
      this.#delayMs = Math.min(this.#delayMs * 2, this.#slowestDiscoverMs)
      if (this.#again) this.#changed()
    })
  }

  /** Dials go on beside further looks, so that one that hangs keeps nobody waiting. */
  async #discoverOnce(): Promise<void> {
    const { signal } = this.#stopped
    const records = await this.#calls.discover(signal)
    if (signal.aborted) return
    const others = records.filter((record) => record.peerId !== this.#swarm.peerId)
    const seeders = others.filter((record) => record.role === 'seeder')
    this.#seeders = new Set(seeders.map((record) => record.peerId))
    const dials = this.#dialer.dial(others, signal).finally(() => {
      this.#dials.delete(dials)
      this.#ready.resolve()
    })
    this.#dials.add(dials)
  }

  #schedule(delayMs: number): void {
    if (this.#stopped.signal.aborted) return
    clearTimeout(this.#timer)
    this.#dueAt = performance.now() + delayMs
    this.#timer = setTimeout(() => this.#discover(), delayMs)
    this.#timer.unref()
  }
}
