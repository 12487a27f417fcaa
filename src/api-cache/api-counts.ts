import type { Tier } from '../core/chunk.ts'
import type { ApiStats } from './api-cache.ts'

type Count = Exclude<keyof ApiStats, 'tiers' | 'saved'>

/** Counts what becomes of requests. */
export class ApiCounts {
  readonly #counts: Record<Count, number> = {
    requests: 0,
    charged: 0,
    free: 0,
    collapsed: 0,
    stale: 0,
    failed: 0,
    passed: 0,
  }
  readonly #tiers: Record<Tier, number> = { memory: 0, disk: 0, shared: 0, peers: 0, upstream: 0 }

  add(what: Count): void {
    this.#counts[what] += 1
  }

  from(tier: Tier): void {
    this.#tiers[tier] += 1
  }

  stats(): ApiStats {
    const { free, collapsed, stale } = this.#counts
    return { ...this.#counts, saved: free + collapsed + stale, tiers: { ...this.#tiers } }
  }
}
