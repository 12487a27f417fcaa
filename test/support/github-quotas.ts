/** Who a token speaks for. */
export interface GitHubToken {
  /** The quota that its requests are charged to: all job tokens of a repository share one. */
  readonly quota: string
  /** Requests an hour; GITHUB_TOKEN has 1,000, a personal token 5,000. */
  readonly limit?: number
}

/** A quota as it stands. */
export interface GitHubQuota {
  readonly limit: number
  used: number
  /** Seconds since the epoch. */
  readonly reset: number
}

const WINDOW_SECONDS = 3600
const JOB_TOKEN_LIMIT = 1000

/** Counts what requests cost, as GitHub does: everything but a 304. */
export class GitHubQuotas {
  readonly #quotas = new Map<string, GitHubQuota>()

  of({ quota, limit = JOB_TOKEN_LIMIT }: GitHubToken): GitHubQuota {
    const known = this.#quotas.get(quota)
    const nowSeconds = Date.now() / 1000
    if (known !== undefined && known.reset > nowSeconds) return known
    const fresh = { limit, used: 0, reset: Math.ceil(nowSeconds) + WINDOW_SECONDS }
    this.#quotas.set(quota, fresh)
    return fresh
  }

  /** Leaves `remaining` requests of a quota until `reset` (seconds since the epoch). */
  set(token: GitHubToken, remaining: number, reset: number): void {
    const limit = token.limit ?? JOB_TOKEN_LIMIT
    this.#quotas.set(token.quota, { limit, used: limit - remaining, reset })
  }

  used(quota: string): number {
    return this.#quotas.get(quota)?.used ?? 0
  }
}

/** The headers that tell a client how its quota stands. */
export function quotaHeaders({ limit, used, reset }: GitHubQuota): Record<string, string> {
  return {
    'x-ratelimit-limit': String(limit),
    'x-ratelimit-remaining': String(Math.max(0, limit - used)),
    'x-ratelimit-used': String(used),
    'x-ratelimit-reset': String(reset),
    'x-ratelimit-resource': 'core',
  }
}
