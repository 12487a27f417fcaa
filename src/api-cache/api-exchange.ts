import { digestOf } from '../core/digest.ts'
import { errorMessage } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import {
  doubtfulNextPage,
  listLength,
  receivedHeaders,
  sharedHeaders,
  storedHeaders,
} from './answer-headers.ts'
import { MAX_ANSWER_BYTES } from './answer-wire.ts'
import type { Answer, AnswerScope, AnswerTiers, FoundAnswer } from './api-cache.ts'
import type { ApiCounts } from './api-counts.ts'
import type { ApiLimits } from './api-limits.ts'
import { sameRequestFor } from './api-request.ts'
import type { ApiRequest } from './api-request.ts'
import type { AnsweredBy } from './cache-status.ts'
import { chooseCondition } from './condition.ts'
import type { Condition } from './condition.ts'
import { expectedEtag, opaqueTag } from './etag-formula.ts'
import type { FormulaWatch } from './etag-formula.ts'
import type { Rights } from './rights.ts'
import { readResponse } from './whole-response.ts'
import type { ReadResponse, WholeResponse } from './whole-response.ts'

/** What became of a request. */
export type Outcome =
  | {
      readonly kind: 'answer'
      readonly answer: WholeResponse
      readonly by: AnsweredBy
      /** True if GitHub just gave or confirmed it to the token that asked. */
      readonly current: boolean
    }
  | {
      readonly kind: 'response'
      readonly response: Response | WholeResponse
      readonly by: AnsweredBy
    }

/** Sends a request on with these headers. */
export type Send = (request: ApiRequest, headers: Headers) => Promise<Response>

/** How a request comes to be asked. */
export interface AskOptions {
  /** Another has just got an answer in this process. */
  readonly follows?: boolean
  /** It is asked to make sure of another; that ends here. */
  readonly isProbe?: boolean
}

/** What asking GitHub works with. */
export interface ApiExchangeParts {
  readonly tiers: AnswerTiers
  readonly scope: AnswerScope
  readonly rights: Rights
  readonly formula: FormulaWatch
  readonly limits: ApiLimits
  readonly counts: ApiCounts
  readonly logger: Logger
}

/** Tunables of asking GitHub. */
export interface ApiExchangeOptions {
  readonly staleOnErrorMs: number
  readonly sharePersonal: boolean
}

const MAX_ERROR_BYTES = 64 * 1024
// How current the time of the last confirmation is kept, so that not every 304 costs a write.
const VALIDATED_STEP_MS = 10_000
// Refusals, errors of the server and a token that is not one are not charged.
const UNCHARGED = [304, 401, 429]

/** Asks GitHub with one token, with whatever is stored as the condition, and keeps what it says. */
export class ApiExchange {
  readonly #parts: ApiExchangeParts
  readonly #options: ApiExchangeOptions

  constructor(parts: ApiExchangeParts, options: ApiExchangeOptions) {
    this.#parts = parts
    this.#options = options
  }

  /** What GitHub says to this request. Rejects as the upstream does, or with the signal's reason. */
  async ask(request: ApiRequest, send: Send, options: AskOptions = {}): Promise<Outcome> {
    const { limits } = this.#parts
    const found = await this.#find(request, options.follows)
    const old = (): Outcome | undefined =>
      this.#staleOf(request, found, this.#options.staleOnErrorMs)
    const refusal = limits.refusal(request)
    if (refusal !== undefined || limits.isExhausted(request)) {
      const stale = old()
      if (stale !== undefined) return stale
    }
    if (refusal !== undefined && !(await limits.waitOut(refusal, request.signal))) {
      const by: AnsweredBy = { by: 'hit', detail: 'refused-before' }
      return { kind: 'response', response: repeated(refusal), by }
    }
    try {
      const outcome = await this.#exchange(request, send, found, options)
      return this.#isDown(request, outcome) ? (old() ?? outcome) : outcome
    } catch (error) {
      request.signal?.throwIfAborted()
      const stale = old()
      if (stale === undefined) throw error
      this.#log(`GitHub cannot be asked (${errorMessage(error)}); giving an older answer`)
      return stale
    }
  }

  /** What this token was given within `maxMs`, without asking again. */
  async stale(request: ApiRequest, maxMs: number): Promise<Outcome | undefined> {
    if (maxMs <= 0 || this.#rightWithin(request, maxMs) === undefined) return undefined
    return this.#staleOf(request, await this.#find(request, true), maxMs)
  }

  #staleOf(request: ApiRequest, found: readonly FoundAnswer[], maxMs: number): Outcome | undefined {
    const right = this.#rightWithin(request, maxMs)
    const { answer, tier } = found.find(({ answer: { digest } }) => digest === right?.digest) ?? {}
    if (right === undefined || answer === undefined || tier === undefined) return undefined
    const ageSeconds = Math.max(0, Math.round((Date.now() - right.at) / 1000))
    const headers = storedHeaders(answer, request.url)
    headers.set('etag', right.etag)
    headers.set('age', String(ageSeconds))
    headers.set('warning', '110 swarmcache "Response is Stale"')
    const by: AnsweredBy = { by: 'hit', ageSeconds, detail: tier }
    return { kind: 'answer', answer: reply(request, answer, headers), by, current: false }
  }

