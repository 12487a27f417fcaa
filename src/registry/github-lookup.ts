import { createHash } from 'node:crypto'
import { SwarmCacheError } from '../core/errors.ts'
import { Holdoff, parseRetryAfter } from './github-holdoff.ts'

/** How the job reaches GitHub's cache service. */
export interface CacheServiceAccess {
  readonly url: string
  /** The job's runtime token; only this service may see it. */
  readonly token: string
  /** `v1` is the protocol of GitHub Enterprise Server. */
  readonly protocol: 'v1' | 'v2'
}

/** The declared path of every announcement; part of what the service compares. */
export const ANNOUNCEMENT_PATH = 'swarmcache-peer'

// The client makes the version of an entry from its paths, its compression and its format.
const CLIENT_FORMAT = '1.0'
const COMPRESSIONS = ['zstd-without-long', 'gzip']
const METHOD = '/twirp/github.actions.results.api.v1.CacheService/GetCacheEntryDownloadURL'
const MAX_ANSWER_CHARACTERS = 64 * 1024
const MAX_KEY_CHARACTERS = 512

/**
 * Asks the cache service for the newest entry under some prefixes.
 *
 * One request of its own instead of a call of @actions/cache: that client runs in a process of 80 MB, keeps the
 * Retry-After of a refusal to itself, and sees only entries made by machines with the same compression tool.
 * https://github.com/actions/toolkit/tree/main/packages/cache
 */
export class CacheLookup {
  readonly holdoff: Holdoff
  readonly #access: CacheServiceAccess
  readonly #now: () => number
  #versions = COMPRESSIONS.map((compression) =>
    createHash('sha256')
      .update([ANNOUNCEMENT_PATH, compression, CLIENT_FORMAT].join('|'))
      .digest('hex'),
  )

  constructor(access: CacheServiceAccess, now: () => number) {
    this.holdoff = new Holdoff(now)
    this.#access = access
    this.#now = now
  }

  /** The newest key under the first of the prefixes that has one; at most ten prefixes. @throws ERR_UPSTREAM */
  async find(prefixes: readonly string[], signal?: AbortSignal): Promise<string | undefined> {
    for (const version of this.#versions) {
      if (!this.holdoff.mayCall) return undefined
      const key = await this.#ask(prefixes, version, signal)
      if (key === undefined) continue
      // The other members probably made theirs in the same way.
      this.#versions = [version, ...this.#versions.filter((other) => other !== version)]
      return key
    }
    return undefined
  }

  async #ask(
    prefixes: readonly string[],
    version: string,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    const { status, headers, text } = await this.#request(prefixes, version, signal)
    if (status === 429) {
      this.holdoff.limited(parseRetryAfter(headers.get('retry-after'), this.#now()))
      throw refusal('limits the rate of requests of this repository')
    }
    if (status === 401 || status === 403) {
      this.holdoff.forbidden()
      throw refusal("refuses this job's token")
    }
    const answer = status === 200 ? parseObject(text) : undefined
    if (status !== 204 && answer === undefined) {
      this.holdoff.failed()
      throw refusal(`gave no usable answer (status ${status})`)
    }
    this.holdoff.succeeded()
    const key = answer?.['matched_key'] ?? answer?.['cacheKey']
    return typeof key === 'string' && key.length <= MAX_KEY_CHARACTERS ? key : undefined
  }

  async #request(
    prefixes: readonly string[],
    version: string,
    signal: AbortSignal | undefined,
  ): Promise<{ status: number; headers: Headers; text: string }> {
    const { url, token, protocol } = this.#access
    const headers = { authorization: `Bearer ${token}`, 'user-agent': 'swarmcache' }
    try {
      const response =
        protocol === 'v2'
          ? await fetch(new URL(METHOD, url), {
              method: 'POST',
              headers: { ...headers, 'content-type': 'application/json' },
              body: JSON.stringify({ key: prefixes[0], restore_keys: prefixes.slice(1), version }),
              signal,
            })
          : await fetch(olderUrl(url, prefixes, version), {
              headers: { ...headers, accept: 'application/json;api-version=6.0-preview.1' },
              signal,
            })
      return { status: response.status, headers: response.headers, text: await bounded(response) }
    } catch (cause) {
      signal?.throwIfAborted()
      this.holdoff.failed()
      throw refusal('cannot be reached', cause)
    }
  }
}

function olderUrl(base: string, prefixes: readonly string[], version: string): URL {
  const url = new URL('_apis/artifactcache/cache', base.endsWith('/') ? base : `${base}/`)
  url.searchParams.set('keys', prefixes.join(','))
  url.searchParams.set('version', version)
  return url
}

/** The body as text; what is longer than any answer is cut, and then no JSON. */
async function bounded(response: Response): Promise<string> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    if (text.length > MAX_ANSWER_CHARACTERS) break
  }
  return text
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

function refusal(what: string, cause?: unknown): SwarmCacheError {
  return new SwarmCacheError('ERR_UPSTREAM', `The cache service ${what}.`, { cause })
}
