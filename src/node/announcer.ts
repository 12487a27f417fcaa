import type { PeerRecord, Role } from '../core/peer.ts'
import { MAX_PEER_ADDRESSES } from '../core/peer.ts'
import type { Swarm } from '../swarm/swarm.ts'
import type { RegistryCalls } from './registry-calls.ts'

/** Tunables of announcing. */
export interface AnnouncerOptions {
  readonly role: Role
  /** How long a record stays valid; a killed node is taken for alive that long. */
  readonly expiryMs?: number
  /** Time between two announcements; three fit into the expiry, so that one may be lost. */
  readonly heartbeatMs?: number
}

const EXPIRY_MS = 60_000
const HEARTBEAT_MS = 20_000
// Heartbeats of nodes that started together drift apart by this share.
const JITTER = 0.2
// Addresses come in bursts (listeners, then observed ones, then relays).
const SETTLE_MS = 20
const RETRY_MS = 1000
// An announcement that is under way is let finish, so that it cannot bring back what is withdrawn after it.
const FINISH_MS = 500
// Two seconds are what a runner can spare at its end; what stays behind expires.
const WITHDRAW_DEADLINE_MS = 2000

/** Keeps this node's own record in a registry, at the registry's pace, from its first address until it stops. */
export class Announcer {
  readonly #swarm: Swarm
  readonly #calls: RegistryCalls
  readonly #role: Role
  readonly #expiryMs: number
  readonly #heartbeatMs: number
  readonly #settleMs: number
  readonly #spreadMs: number
  readonly #stopped = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #announced = ''
  #first = true
  #failures = 0
  #stopping = false

  constructor(swarm: Swarm, calls: RegistryCalls, options: AnnouncerOptions) {
    const { pace } = calls
    this.#swarm = swarm
    this.#calls = calls
    this.#role = options.role
    this.#expiryMs = pace?.expiryMs ?? options.expiryMs ?? EXPIRY_MS
    this.#heartbeatMs = pace?.heartbeatMs ?? options.heartbeatMs ?? HEARTBEAT_MS
    this.#settleMs = pace?.settleMs ?? SETTLE_MS
    this.#spreadMs = pace?.spreadMs ?? 0
  }

  start(): void {
    this.#schedule(this.#spreadMs * Math.random())
  }

  /** Announces soon, if the addresses are no longer those announced. */
  addressesChanged(): void {
    // The first announcement, which is due soon anyway, takes them along.
    if (this.#first) return
    if (this.#ownAddresses().join() !== this.#announced) this.#schedule(this.#settleMs)
  }

  /** Takes the record back; within its own short deadline. */
  async stop(): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#timer)
    const timer = setTimeout(() => this.#stopped.abort(), FINISH_MS)
    await this.#running
    clearTimeout(timer)
    await this.#withdraw()
  }

  #schedule(delayMs: number): void {
    if (this.#stopping) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#first = false
      this.#running ??= this.#announce().finally(() => {
        this.#running = undefined
        this.#scheduleNext()
      })
    }, delayMs)
    this.#timer.unref()
  }

  #scheduleNext(): void {
    if (this.#ownAddresses().join() !== this.#announced && this.#failures === 0) {
      this.#schedule(this.#settleMs)
      return
    }
    const jitter = 1 + JITTER * (2 * Math.random() - 1)
    const retryMs = RETRY_MS * 2 ** Math.min(this.#failures, 10)
    this.#schedule(
      jitter * (this.#failures === 0 ? this.#heartbeatMs : Math.min(retryMs, this.#heartbeatMs)),
    )
  }

  async #announce(): Promise<void> {
    const addresses = this.#ownAddresses()
    // A node that nobody can dial has nothing to tell; it dials the others.
    if (addresses.length === 0) {
      await this.#withdraw()
      return
    }
    const record: PeerRecord = {
      peerId: this.#swarm.peerId,
      addresses,
      role: this.#role,
      expires: Date.now() + this.#expiryMs,
    }
    // Before the call: even one that fails may have left a record behind.
    this.#announced = addresses.join()
    const taken = await this.#calls.announce(record, this.#stopped.signal)
    this.#failures = taken ? 0 : this.#failures + 1
  }

  async #withdraw(): Promise<void> {
    if (this.#announced === '') return
    this.#announced = ''
    await this.#calls.withdraw(this.#swarm.peerId, AbortSignal.timeout(WITHDRAW_DEADLINE_MS))
  }

  #ownAddresses(): string[] {
    return this.#swarm.addresses().slice(0, MAX_PEER_ADDRESSES)
  }
}