  #rightWithin(request: ApiRequest, maxMs: number): ReturnType<Rights['get']> {
    const right = this.#parts.rights.get(request.key, request.credential)
    return right !== undefined && Date.now() - right.at <= maxMs ? right : undefined
  }

  async #exchange(
    request: ApiRequest,
    send: Send,
    found: readonly FoundAnswer[],
    options: AskOptions,
  ): Promise<Outcome> {
    const { formula, rights } = this.#parts
    const right = rights.get(request.key, request.credential)
    const condition = chooseCondition(request, found, {
      right,
      hasViews: rights.hasViews(request.key),
      followsFormula: formula.holds(request.url.host),
    })
    const sentAt = Date.now()
    const received = await this.#send(request, send, condition)
    if (received.response.status !== 304 || condition === undefined) {
      return await this.#take(request, received, found, sentAt, condition?.found)
    }
    if (await this.#isConfirmed(request, send, condition, received.response.headers, options)) {
      return await this.#confirm(request, condition, received.response.headers, sentAt)
    }
    const againAt = Date.now()
    return await this.#take(request, await this.#send(request, send), found, againAt)
  }

  async #send(request: ApiRequest, send: Send, condition?: Condition): Promise<ReadResponse> {
    const { limits, counts } = this.#parts
    if (condition?.found === undefined) await limits.space(request)
    const headers = new Headers(request.headers)
    if (condition !== undefined) headers.set('if-none-match', condition.etag)
    using _place = await limits.place(request.signal)
    const response = await send(request, headers)
    limits.saw(request, response.headers)
    const { status } = response
    const received = await readWhole(request, response)
    const isRefusal =
      received.kind === 'whole' && limits.sawRefusal(request, received.response) !== undefined
    if (!isRefusal && status < 500 && !UNCHARGED.includes(status)) counts.add('charged')
    return received
  }

  /** A 304 says that the body is right; whether the links are, too, may take another look. */
  async #isConfirmed(
    request: ApiRequest,
    send: Send,
    { etag, found }: Condition,
    fresh: Headers,
    { isProbe = false }: AskOptions,
  ): Promise<boolean> {
    const answered = fresh.get('etag')
    if (answered !== null && opaqueTag(answered) !== opaqueTag(etag)) return false
    const next =
      found === undefined || isProbe
        ? undefined
        : doubtfulNextPage(found.answer, request.url, fresh)
    if (next === undefined) return true
    const probed = sameRequestFor(next, { ...request, method: 'GET' })
    const probe = await this.ask(probed, send, { isProbe: true })
    return probe.kind === 'answer' && probe.current && listLength(probe.answer.body) === 0
  }

  async #confirm(
    request: ApiRequest,
    condition: Condition,
    fresh: Headers,
    sentAt: number,
  ): Promise<Outcome> {
    const { rights, scope, tiers } = this.#parts
    const { found, etag } = condition
    const answer = found?.answer ?? {
      key: request.key,
      repository: scope.repository,
      scope: scope.scope,
      headers: { ...sharedHeaders(fresh), 'content-type': 'application/json; charset=utf-8' },
      body: condition.body,
      digest: digestOf(condition.body),
      byFormula: true,
      shared: this.#isShared(request),
      received: sentAt,
      validated: 0,
    }
    const headers = storedHeaders(answer, request.url, fresh)
    if (!headers.has('etag')) headers.set('etag', etag)
    rights.grant(request.key, request.credential, { digest: answer.digest, etag, at: sentAt })
    const isNews = sentAt - answer.validated >= VALIDATED_STEP_MS || found?.tier !== 'memory'
    if (isNews) await this.#put(tiers, { ...answer, validated: sentAt })
    const by: AnsweredBy =
      found === undefined
        ? { by: 'uri-miss', status: 304, detail: 'empty-list' }
        : { by: 'stale', status: 304, detail: found.tier }
    return { kind: 'answer', answer: reply(request, answer, headers), by, current: true }
  }

  /** Keeps an answer with a body; anything else is handed on as it is, and ends rights that it contradicts. */
  async #take(
    request: ApiRequest,
    received: ReadResponse,
    found: readonly FoundAnswer[],
    sentAt: number,
    compared?: FoundAnswer,
  ): Promise<Outcome> {
    const { response } = received
    const by: AnsweredBy = {
      by: found.length === 0 ? 'uri-miss' : 'stale',
      status: response.status,
    }
    if (received.kind === 'whole' && isKept(request, received.response)) {
      const answer = await this.#keep(request, received.response, found, sentAt, compared)
      return { kind: 'answer', answer, by: { ...by, stored: true }, current: true }
    }
    this.#revoke(request, response)
    return { kind: 'response', response, by }
  }

  async #keep(
    request: ApiRequest,
    response: WholeResponse,
    found: readonly FoundAnswer[],
    sentAt: number,
    compared?: FoundAnswer,
  ): Promise<WholeResponse> {
    const { formula, rights, scope, tiers } = this.#parts
    const { key, credential, url } = request
    const { body, headers } = response
    const digest = digestOf(body)
    const etag = headers.get('etag') ?? ''
    const vary = headers.get('vary') ?? undefined
    const byFormula = opaqueTag(etag) === expectedEtag(request.sent, vary, body)
    formula.saw(
      url.host,
      byFormula,
      found.some(({ answer }) => answer.byFormula),
    )
    const own = rights.get(key, credential)
    if (compared !== undefined && own?.digest === digest) rights.sawViews(key, true)
    else if (found.some(({ answer }) => answer.digest === digest)) rights.sawViews(key, false)
    rights.grant(key, credential, { digest, etag, at: sentAt })
    await this.#put(tiers, {
      key,
      repository: scope.repository,
      scope: scope.scope,
      headers: sharedHeaders(headers),
      body,
      digest,
      byFormula,
      shared: this.#isShared(request),
      received: sentAt,
      validated: sentAt,
    })
    return response
  }

  #revoke(request: ApiRequest, response: Pick<Response, 'status'>): void {
    const { rights, limits } = this.#parts
    const { status } = response
    if (status === 401) rights.revokeAll(request.credential)
    else if (status < 500 && limits.refusal(request)?.response !== response) {
      rights.revoke(request.key, request.credential)
    }
  }

  /** GitHub is down, or refuses because of a limit. */
  #isDown(request: ApiRequest, outcome: Outcome): boolean {
    if (outcome.kind !== 'response') return false
    const { response } = outcome
    return response.status >= 500 || this.#parts.limits.refusal(request)?.response === response
  }

  #isShared({ token }: ApiRequest): boolean {
    if (this.#parts.scope.writeRefused !== undefined) return false
    return token !== 'personal' || this.#options.sharePersonal
  }

  async #find(request: ApiRequest, nearOnly = false): Promise<readonly FoundAnswer[]> {
    const { tiers, scope } = this.#parts
    const { key, signal } = request
    if (scope.readRefused !== undefined) return []
    try {
      return await tiers.find(key, scope, { signal, nearOnly })
    } catch (error) {
      signal?.throwIfAborted()
      this.#log(`Stored answers cannot be read: ${errorMessage(error)}`)
      return []
    }
  }

  async #put(tiers: AnswerTiers, answer: Answer): Promise<void> {
    try {
      await tiers.put(answer)
    } catch (error) {
      this.#log(`An answer cannot be stored: ${errorMessage(error)}`)
    }
  }

  #log(message: string): void {
    this.#parts.logger.log('debug', message)
  }
}

