import { withDeadline } from '../async/deadline.ts'
import { Limit } from '../async/limit.ts'
import { errorMessage } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { NEVER } from '../core/peer.ts'
import type { PeerId, PeerRecord } from '../core/peer.ts'
import type { Swarm } from '../swarm/swarm.ts'

/** Tunables of dialling. */
export interface PeerDialerOptions {
  /** Wait after the first failure of a peer; doubles with each further one. */
  readonly backoffMs?: number
  /** No peer is left alone for longer than this. */
  readonly longestBackoffMs?: number
  /** Beyond this many connections only seeders are dialled; the DHT reaches the rest. */
  readonly enoughPeers?: number
}

interface Failing {
  readonly addresses: string
  readonly failures: number
  /** By the monotonic clock. */
  readonly retryAt: number
}

// Dead records must not keep the living waiting, whose dials take milliseconds.
const PARALLEL = 16
// A packet that is dropped gives no answer; a LAN or a relay answers well within this.
const DIAL_DEADLINE_MS = 3000
const BACKOFF_MS = 1000
const LONGEST_BACKOFF_MS = 60_000
// Up to about 50 peers one round to all of them is the fastest lookup there is.
const ENOUGH_PEERS = 64

/** Connects to the peers that registries name, and leaves those that fail alone for a growing while. */
export class PeerDialer {
  readonly #swarm: Swarm
  readonly #logger: Logger
  readonly #backoffMs: number
  readonly #longestBackoffMs: number
  readonly #enoughPeers: number
  readonly #limit = new Limit(PARALLEL)
  readonly #dialling = new Map<PeerId, Promise<void>>()
  #failing = new Map<PeerId, Failing>()

  constructor(parts: { swarm: Swarm; logger: Logger }, options: PeerDialerOptions = {}) {
    this.#swarm = parts.swarm
    this.#logger = parts.logger
    this.#backoffMs = options.backoffMs ?? BACKOFF_MS
    this.#longestBackoffMs = options.longestBackoffMs ?? LONGEST_BACKOFF_MS
    this.#enoughPeers = options.enoughPeers ?? ENOUGH_PEERS
  }

  /** Dials everybody in `records` who is neither connected nor in backoff; resolves once each was tried. */
  async dial(records: readonly PeerRecord[], signal: AbortSignal): Promise<void> {
    this.#forgetAllBut(records)
    const connected = new Set(this.#swarm.peers().map((peer) => peer.peerId))
    const wanted = records.filter((record) => !connected.has(record.peerId) && this.#isDue(record))
    const seeders = shuffle(wanted.filter((record) => record.role === 'seeder'))
    const others = shuffle(wanted.filter((record) => record.role !== 'seeder'))
    const room = Math.max(0, this.#enoughPeers - connected.size - seeders.length)
    await Promise.all(
      takeTurns(seeders, others.slice(0, room)).map((record) => this.#dialOnce(record, signal)),
    )
  }

  /** A connection has come about: earlier failures no longer count. */
  connected(peerId: PeerId): void {
    this.#failing.delete(peerId)
  }

  async #dialOnce(record: PeerRecord, signal: AbortSignal): Promise<void> {
    const running = this.#dialling.get(record.peerId)
    if (running !== undefined) return await running
    const started = this.#limit
      .run(() => this.#tryDial(record, signal), signal)
      .catch(() => {})
      .finally(() => this.#dialling.delete(record.peerId))
    this.#dialling.set(record.peerId, started)
    await started
  }

  async #tryDial(record: PeerRecord, signal: AbortSignal): Promise<void> {
    const { peerId, addresses } = record
    try {
      await withDeadline(DIAL_DEADLINE_MS, `Dialling ${peerId}`, signal, (stop) =>
        this.#swarm.dial(peerId, addresses, { signal: stop }),
      )
      this.#failing.delete(peerId)
    } catch (error) {
      if (signal.aborted) return
      const failures = (this.#failing.get(peerId)?.failures ?? 0) + 1
      const backoffMs = Math.min(
        this.#backoffMs * 2 ** Math.min(failures - 1, 20),
        this.#longestBackoffMs,
      )
      const retryAt = performance.now() + backoffMs * (0.75 + Math.random() / 2)
      this.#failing.set(peerId, { addresses: addresses.join(), failures, retryAt })
      // Announced peers come and go; one whose address was given to us should be there.
      const isExpected = record.expires === NEVER && failures === 1
      const text = `Could not connect to ${peerId}; trying again later.`
      this.#logger.log(isExpected ? 'warning' : 'debug', text, {
        reason: errorMessage(error),
        failures,
      })
    }
  }

  /** Other addresses than those that failed are worth a try at once. */
  #isDue(record: PeerRecord): boolean {
    if (record.addresses.length === 0) return false
    const failing = this.#failing.get(record.peerId)
    if (failing === undefined || failing.addresses !== record.addresses.join()) return true
    return performance.now() >= failing.retryAt
  }

  #forgetAllBut(records: readonly PeerRecord[]): void {
    const kept = new Map<PeerId, Failing>()
    for (const { peerId } of records) {
      const failing = this.#failing.get(peerId)
      if (failing !== undefined) kept.set(peerId, failing)
    }
    this.#failing = kept
  }
}

function shuffle<T>(items: T[]): T[] {
  for (let last = items.length - 1; last > 0; last -= 1) {
    const other = Math.floor(Math.random() * (last + 1))
    const item = items[last] as T
    items[last] = items[other] as T
    items[other] = item
  }
  return items
}

/** One of each in turn: records of one kind, which anybody may make up, must not keep the others waiting. */
function takeTurns<T>(a: readonly T[], b: readonly T[]): T[] {
  const longest = Math.max(a.length, b.length)
  return Array.from({ length: longest }, (_, index) => [a[index], b[index]])
    .flat()
    .filter((item) => item !== undefined)
}
