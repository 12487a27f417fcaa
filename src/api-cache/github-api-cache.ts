import { withDeadline } from '../async/deadline.ts'
import { digestOf } from '../core/digest.ts'
import { errorMessage, inputError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Turn } from '../lease/lease.ts'
import type {
  AnswerScope,
  AnswerTiers,
  ApiCache,
  ApiCacheOptions,
  ApiStats,
  Fetch,
  QuotaView,
} from './api-cache.ts'
import { AnswerLedger } from './answer-ledger.ts'
import { ApiCounts } from './api-counts.ts'
import { ApiExchange } from './api-exchange.ts'
import type { AskOptions, Outcome, Send } from './api-exchange.ts'
import { ApiLimits } from './api-limits.ts'
import { readApiRequest } from './api-request.ts'
import type { ApiRequest, ApiRequestKind } from './api-request.ts'
import { cacheStatus } from './cache-status.ts'
import type { AnsweredBy } from './cache-status.ts'
import { FormulaWatch } from './etag-formula.ts'
import { LocalTurns } from './local-turns.ts'
import { Rights } from './rights.ts'
import { makeResponse } from './whole-response.ts'
import type { WholeResponse } from './whole-response.ts'

/** What an API cache works with. */
export interface GitHubApiCacheParts {
  readonly tiers: AnswerTiers
  readonly quota: QuotaView
  readonly scope: AnswerScope
  /** How GitHub is reached; the global `fetch` by default. */
  readonly fetch?: Fetch
  readonly logger: Logger
}

const DEFAULT_API_URL = 'https://api.github.com'
const DEFAULT_MAX_WAIT_MS = 10_000
// Whoever does the same work is alive or replaced long before; then it is done twice.
const TURN_WAIT_MS = 10_000

type CurrentAnswer = Extract<Outcome, { kind: 'answer' }>

/** The cache in front of the GitHub API for one job, or for a process that asks with the tokens of others. */
export class GitHubApiCache implements ApiCache {
  readonly fetch: Fetch
  readonly #parts: GitHubApiCacheParts
  readonly #apiUrls: readonly string[]
  readonly #maxStaleMs: number
  readonly #sharePersonal: boolean
  readonly #counts = new ApiCounts()
  readonly #formula: FormulaWatch
  readonly #limits: ApiLimits
  readonly #exchange: ApiExchange
  /** Requests with the same token get one answer. */
  readonly #copies: LocalTurns<CurrentAnswer>
  /** Requests with different tokens wait for a body to compare with. */
  readonly #turns: LocalTurns<true>
  readonly #turnWaitMs: number

  constructor(parts: GitHubApiCacheParts, options: ApiCacheOptions = {}) {
    const { logger, scope, quota, tiers } = parts
    this.#parts = parts
    this.#apiUrls = (options.apiUrls ?? [DEFAULT_API_URL]).map(baseUrl)
    this.#maxStaleMs = options.maxStaleMs ?? 0
    this.#sharePersonal = options.sharePersonal ?? false
    this.#turnWaitMs = options.turnWaitMs ?? TURN_WAIT_MS
    this.#copies = new LocalTurns({ waitMs: this.#turnWaitMs })
    this.#turns = new LocalTurns({ waitMs: this.#turnWaitMs })
    this.#formula = new FormulaWatch({ logger })
    this.#limits = new ApiLimits(
      { quota, scope },
      { maxWaitMs: options.maxWaitMs ?? DEFAULT_MAX_WAIT_MS },
    )
    const rights = new Rights()
    const formula = this.#formula
    const ledger = new AnswerLedger(
      { tiers, scope, rights, formula, logger },
      { sharePersonal: this.#sharePersonal },
    )
    this.#exchange = new ApiExchange(
      { ledger, rights, formula, limits: this.#limits, counts: this.#counts, logger },
      { staleOnErrorMs: options.staleOnErrorMs ?? 0 },
    )
    this.fetch = this.through(parts.fetch ?? globalThis.fetch)
  }

