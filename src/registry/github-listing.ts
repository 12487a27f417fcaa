import type { Octokit } from '@octokit/rest'
import { errorMessage, SwarmCacheError } from '../core/errors.ts'
import { Holdoff, parseRetryAfter } from './github-holdoff.ts'

/** How a repository's caches are listed through GitHub's REST API. */
export interface RestAccess {
  /** `https://api.github.com`, or that of an Enterprise Server. */
  readonly apiUrl: string
  readonly token: string
  /** owner/name. */
  readonly repository: string
}

/** An entry as the API lists it. */
export interface ListedEntry {
  readonly id: number
  readonly key: string
  /** The ref that GitHub saw it written from. */
  readonly ref: string
  /** Milliseconds since the epoch, by GitHub's clock. */
  readonly created: number
}

type Headers = Readonly<Record<string, string | number | undefined>>

interface KnownPage {
  readonly etag: string | undefined
  readonly entries: readonly ListedEntry[]
}

/** Entries of one request, the newest ones. */
export const LISTED_ENTRIES = 100
const MAX_KNOWN_PAGES = 8
const ROUTE = '/repos/{owner}/{repo}/actions/caches'
// GITHUB_TOKEN has 1000 requests an hour for all jobs of a repository: half of them are the jobs' own.
const RESERVED_SHARE = 0.5

/**
 * Lists and deletes cache entries of a repository; needs `actions: read` and `actions: write`.
 *
 * An answer that has not changed costs nothing (ETag). Rejects with ERR_UPSTREAM if GitHub refuses or fails.
 * https://docs.github.com/rest/actions/cache
 */
export class CacheListing {
  readonly listHoldoff: Holdoff
  readonly deleteHoldoff: Holdoff
  readonly #access: RestAccess
  readonly #now: () => number
  readonly #pages = new Map<string, KnownPage>()
  #octokit: Octokit | undefined
  #reservedUntil = 0

  constructor(access: RestAccess, now: () => number) {
    this.listHoldoff = new Holdoff(now)
    this.deleteHoldoff = new Holdoff(now)
    this.#access = access
    this.#now = now
  }

  /** True if a request is allowed and leaves the jobs their part of the quota. */
  get mayList(): boolean {
    return this.listHoldoff.mayCall && this.#now() >= this.#reservedUntil
  }

  /** The newest entries whose key starts with `prefix`, of all refs or of one. */
  async list(
    prefix: string,
    ref: string | undefined,
    signal?: AbortSignal,
  ): Promise<readonly ListedEntry[]> {
    const name = `${ref ?? ''}\n${prefix}`
    const known = this.#pages.get(name)
    const answer = await this.#request(this.listHoldoff, `GET ${ROUTE}`, signal, {
      key: prefix,
      sort: 'created_at',
      direction: 'desc',
      per_page: LISTED_ENTRIES,
      ...(ref === undefined ? {} : { ref }),
      headers: known?.etag === undefined ? {} : { 'if-none-match': known.etag },
    })
    if (answer === 'unchanged') return known?.entries ?? []
    const page = { etag: textOf(answer.headers['etag']), entries: parseEntries(answer.data) }
    if (this.#pages.size >= MAX_KNOWN_PAGES) this.#pages.clear()
    this.#pages.set(name, page)
    return page.entries
  }

  /** Deletes an entry by its id, or by its complete key; one that is gone already is fine. */
  async delete(entry: { id: number } | { key: string }, signal?: AbortSignal): Promise<void> {
    if ('id' in entry) {
      const route = `DELETE ${ROUTE}/{cache_id}`
      await this.#request(this.deleteHoldoff, route, signal, { cache_id: entry.id })
    } else
      await this.#request(this.deleteHoldoff, `DELETE ${ROUTE}{?key}`, signal, { key: entry.key })
  }

  async #request(
    holdoff: Holdoff,
    route: string,
    signal: AbortSignal | undefined,
    parameters: Record<string, unknown>,
  ): Promise<'unchanged' | { headers: Headers; data: unknown }> {
    const [owner, repo] = this.#access.repository.split('/')
    const octokit = (this.#octokit ??= await openClient(this.#access))
    try {
      const request = { signal }
      const answer = await octokit.request(route, { ...parameters, owner, repo, request })
      this.#noteQuota(answer.headers)
      holdoff.succeeded()
      return { headers: answer.headers, data: answer.data }
    } catch (error) {
      signal?.throwIfAborted()
      return this.#judge(holdoff, error)
    }
  }

  #judge(holdoff: Holdoff, error: unknown): 'unchanged' | { headers: Headers; data: unknown } {
    const { status = 0, response } = error as {
      status?: number
      response?: { headers?: Headers; data?: unknown }
    }
    const headers = response?.headers ?? {}
    this.#noteQuota(headers)
    if (status === 304) {
      holdoff.succeeded()
      return 'unchanged'
    }
    const message = errorMessage(error).slice(0, 200)
    const empty = headers['x-ratelimit-remaining'] === '0'
    const retryAfter = textOf(headers['retry-after'])
    // GitHub says "too many" with 429 or 403; the latter also means that a permission is missing.
    if (
      status === 429 ||
      (status === 403 && (empty || retryAfter || /rate limit/i.test(message)))
    ) {
      const resetMs = Number(headers['x-ratelimit-reset']) * 1000 - this.#now()
      const untilReset = empty && Number.isFinite(resetMs) ? resetMs : undefined
      holdoff.limited(parseRetryAfter(retryAfter, this.#now()) ?? untilReset)
      throw refusal('limits the rate of requests of this repository', message, error)
    }
    if (status === 404 && holdoff === this.deleteHoldoff) {
      holdoff.succeeded()
      return { headers, data: undefined }
    }
    if (status === 401 || status === 403 || status === 404) {
      holdoff.forbidden()
      throw refusal('does not let this token do that', message, error)
    }
    holdoff.failed()
    throw refusal('gave no usable answer', message, error)
  }

  #noteQuota(headers: Headers): void {
    const remaining = Number(headers['x-ratelimit-remaining'])
    const limit = Number(headers['x-ratelimit-limit'])
    const resetMs = Number(headers['x-ratelimit-reset']) * 1000
    if (remaining < limit * RESERVED_SHARE && Number.isFinite(resetMs)) {
      this.#reservedUntil = resetMs
    }
  }
}

/** Loaded late: a node that needs no registry of GitHub's need not wait for it. */
async function openClient({ apiUrl, token }: RestAccess): Promise<Octokit> {
  const { Octokit } = await import('@octokit/rest')
  const silent = (): void => {}
  const log = { debug: silent, info: silent, warn: silent, error: silent }
  return new Octokit({ auth: token, baseUrl: apiUrl, userAgent: 'swarmcache', log })
}

/** The entries of one page of an answer; what is malformed is passed over. */
export function parseEntries(data: unknown): ListedEntry[] {
  const rows = (data as { actions_caches?: unknown } | undefined)?.actions_caches
  if (!Array.isArray(rows)) return []
  return rows.slice(0, LISTED_ENTRIES).flatMap((row: Record<string, unknown> | null) => {
    const { id, key, ref, created_at: time } = row ?? {}
    const created = typeof time === 'string' ? Date.parse(time) : Number.NaN
    if (!Number.isSafeInteger(id) || typeof key !== 'string' || typeof ref !== 'string') return []
    return Number.isNaN(created) ? [] : [{ id: id as number, key, ref, created }]
  })
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
}

function refusal(what: string, message: string, cause: unknown): SwarmCacheError {
  return new SwarmCacheError('ERR_UPSTREAM', `GitHub's API ${what}: ${message}.`, { cause })
}
