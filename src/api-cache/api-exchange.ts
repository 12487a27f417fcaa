import { errorMessage } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { PeerId } from '../core/peer.ts'
import { doubtfulNextPage, listLength, receivedHeaders } from './answer-headers.ts'
import type { AnswerLedger, GivenAnswer } from './answer-ledger.ts'
import { MAX_ANSWER_BYTES } from './answer-wire.ts'
import type { FoundAnswer } from './api-cache.ts'
import type { ApiCounts } from './api-counts.ts'
import type { ApiLimits } from './api-limits.ts'
import { sameRequestFor } from './api-request.ts'
import type { ApiRequest } from './api-request.ts'
import type { AnsweredBy } from './cache-status.ts'
import { chooseCondition } from './condition.ts'
import type { Condition } from './condition.ts'
import { opaqueTag } from './etag-formula.ts'
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
  /** A peer that has just got one. */
  readonly holder?: PeerId
  /** It is asked to make sure of another; that ends here. */
  readonly isProbe?: boolean
}

/** What asking GitHub works with. */
export interface ApiExchangeParts {
  readonly ledger: AnswerLedger
  readonly rights: Rights
  readonly formula: FormulaWatch
  readonly limits: ApiLimits
  readonly counts: ApiCounts
  readonly logger: Logger
}

/** Tunables of asking GitHub. */
export interface ApiExchangeOptions {
  readonly staleOnErrorMs: number
}

const MAX_ERROR_BYTES = 64 * 1024
// Refusals, errors of the server and a token that is not one are not charged.
const UNCHARGED = [304, 401, 429]

/** Asks GitHub with one token, with whatever is stored as the condition, and keeps what it says. */
export class ApiExchange {
  readonly #parts: ApiExchangeParts
  readonly #staleOnErrorMs: number

  constructor(parts: ApiExchangeParts, { staleOnErrorMs }: ApiExchangeOptions) {
    this.#parts = parts
    this.#staleOnErrorMs = staleOnErrorMs
  }

  /** What GitHub says to this request. Rejects as the upstream does, or with the signal's reason. */
  async ask(request: ApiRequest, send: Send, options: AskOptions = {}): Promise<Outcome> {
    const { limits, ledger } = this.#parts
    const { follows: nearOnly, holder } = options
    const found = await ledger.find(request, { nearOnly, holder })
    const old = (): Outcome | undefined =>
      asStale(ledger.staleOf(request, found, this.#staleOnErrorMs))
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
      if (outcome.kind !== 'response' || !this.#isDown(request, outcome.response)) return outcome
      const stale = old()
      if (stale !== undefined) await discard(outcome.response)
      return stale ?? outcome
    } catch (error) {
      request.signal?.throwIfAborted()
      const stale = old()
      if (stale === undefined) throw error
      const why = `GitHub cannot be asked (${errorMessage(error)}); giving an older answer`
      this.#parts.logger.log('debug', why)
      return stale
    }
  }

  /** What this token was given within `maxMs`, without asking again. */
  async stale(request: ApiRequest, maxMs: number): Promise<Outcome | undefined> {
    const { ledger } = this.#parts
    if (maxMs <= 0 || ledger.rightWithin(request, maxMs) === undefined) return undefined
    return asStale(ledger.staleOf(request, await ledger.find(request, { nearOnly: true }), maxMs))
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
    const { response } = received
    if (response.status !== 304 || condition === undefined) {
      return await this.#take(request, received, found, sentAt, condition?.found)
    }
    const isOwn = isFrom(request.url, response)
    if (isOwn && (await this.#isConfirmed(request, send, condition, response.headers, options))) {
      const given = await this.#parts.ledger.confirm(request, condition, response.headers, sentAt)
      return { kind: 'answer', ...given, current: true }
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
      const answer = received.response
      await this.#parts.ledger.keep(request, answer, found, sentAt, compared)
      return { kind: 'answer', answer, by: { ...by, stored: true }, current: true }
    }
    if (!this.#isDown(request, response)) this.#parts.ledger.revoke(request, response.status)
    return { kind: 'response', response, by }
  }

  /** GitHub is down, or refuses because of a limit. */
  #isDown(request: ApiRequest, response: Response | WholeResponse): boolean {
    return response.status >= 500 || this.#parts.limits.refusal(request)?.response === response
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

/** Without an ETag nothing can be compared later. */
function isKept({ method, url }: ApiRequest, response: WholeResponse): boolean {
  return (
    method === 'GET' &&
    response.status === 200 &&
    opaqueTag(response.headers.get('etag')) !== undefined &&
    isFrom(url, response)
  )
}

/** False after a redirect to another host, whose ETags mean something else. */
function isFrom({ origin }: URL, { url }: Pick<Response, 'url'>): boolean {
  return !URL.canParse(url) || new URL(url).origin === origin
}

/** Frees the connection of an answer that nobody reads. */
async function discard(response: Response | WholeResponse): Promise<void> {
  if (response instanceof Response) await response.body?.cancel()
}

function asStale(given: GivenAnswer | undefined): Outcome | undefined {
  return given && { kind: 'answer', ...given, current: false }
}

/** What GitHub said, with what is left of the wait. */
function repeated({ until, response }: { until: number; response: WholeResponse }): WholeResponse {
  const headers = receivedHeaders(response.headers, response.body.length)
  const leftSeconds = Math.ceil((until - Date.now()) / 1000)
  if (headers.has('retry-after')) headers.set('retry-after', String(Math.max(1, leftSeconds)))
  return { ...response, headers }
}
