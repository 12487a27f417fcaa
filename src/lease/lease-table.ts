import { Watchdog } from '../async/watchdog.ts'
import type { Digest } from '../core/digest.ts'
import type { PeerId } from '../core/peer.ts'
import type { TurnResult } from './lease.ts'

/** Who has the turn, and how far its work has moved on. */
export interface Leader {
  readonly holder: PeerId
  readonly progress: number
}

/** One who asks for a turn, and is told what becomes of it; called one after the other, never after `leave`. */
export interface Claimant {
  readonly peerId: PeerId
  waiting(leader: Leader): void
  /** It has the turn from now on, while so many others wait. */
  granted(others: number): void
  /** It has the turn, and so many others wait now. */
  joined(others: number): void
  /** The work was done by another; the place is gone. */
  done(by: PeerId): void
  /** The turn was taken away, because it was not renewed or lasted too long; the place is gone. */
  lapsed(): void
}

/** How a claimant comes to a name that another peer led before. */
export interface Claim {
  /** It has the turn already, by the word of the peer that led. */
  readonly holding?: boolean
  /** Who had the turn there when last heard. */
  readonly holder?: PeerId
}

/** A claimant's place in the line of a name. */
export interface Place {
  /** The holder is alive; a higher `progress` than before says that its work has moved on. */
  renew(progress: number): void
  /** How many others wait for the turn, or have one of the same name. */
  readonly others: number
  /** Returns how many others learn of a success. */
  finish(result: TurnResult): number
  /** Gives the place up; an unfinished turn goes to the next. */
  leave(): void
}

/** What is known of a name. */
export type NameState =
  /** Nothing is led here; `holder` has the turn with another leader, as far as this peer has heard. */
  | { readonly kind: 'none'; readonly holder?: PeerId }
  | { readonly kind: 'held' }
  | { readonly kind: 'done'; readonly by: PeerId }

/** Tunables of a table. */
export interface LeaseTableOptions {
  /** A turn that is not renewed for this long is lost. */
  readonly leaseMs?: number
  /** Nobody keeps a turn for longer than this. */
  readonly maxTurnMs?: number
  /** How often those who wait are told of the leader. */
  readonly beatMs?: number
  /** How long a success is remembered. */
  readonly rememberMs?: number
  readonly maxNames?: number
  /** Places of one name. */
  readonly maxPlaces?: number
}

const DEFAULTS: Required<LeaseTableOptions> = {
  // Four beats: a busy machine may be late with some.
  leaseMs: 2000,
  // A member that never ends must not keep the others from the upstream for ever; 10 GB take 14 minutes at 100 Mbit/s.
  maxTurnMs: 20 * 60_000,
  beatMs: 500,
  // Runners of one crowd start within some seconds of each other.
  rememberMs: 10_000,
  maxNames: 1024,
  maxPlaces: 1024,
}
// Holders of one name that had their turns from different leaders.
const MAX_HOLDERS = 8

/** The lines of all names that one peer leads: plain state and timers, no messages. */
export class LeaseTable {
  readonly #options: Required<LeaseTableOptions>
  readonly #lines = new Map<Digest, Line>()
  readonly #finished = new Map<Digest, { readonly by: PeerId; readonly untilMs: number }>()

  constructor(options: LeaseTableOptions = {}) {
    this.#options = { ...DEFAULTS, ...options }
  }

