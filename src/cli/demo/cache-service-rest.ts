import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { foldKey } from '../../core/entry-match.ts'
import { sendJson } from './cache-service-calls.ts'
import type {
  CacheServiceEntries,
  CacheServiceToken,
  ServiceEntry,
} from './cache-service-entries.ts'

const PATH_PATTERN = /^\/repos\/([^/]+\/[^/]+)\/actions\/caches(?:\/(\d+))?$/
const DEFAULT_REQUESTS_PER_HOUR = 1000
const HOUR_MS = 60 * 60_000
const MAX_PAGE = 100
const DEFAULT_PAGE = 30

/** Name of a call to the REST API, or undefined if it is none. */
export function restCallOf(method: string, pathname: string): string | undefined {
  if (!PATH_PATTERN.test(pathname)) return undefined
  return `${method === 'DELETE' ? 'delete' : 'list'} caches`
}

/**
 * The part of GitHub's REST API that lists and deletes caches, with its permissions, pages, ETags and rate limit.
 *
 * https://docs.github.com/rest/actions/cache
 */
export class CacheServiceRest {
  readonly #entries: CacheServiceEntries
  readonly #limit: number
  #used = 0
  #resetAt = 0

  constructor(entries: CacheServiceEntries, requestsPerHour: number = DEFAULT_REQUESTS_PER_HOUR) {
    this.#entries = entries
    this.#limit = requestsPerHour
  }

  /** Answers a request whose path `restCallOf` knows; `token` is undefined if nobody knows it. */
  async answer(
    url: URL,
    token: CacheServiceToken | undefined,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const [, repository = '', id] = PATH_PATTERN.exec(url.pathname) ?? []
    if (token === undefined) {
      sendJson(response, 401, { message: 'Bad credentials' })
      return
    }
    if (this.#resetAt < Date.now()) {
      this.#used = 0
      this.#resetAt = Date.now() + HOUR_MS
    }
    if (this.#used >= this.#limit) {
      this.#setHeaders(response)
      sendJson(response, 403, { message: 'API rate limit exceeded for installation.' })
      return
    }
    const remove = request.method === 'DELETE'
    const own = token.repository.toLowerCase() === repository.toLowerCase()
    const allowed = remove ? token.actions === 'write' : token.actions !== undefined
    if (!own || !allowed) {
      this.#count(response)
      sendJson(response, 403, { message: 'Resource not accessible by integration' })
    } else if (remove) await this.#remove(token.repository, id, url, response)
    else this.#list(token.repository, url, request, response)
  }

  #list(repository: string, url: URL, request: IncomingMessage, response: ServerResponse): void {
    const key = url.searchParams.get('key') ?? ''
    const ref = url.searchParams.get('ref')
    const ascending = url.searchParams.get('direction') === 'asc'
    const perPage = Math.min(MAX_PAGE, Number(url.searchParams.get('per_page') ?? DEFAULT_PAGE))
    const first = (Number(url.searchParams.get('page') ?? 1) - 1) * perPage
    const found = this.#entries
      .ofRepository(repository)
      .filter((entry) => foldKey(entry.key).startsWith(foldKey(key)))
      .filter((entry) => ref === null || entry.scope === ref)
    if (ascending) found.reverse()
    const body = {
      total_count: found.length,
      actions_caches: found.slice(first, first + perPage).map(describe),
    }
    const etag = `W/"${createHash('sha256').update(JSON.stringify(body)).digest('hex')}"`
    response.setHeader('etag', etag)
    if (request.headers['if-none-match'] === etag) {
      // Such an answer takes nothing from the quota.
      this.#setHeaders(response)
      response.writeHead(304).end()
      return
    }
    this.#count(response)
    sendJson(response, 200, body)
  }

  async #remove(
    repository: string,
    id: string | undefined,
    url: URL,
    response: ServerResponse,
  ): Promise<void> {
    this.#count(response)
    const key = url.searchParams.get('key')
    const ref = url.searchParams.get('ref')
    const gone = this.#entries
      .ofRepository(repository)
      .filter((entry) => (id === undefined ? entry.key === key : entry.id === Number(id)))
      .filter((entry) => ref === null || entry.scope === ref)
    for (const entry of gone) await this.#entries.remove(entry)
    if (gone.length === 0) sendJson(response, 404, { message: 'Not Found' })
    else if (id !== undefined) response.writeHead(204).end()
    else sendJson(response, 200, { total_count: gone.length, actions_caches: gone.map(describe) })
  }

  #count(response: ServerResponse): void {
    this.#used += 1
    this.#setHeaders(response)
  }

  #setHeaders(response: ServerResponse): void {
    response.setHeader('x-ratelimit-limit', this.#limit)
    response.setHeader('x-ratelimit-remaining', this.#limit - this.#used)
    response.setHeader('x-ratelimit-used', this.#used)
    response.setHeader('x-ratelimit-reset', Math.ceil(this.#resetAt / 1000))
  }
}

function describe(entry: ServiceEntry): object {
  return {
    id: entry.id,
    ref: entry.scope,
    key: entry.key,
    version: entry.version,
    last_accessed_at: new Date(entry.lastUsed).toISOString(),
    created_at: new Date(entry.created).toISOString(),
    size_in_bytes: entry.sizeBytes,
  }
}