/** Reads what is kept, and what may say why GitHub refuses; anything else stays a stream. */
async function readWhole({ method }: ApiRequest, response: Response): Promise<ReadResponse> {
  const { status } = response
  if (method === 'HEAD' || (status < 400 && status !== 200 && status !== 304)) {
    return { kind: 'large', response }
  }
  const received = await readResponse(response, status === 200 ? MAX_ANSWER_BYTES : MAX_ERROR_BYTES)
  if (received.kind === 'large') return received
  const { headers, body } = received.response
  const whole = { ...received.response, headers: receivedHeaders(headers, body.length) }
  return { kind: 'whole', response: whole }
}

/** GitHub's documentation wants no cached answer without an ETag, and what comes from elsewhere is not its own. */
function isKept({ method, url }: ApiRequest, response: WholeResponse): boolean {
  return (
    method === 'GET' &&
    response.status === 200 &&
    opaqueTag(response.headers.get('etag')) !== undefined &&
    (!URL.canParse(response.url) || new URL(response.url).origin === url.origin)
  )
}

function reply({ method, url }: ApiRequest, answer: Answer, headers: Headers): WholeResponse {
  const body = method === 'HEAD' ? new Uint8Array(0) : answer.body
  return { status: 200, statusText: 'OK', headers, body, url: url.href, redirected: false }
}

/** What GitHub said, with what is left of the wait. */
function repeated({ until, response }: { until: number; response: WholeResponse }): WholeResponse {
  const headers = receivedHeaders(response.headers, response.body.length)
  const leftSeconds = Math.ceil((until - Date.now()) / 1000)
  if (headers.has('retry-after')) headers.set('retry-after', String(Math.max(1, leftSeconds)))
  return { ...response, headers }
}
