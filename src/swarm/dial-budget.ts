import type { Transport } from '@libp2p/interface'

/** Tunables of a dial budget. */
export interface DialBudgetOptions {
  /** Dials in a row that may lead nowhere, to one host and to all together, and how many more each second allows. */
  readonly hostBurst?: number
  readonly hostPerSecond?: number
  readonly burst?: number
  readonly perSecond?: number
}

const DEFAULTS: Required<DialBudgetOptions> = {
  // A machine with many runners whose jobs were killed leaves that many records behind.
  hostBurst: 64,
  hostPerSecond: 1,
  // A registry or the DHT of a large fleet after a night in which most of it went.
  burst: 512,
  perSecond: 8,
}
// Hosts that dials led nowhere at; one that is forgotten starts afresh, within the bound for all.
const MAX_HOSTS = 2048

interface Bucket {
  tokens: number
  filledAt: number
}

/**
 * Bounds what this node does to hosts that somebody else named: any member can put addresses of third
 * parties into the registry, the DHT or what it says of itself. A dial costs, unless a member answers.
 */
export class DialBudget {
  readonly #options: Required<DialBudgetOptions>
  readonly #now: () => number
  readonly #all: Bucket
  readonly #hosts = new Map<string, Bucket>()

  constructor(options: DialBudgetOptions = {}, now: () => number = () => performance.now()) {
    this.#options = { ...DEFAULTS, ...options }
    this.#now = now
    this.#all = { tokens: this.#options.burst, filledAt: now() }
  }

  /** False if too many dials, there or in all, have led nowhere lately. */
  spend(address: string): boolean {
    const { hostBurst, hostPerSecond, burst, perSecond } = this.#options
    const host = this.#hostOf(address)
    this.#fill(host, hostPerSecond, hostBurst)
    this.#fill(this.#all, perSecond, burst)
    if (host.tokens < 1 || this.#all.tokens < 1) return false
    host.tokens -= 1
    this.#all.tokens -= 1
    return true
  }

  /** A member answered there. */
  refund(address: string): void {
    const { hostBurst, burst } = this.#options
    const host = this.#hostOf(address)
    host.tokens = Math.min(hostBurst, host.tokens + 1)
    this.#all.tokens = Math.min(burst, this.#all.tokens + 1)
  }

  #hostOf(address: string): Bucket {
    const name = address.split('/')[2] ?? ''
    const host = this.#hosts.get(name) ?? {
      tokens: this.#options.hostBurst,
      filledAt: this.#now(),
    }
    this.#hosts.delete(name)
    this.#hosts.set(name, host)
    if (this.#hosts.size > MAX_HOSTS) this.#hosts.delete(this.#hosts.keys().next().value!)
    return host
  }

  #fill(bucket: Bucket, perSecond: number, most: number): void {
    const now = this.#now()
    bucket.tokens = Math.min(most, bucket.tokens + ((now - bucket.filledAt) / 1000) * perSecond)
    bucket.filledAt = now
  }
}

/** The same transport, whose dials are within a budget: whoever of libp2p dials, dials through it. */
export function withinBudget<C>(
  create: (components: C) => Transport,
  budget: DialBudget,
): (components: C) => Transport {
  return (components) => {
    const transport = create(components)
    const dial = transport.dial.bind(transport)
    transport.dial = async (address, options) => {
      const name = address.toString()
      if (!budget.spend(name)) throw new Error('too many dials led nowhere lately')
      const connection = await dial(address, options)
      budget.refund(name)
      return connection
    }
    return transport
  }
}
