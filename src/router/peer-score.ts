import type { PeerId, PeerOutcome } from '../core/peer.ts'

/** What a score depends on from outside. */
export interface PeerScoresParts {
  /** Milliseconds from any fixed point; never goes back. */
  readonly now: () => number
  /** From 0 up to 1. */
  readonly random: () => number
}

/** Tunables of the scores. */
export interface PeerScoresOptions {
  /** First wait after a failure; each further one doubles it. */
  readonly backoffMs?: number
  readonly maxBackoffMs?: number
  /** First wait after misbehaviour; each further one doubles it. */
  readonly banMs?: number
  readonly maxBanMs?: number
  /** Failures count half after each such time without another. */
  readonly forgetMs?: number
  readonly maxPeers?: number
}

interface Score {
  failures: number
  misdeeds: number
  /** When the newest wait ends, moved on as failures are forgotten. */
  calmSince: number
  backoffUntil: number
  bannedUntil: number
  latencyMs: number | undefined
  bytesPerMs: number | undefined
}

const DEFAULTS: Required<PeerScoresOptions> = {
  // A busy machine misses a deadline now and then; a second is enough not to ask it twice in one restore.
  backoffMs: 1000,
  maxBackoffMs: 5 * 60_000,
  banMs: 10 * 60_000,
  maxBanMs: 6 * 60 * 60_000,
  forgetMs: 10 * 60_000,
  // Ten times the peers that a node connects to.
  maxPeers: 2048,
}
const WEIGHT = 0.3
// What is assumed of a peer that was never measured: good enough to be tried before a slow one.
const UNKNOWN_LATENCY_MS = 20
const UNKNOWN_BYTES_PER_MS = 50_000
// The size of the piece of work by which peers are compared.
const TYPICAL_BYTES = 256 * 1024

/** What this node remembers of how peers behaved; pure policy, no input or output. */
export class PeerScores {
  readonly #now: () => number
  readonly #random: () => number
  readonly #options: Required<PeerScoresOptions>
  /** The peer touched last is last, so that the first is dropped when there are too many. */
  readonly #scores = new Map<PeerId, Score>()

  constructor(parts: PeerScoresParts, options: PeerScoresOptions = {}) {
    this.#now = parts.now
    this.#random = parts.random
    this.#options = { ...DEFAULTS, ...options }
  }

  succeeded(peerId: PeerId, outcome: PeerOutcome): void {
    const score = this.#touch(peerId)
    // Half, not none: a peer that answers questions but fails transfers must not start afresh each time.
    score.failures = Math.floor(score.failures / 2)
    score.backoffUntil = 0
    if (outcome.latencyMs !== undefined) score.latencyMs = blend(score.latencyMs, outcome.latencyMs)
    const { bytes, milliseconds } = outcome
    if (bytes !== undefined && milliseconds !== undefined && bytes > 0) {
      score.bytesPerMs = blend(score.bytesPerMs, bytes / Math.max(milliseconds, 0.1))
    }
  }

  /** Returns how long the peer is left alone now, in milliseconds. */
  failed(peerId: PeerId, misbehaved = false): number {
    const score = this.#touch(peerId)
    const now = this.#now()
    if (misbehaved) {
      score.misdeeds += 1
      const waitMs = this.#wait(this.#options.banMs, this.#options.maxBanMs, score.misdeeds)
      score.bannedUntil = now + waitMs
      score.calmSince = score.bannedUntil
      return waitMs
    }
    // Many requests under way fail together when a peer goes; that is one failure.
    if (now < score.backoffUntil) return score.backoffUntil - now
    score.failures += 1
    const waitMs = this.#wait(this.#options.backoffMs, this.#options.maxBackoffMs, score.failures)
    score.backoffUntil = now + waitMs
    score.calmSince = Math.max(score.calmSince, score.backoffUntil)
    return waitMs
  }

  /** True while a wait after misbehaviour lasts. */
  isBanned(peerId: PeerId): boolean {
    const score = this.#scores.get(peerId)
    return score !== undefined && this.#now() < score.bannedUntil
  }

  isUsable(peerId: PeerId): boolean {
    const score = this.#scores.get(peerId)
    if (score === undefined) return true
    const now = this.#now()
    return now >= score.backoffUntil && now >= score.bannedUntil
  }

  /** The usable ones, each once, the one expected to answer soonest first; equals in random order. */
  rank(peers: Iterable<PeerId>): PeerId[] {
    return [...new Set(peers)]
      .filter((peerId) => this.isUsable(peerId))
      .map((peerId) => ({ peerId, cost: this.#cost(peerId), tie: this.#random() }))
      .sort((a, b) => a.cost - b.cost || a.tie - b.tie)
      .map(({ peerId }) => peerId)
  }

  /** How many peers are remembered. */
  get size(): number {
    return this.#scores.size
  }

  /** Expected milliseconds for a typical piece of work, more for those that failed lately. */
  #cost(peerId: PeerId): number {
    const score = this.#scores.get(peerId)
    const latencyMs = score?.latencyMs ?? UNKNOWN_LATENCY_MS
    const bytesPerMs = score?.bytesPerMs ?? UNKNOWN_BYTES_PER_MS
    if (score !== undefined) this.#forget(score)
    const failures = score === undefined ? 0 : score.failures + 4 * score.misdeeds
    return (latencyMs + TYPICAL_BYTES / bytesPerMs) * (1 + failures)
  }

  #wait(firstMs: number, maxMs: number, times: number): number {
    const jitter = 0.75 + this.#random() / 2
    return Math.min(maxMs, firstMs * 2 ** Math.min(times - 1, 30)) * jitter
  }

  #touch(peerId: PeerId): Score {
    const score = this.#scores.get(peerId) ?? {
      failures: 0,
      misdeeds: 0,
      calmSince: this.#now(),
      backoffUntil: 0,
      bannedUntil: 0,
      latencyMs: undefined,
      bytesPerMs: undefined,
    }
    this.#scores.delete(peerId)
    this.#scores.set(peerId, score)
    if (this.#scores.size > this.#options.maxPeers) this.#dropOne()
    this.#forget(score)
    return score
  }

  /** Peers that are banned stay as long as others can go: a flood of new names must not lift a ban. */
  #dropOne(): void {
    const now = this.#now()
    let victim: PeerId | undefined
    for (const [peerId, score] of this.#scores) {
      victim ??= peerId
      if (now >= score.bannedUntil) {
        victim = peerId
        break
      }
    }
    if (victim !== undefined) this.#scores.delete(victim)
  }

  #forget(score: Score): void {
    const halvings = Math.floor((this.#now() - score.calmSince) / this.#options.forgetMs)
    if (halvings <= 0) return
    score.failures = Math.floor(score.failures / 2 ** halvings)
    score.misdeeds = Math.floor(score.misdeeds / 2 ** halvings)
    score.calmSince += halvings * this.#options.forgetMs
  }
}

function blend(old: number | undefined, sample: number): number {
  return old === undefined ? sample : old + WEIGHT * (sample - old)
}