  /** What is known of a name here. */
  state(name: Digest): NameState {
    if (this.#lines.has(name)) return { kind: 'held' }
    const finished = this.#finished.get(name)
    if (finished === undefined) return { kind: 'none' }
    if (performance.now() < finished.untilMs) return { kind: 'done', by: finished.by }
    this.#finished.delete(name)
    return { kind: 'none' }
  }

  /** A place in the line of `name`; the claimant is called before this returns. Undefined if there is no room. */
  join(name: Digest, claimant: Claimant, claim: Claim = {}): Place | undefined {
    const state = this.state(name)
    if (state.kind === 'done') {
      claimant.done(state.by)
      return NO_PLACE
    }
    let line = this.#lines.get(name)
    if (line === undefined) {
      if (this.#lines.size >= this.#options.maxNames) return undefined
      line = new Line(this.#options, {
        finished: (by) => this.#remember(name, by),
        empty: () => this.#lines.delete(name),
      })
      this.#lines.set(name, line)
      if (claim.holder !== undefined) line.reserve(claim.holder)
    }
    return line.join(claimant, claim.holding === true)
  }

  /** A turn that is kept for a peer until it comes to claim it is not kept any longer. */
  gone(peerId: PeerId): void {
    for (const line of this.#lines.values()) line.gone(peerId)
  }

  stop(): void {
    for (const line of this.#lines.values()) line.stop()
    this.#lines.clear()
    this.#finished.clear()
  }

  #remember(name: Digest, by: PeerId): void {
    this.#finished.delete(name)
    this.#finished.set(name, { by, untilMs: performance.now() + this.#options.rememberMs })
    if (this.#finished.size <= this.#options.maxNames) return
    const [oldest] = this.#finished.keys()
    if (oldest !== undefined) this.#finished.delete(oldest)
  }
}

/** A success was known already, so there is nothing to keep. */
const NO_PLACE: Place = { others: 0, renew() {}, finish: () => 0, leave() {} }

interface Turn extends Disposable {
  readonly claimant: Claimant
  readonly watchdog: Watchdog
  readonly limit: NodeJS.Timeout
  progress: number
}

interface LineEvents {
  finished(by: PeerId): void
  empty(): void
}

/** Those who have and those who wait for the turn of one name. */
class Line {
  readonly #options: Required<LeaseTableOptions>
  readonly #events: LineEvents
  /** Usually one; more where turns were given by several leaders. */
  readonly #turns = new Map<Claimant, Turn>()
  #queue: Claimant[] = []
  #progress = 0
  #reserved: { readonly peerId: PeerId; readonly timer: NodeJS.Timeout } | undefined
  #beats: NodeJS.Timeout | undefined

  constructor(options: Required<LeaseTableOptions>, events: LineEvents) {
    this.#options = options
    this.#events = events
  }

  get places(): number {
    return this.#turns.size + this.#queue.length
  }

  /** Keeps the turn for who had it with another leader, until it has had the time to come. */
  reserve(peerId: PeerId): void {
    const timer = setTimeout(() => this.gone(peerId), this.#options.leaseMs).unref()
    this.#reserved = { peerId, timer }
  }

  gone(peerId: PeerId): void {
    if (this.#reserved?.peerId !== peerId) return
    clearTimeout(this.#reserved.timer)
    this.#reserved = undefined
    this.#grantNext()
  }

  join(claimant: Claimant, holding: boolean): Place | undefined {
    if (this.places >= this.#options.maxPlaces) return undefined
    if (holding && this.#turns.size >= MAX_HOLDERS) return undefined
    if (holding) {
      if (this.#reserved?.peerId === claimant.peerId) this.#endReservation()
      this.#grant(claimant)
    } else {
      this.#queue.push(claimant)
      this.#grantNext()
      if (!this.#turns.has(claimant)) {
        this.#beat(claimant)
        for (const holder of this.#turns.keys()) holder.joined(this.places - 1)
      }
    }
    const others = (): number => Math.max(0, this.places - 1)
    return {
      get others() {
        return others()
      },
      renew: (progress) => this.#renew(claimant, progress),
      finish: (result) => this.#finish(claimant, result),
      leave: () => this.#leave(claimant),
    }
  }

  stop(): void {
    this.#endReservation()
    clearInterval(this.#beats)
    for (const turn of this.#turns.values()) turn[Symbol.dispose]()
    this.#turns.clear()
    this.#queue = []
  }

  #grantNext(): void {
    if (this.#turns.size > 0 || this.#reserved !== undefined) return
    const next = this.#queue.shift()
    if (next === undefined) {
      this.stop()
      this.#events.empty()
      return
    }
    this.#grant(next)
    // They follow what the new one does, and would go on asking the old one until the next beat.
    for (const waiting of this.#queue) waiting.waiting(this.#leader())
  }

  #grant(claimant: Claimant): void {
    const watchdog = new Watchdog(this.#options.leaseMs, () => this.#lapse(claimant))
    const limit = setTimeout(() => this.#lapse(claimant), this.#options.maxTurnMs).unref()
    const dispose = (): void => {
      watchdog[Symbol.dispose]()
      clearTimeout(limit)
    }
    const turn = { claimant, watchdog, limit, progress: 0, [Symbol.dispose]: dispose }
    this.#turns.set(claimant, turn)
    claimant.granted(this.places - 1)
  }

  #renew(claimant: Claimant, progress: number): void {
    const turn = this.#turns.get(claimant)
    if (turn === undefined) return
    turn.watchdog.heard()
    if (progress <= turn.progress) return
    turn.progress = progress
    this.#progress += 1
  }

  #finish(claimant: Claimant, result: TurnResult): number {
    if (!this.#turns.has(claimant)) return 0
    if (result === false) {
      this.#leave(claimant)
      return 0
    }
    const others = [...this.#turns.keys(), ...this.#queue].filter((other) => other !== claimant)
    this.stop()
    this.#events.empty()
    if (result === true) this.#events.finished(claimant.peerId)
    for (const other of others) other.done(claimant.peerId)
    return others.length
  }

  #lapse(claimant: Claimant): void {
    if (!this.#turns.has(claimant)) return
    claimant.lapsed()
    this.#leave(claimant)
  }

  #leave(claimant: Claimant): void {
    const turn = this.#turns.get(claimant)
    turn?.[Symbol.dispose]()
    this.#turns.delete(claimant)
    const waiting = this.#queue.indexOf(claimant)
    if (waiting === -1 && turn === undefined) return
    if (waiting !== -1) this.#queue.splice(waiting, 1)
    this.#grantNext()
  }

  /** Tells who waits of the leader, now and again. */
  #beat(claimant: Claimant): void {
    claimant.waiting(this.#leader())
    this.#beats ??= setInterval(() => {
      for (const waiting of this.#queue) waiting.waiting(this.#leader())
    }, this.#options.beatMs).unref()
  }

  #leader(): Leader {
    const [holder] = this.#turns.keys()
    return {
      holder: holder?.peerId ?? this.#reserved?.peerId ?? '',
      progress: this.#progress,
    }
  }

  #endReservation(): void {
    clearTimeout(this.#reserved?.timer)
    this.#reserved = undefined
  }
}
