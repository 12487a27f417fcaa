import { pause, withDeadline } from '../async/deadline.ts'
import { Limit } from '../async/limit.ts'
import { LRUCache } from 'lru-cache'
import type { AnswerScope, QuotaName, QuotaState, QuotaView } from './api-cache.ts'
import type { ApiRequest, QuotaPayer } from './api-request.ts'
import type { WholeResponse } from './whole-response.ts'

/** What keeping to limits works with. */
export interface ApiLimitsParts {
  readonly quota: QuotaView
  readonly scope: AnswerScope
}

/** Tunables of keeping to limits. */
export interface ApiLimitsOptions {
  readonly maxWaitMs: number
}

/** GitHub's refusal to a token because of a limit, valid until it said itself. */
export interface Refusal {
  readonly until: number
  readonly response: WholeResponse
}

// GitHub refuses a hundred at once, over all clients of a token.
const MAX_CONCURRENT = 40
const MAX_REFUSALS = 2000
// What GitHub asks for where it names no time, and the longest that it is taken at its word.
const DEFAULT_REFUSAL_MS = 60_000
const MAX_REFUSAL_MS = 60 * 60_000
// Below this share of a quota, what is sure to be charged goes out one by one.
const SCARCE_SHARE = 0.1
const MAX_GAP_MS = 2000
// Only GITHUB_TOKEN has this limit, and all those of a repository share it.
const JOB_TOKEN_LIMIT = 1000

/** Keeps requests within GitHub's limits, without ever holding one for longer than a bound. */
export class ApiLimits {
  readonly #parts: ApiLimitsParts
  readonly #maxWaitMs: number
  readonly #concurrent = new Limit(MAX_CONCURRENT)
  readonly #refusals = new LRUCache<string, Refusal>({ max: MAX_REFUSALS })
  readonly #nextAt = new LRUCache<QuotaName, number>({ max: MAX_REFUSALS })

  constructor(parts: ApiLimitsParts, { maxWaitMs }: ApiLimitsOptions) {
    this.#parts = parts
    this.#maxWaitMs = maxWaitMs
  }

  /** A place among the requests under way; after the longest wait without one, too. */
  async place(signal?: AbortSignal): Promise<Disposable> {
    try {
      return await withDeadline(
        this.#maxWaitMs,
        'Other requests',
        signal,
        async (ended) => await this.#concurrent.acquire(1, ended),
      )
    } catch {
      signal?.throwIfAborted()
      return { [Symbol.dispose]() {} }
    }
  }

  /** GitHub's last refusal to this very token, as long as it holds. */
  refusal(request: ApiRequest): Refusal | undefined {
    const refusal = this.#refusals.get(nameOf(request))
    return refusal === undefined || refusal.until <= Date.now() ? undefined : refusal
  }

  /** Waits until a refusal is over; false, at once, if that takes too long. */
  async waitOut(refusal: Refusal, signal?: AbortSignal): Promise<boolean> {
    const leftMs = refusal.until - Date.now()
    if (leftMs > this.#maxWaitMs) return false
    if (leftMs > 0) await pause(leftMs, signal)
    return true
  }

  /** True if there is nothing left of the quota, as far as anybody told. */
  isExhausted(request: ApiRequest): boolean {
    return this.#quotaOf(request)?.state.remaining === 0
  }

  /** Waits before a request that will be charged, the longer the less is left. */
  async space(request: ApiRequest): Promise<void> {
    const quota = this.#quotaOf(request)
    if (quota === undefined) return
    const { name, state } = quota
    if (state.remaining > state.limit * SCARCE_SHARE) return
    const now = Date.now()
    const gapMs = Math.min(MAX_GAP_MS, (state.reset - now) / Math.max(1, state.remaining))
    const at = Math.min(Math.max(now, this.#nextAt.get(name) ?? 0), now + this.#maxWaitMs)
    this.#nextAt.set(name, at + gapMs)
    if (at > now) await pause(at - now, request.signal)
  }

  /** Takes in what an answer says of quotas. */
  saw(payer: QuotaPayer, headers: Headers): void {
    const state = quotaState(headers)
    if (state === undefined) return
    const resource = headers.get('x-ratelimit-resource') ?? resourceOf(payer.url)
    const isShared = payer.token === 'job' && state.limit === JOB_TOKEN_LIMIT
    const owner = isShared ? this.#parts.scope.repository : payer.credential
    this.#parts.quota.saw(`${payer.url.host} ${resource} ${owner}`, state)
  }

  /** Keeps an answer that refuses because of a limit; undefined if it is none. */
  sawRefusal(request: ApiRequest, response: WholeResponse): Refusal | undefined {
    const waitMs = refusedForMs(response)
    if (waitMs === undefined) return undefined
    const refusal = { until: Date.now() + Math.min(waitMs, MAX_REFUSAL_MS), response }
    this.#refusals.set(nameOf(request), refusal)
    return refusal
  }

  #quotaOf(request: ApiRequest): { name: QuotaName; state: QuotaState } | undefined {
    const { quota, scope } = this.#parts
    const shared = `${request.url.host} ${resourceOf(request.url)} ${scope.repository}`
    for (const name of request.token === 'job' ? [nameOf(request), shared] : [nameOf(request)]) {
      const state = quota.get(name)
      if (state !== undefined) return { name, state }
    }
    return undefined
  }
}

/**
 * For how long GitHub wants to hear nothing of this token; undefined if the answer is no refusal of that kind.
 *
 * https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
 */
function refusedForMs({ status, headers, body }: WholeResponse): number | undefined {
  if (status !== 403 && status !== 429) return undefined
  const retryAfter = Number(headers.get('retry-after') ?? NaN)
  if (retryAfter >= 0) return retryAfter * 1000
  if (headers.get('x-ratelimit-remaining') === '0') {
    const resetMs = Number(headers.get('x-ratelimit-reset') ?? NaN) * 1000
    return Number.isFinite(resetMs) ? Math.max(0, resetMs - Date.now()) : DEFAULT_REFUSAL_MS
  }
  const saysLimit = /\b(secondary rate|abuse detection|rate limit)\b/i.test(textOf(body))
  return status === 429 || saysLimit ? DEFAULT_REFUSAL_MS : undefined
}

function quotaState(headers: Headers): QuotaState | undefined {
  const numberOf = (name: string): number => {
    const value = headers.get(`x-ratelimit-${name}`)
    return value === null || value === '' ? NaN : Number(value)
  }
  const [limit, remaining, reset] = [numberOf('limit'), numberOf('remaining'), numberOf('reset')]
  if (![limit, remaining, reset].every((value) => Number.isSafeInteger(value) && value >= 0)) {
    return undefined
  }
  return { limit, remaining, reset: reset * 1000, seen: Date.now() }
}

function nameOf({ url, credential }: QuotaPayer): QuotaName {
  return `${url.host} ${resourceOf(url)} ${credential}`
}

/** The quota that a path is charged to, by GitHub's names. */
function resourceOf(url: URL): string {
  const path = url.pathname.replace(/^\/api\/v3/, '')
  if (path === '/search/code') return 'code_search'
  return path.startsWith('/search/') ? 'search' : 'core'
}

function textOf(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.length).toString('utf8')
}
