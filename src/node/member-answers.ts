import type { AnswerTiers, ApiStats, QuotaView } from '../api-cache/api-cache.ts'
import type { NodeAnswers } from './node.ts'

/** What a member's answers are made of. */
export interface MemberAnswersParts {
  readonly tiers: AnswerTiers
  readonly quota: QuotaView
  /** What talks to peers of answers: registered before the swarm starts, ended before it stops. */
  readonly services: readonly { start(): void; stop(): void | Promise<void> }[]
}

/** Statistics of nothing. */
export const NO_REQUESTS: ApiStats = {
  requests: 0,
  charged: 0,
  free: 0,
  saved: 0,
  collapsed: 0,
  stale: 0,
  failed: 0,
  passed: 0,
  tiers: { memory: 0, disk: 0, shared: 0, peers: 0, upstream: 0 },
}

/** The answers of the GitHub API of one repository on a node, for this process and those behind the control socket. */
export class MemberAnswers implements NodeAnswers {
  readonly tiers: AnswerTiers
  readonly quota: QuotaView
  readonly #parts: MemberAnswersParts
  readonly #sources = new Set<() => ApiStats>()
  #ended: ApiStats = NO_REQUESTS

  constructor(parts: MemberAnswersParts) {
    this.#parts = parts
    this.tiers = parts.tiers
    this.quota = parts.quota
  }

  start(): void {
    for (const service of this.#parts.services) service.start()
  }

  async stop(): Promise<void> {
    await Promise.all(this.#parts.services.map(async (service) => await service.stop()))
    await this.#parts.tiers.close()
  }

  stats(): ApiStats {
    return [...this.#sources].reduce((sum, source) => added(sum, source()), this.#ended)
  }

  count(stats: () => ApiStats): () => Promise<void> {
    this.#sources.add(stats)
    return async () => {
      if (this.#sources.delete(stats)) this.#ended = added(this.#ended, stats())
    }
  }
}

function added({ tiers: a, ...counts }: ApiStats, { tiers: b, ...more }: ApiStats): ApiStats {
  return { ...addedCounts(counts, more), tiers: addedCounts(a, b) }
}

function addedCounts<T extends Readonly<Record<string, number>>>(a: T, b: T): T {
  return Object.fromEntries(Object.entries(a).map(([name, n]) => [name, n + (b[name] ?? 0)])) as T
}