  through(upstream: Fetch): Fetch {
    return async (input, init) => {
      const read = readApiRequest(input, init, this.#apiUrls)
      if (read.kind === 'foreign') return await upstream(input, init)
      this.#counts.add('requests')
      try {
        if (read.kind === 'passed') return await this.#pass(upstream, input, init, read)
        const redirect = init?.redirect ?? (input instanceof Request ? input.redirect : undefined)
        const send: Send = async ({ method, url, headers, signal }, sent) =>
          await upstream(url.href, { ...init, method, redirect, signal, headers: sent ?? headers })
        return this.#finish(await this.#answer(read.request, send, redirect))
      } catch (error) {
        this.#counts.add('failed')
        throw error
      }
    }
  }

  stats(): ApiStats {
    return this.#counts.stats()
  }

  async stop(): Promise<void> {
    await this.#parts.tiers.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #pass(
    upstream: Fetch,
    input: Parameters<Fetch>[0],
    init: RequestInit | undefined,
    { why, payer }: Extract<ApiRequestKind, { kind: 'passed' }>,
  ): Promise<Response> {
    this.#counts.add('passed')
    const response = await upstream(input, init)
    this.#limits.saw(payer, response.headers)
    if (response.status !== 304 && response.status < 400) this.#counts.add('charged')
    return marked(response, { by: why, status: response.status })
  }

  async #answer(request: ApiRequest, send: Send, redirect = 'follow'): Promise<Outcome> {
    const { method, key, credential, signal } = request
    const stale = await this.#exchange.stale(request, this.#maxStaleMs)
    if (stale !== undefined) return stale
    const turn = await this.#copies.take(`${method} ${redirect} ${key} ${credential}`, signal)
    if (turn.kind === 'done') {
      this.#counts.add('collapsed')
      return { ...turn.value, by: { ...turn.value.by, collapsed: true } }
    }
    let outcome: Outcome | undefined
    try {
      outcome = await this.#askInTurn(request, send)
      return outcome
    } finally {
      // What GitHub did not say to be an answer is nobody else's.
      const isCurrent = outcome?.kind === 'answer' && outcome.current
      if (turn.kind === 'mine') turn.done(isCurrent ? (outcome as CurrentAnswer) : undefined)
    }
  }

  /** Of all who want an answer now, one goes first; the others compare what it got, at no cost. */
  async #askInTurn(request: ApiRequest, send: Send): Promise<Outcome> {
    const ask = async (options?: AskOptions): Promise<Outcome> =>
      await this.#exchange.ask(request, send, options)
    // Without the formula nobody can compare with what another token got.
    if (request.method !== 'GET' || !this.#formula.holds(request.url.host)) return await ask()
    const turn = await this.#turns.take(request.key, request.signal)
    if (turn.kind !== 'mine') return await ask({ follows: turn.kind === 'done' })
    let succeeded = false
    try {
      const wide = await this.#takeWideTurn(request)
      try {
        const outcome = await ask({ holder: wide?.kind === 'done' ? wide.by : undefined })
        succeeded = outcome.kind === 'answer' && outcome.current
        return outcome
      } finally {
        // What is right now may be out of date with the next request.
        if (wide?.kind === 'mine') void wide.done(succeeded && 'for-now')
      }
    } finally {
      turn.done(succeeded ? true : undefined)
    }
  }

  /** The turn among the processes and peers of the repository. */
  async #takeWideTurn({ key, token, signal }: ApiRequest): Promise<Turn | undefined> {
    const { tiers, scope, logger } = this.#parts
    // What a personal token or a run without rights gets is not given to them.
    if (token === 'personal' && !this.#sharePersonal) return undefined
    if ((scope.writeRefused ?? scope.readRefused) !== undefined) return undefined
    const name = digestOf(JSON.stringify(['api', scope.repository, scope.scope, key]))
    try {
      const what = 'The same request elsewhere'
      return await withDeadline(this.#turnWaitMs, what, signal, async (ended) =>
        tiers.takeTurn(name, { signal: ended }),
      )
    } catch (error) {
      signal?.throwIfAborted()
      logger.log('debug', `Asking GitHub without a turn: ${errorMessage(error)}`)
      return undefined
    }
  }

  #finish(outcome: Outcome): Response {
    const { by } = outcome
    if (outcome.kind === 'response') {
      if (outcome.response.status >= 400) this.#counts.add('failed')
      return marked(outcome.response, by)
    }
    if (by.by === 'hit') this.#counts.add('stale')
    else if (by.status === 304 && by.collapsed !== true) this.#counts.add('free')
    if (by.status === 200) this.#counts.from('upstream')
    else if (
      by.detail !== undefined &&
      by.detail !== 'empty-list' &&
      by.detail !== 'refused-before'
    ) {
      this.#counts.from(by.detail)
    }
    return marked(outcome.answer, by)
  }
}

/** As the URLs of requests are spelled, without a slash at the end. */
function baseUrl(text: string): string {
  if (!URL.canParse(text)) {
    throw inputError(`"${text}" is not the URL of an API. Write for example ${DEFAULT_API_URL}.`)
  }
  return new URL(text).href.replace(/\/+$/, '')
}

function marked(response: Response | WholeResponse, by: AnsweredBy): Response {
  // Redirects that fetch was told not to follow may be opaque, and cannot be made again.
  if (response.status < 200) return response as Response
  const headers = new Headers(response.headers)
  headers.append('cache-status', cacheStatus(by))
  return makeResponse(response.body, response, headers)
}
