import { digestOf } from '../core/digest.ts'
import { errorMessage } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { sharedHeaders, storedHeaders } from './answer-headers.ts'
import type { Answer, AnswerScope, AnswerTiers, FindOptions, FoundAnswer } from './api-cache.ts'
import type { ApiRequest } from './api-request.ts'
import type { AnsweredBy } from './cache-status.ts'
import type { Condition } from './condition.ts'
import { expectedEtag, opaqueTag } from './etag-formula.ts'
import type { FormulaWatch } from './etag-formula.ts'
import type { Right, Rights } from './rights.ts'
import type { WholeResponse } from './whole-response.ts'

/** A stored answer as it is given to a token. */
export interface GivenAnswer {
  readonly answer: WholeResponse
  readonly by: AnsweredBy
}

/** What keeping answers works with. */
export interface AnswerLedgerParts {
  readonly tiers: AnswerTiers
  readonly scope: AnswerScope
  readonly rights: Rights
  readonly formula: FormulaWatch
  readonly logger: Logger
}

// How current the time of the last confirmation is kept, so that not every 304 costs a write.
const VALIDATED_STEP_MS = 10_000

/** Keeps what GitHub says, and to whom it said so; finds and gives it again. */
export class AnswerLedger {
  readonly #parts: AnswerLedgerParts
  readonly #sharePersonal: boolean

  constructor(parts: AnswerLedgerParts, { sharePersonal }: { readonly sharePersonal: boolean }) {
    this.#parts = parts
    this.#sharePersonal = sharePersonal
  }

  /** What is stored for a request; a fault of the store is nothing. */
  async find(
    request: ApiRequest,
    options: Pick<FindOptions, 'nearOnly' | 'holder'> = {},
  ): Promise<readonly FoundAnswer[]> {
    const { tiers, scope } = this.#parts
    const { key, signal } = request
    if (scope.readRefused !== undefined) return []
    try {
      return await tiers.find(key, scope, { ...options, signal })
    } catch (error) {
      signal?.throwIfAborted()
      this.#log(`Stored answers cannot be read: ${errorMessage(error)}`)
      return []
    }
  }

  /** What this token was given within `maxMs`, as far as it is found. */
  staleOf(
    request: ApiRequest,
    found: readonly FoundAnswer[],
    maxMs: number,
  ): GivenAnswer | undefined {
    const right = this.rightWithin(request, maxMs)
    const { answer, tier } = found.find(({ answer: { digest } }) => digest === right?.digest) ?? {}
    if (right === undefined || answer === undefined || tier === undefined) return undefined
    const ageSeconds = Math.max(0, Math.round((Date.now() - right.at) / 1000))
    const headers = storedHeaders(answer, request.url)
    headers.set('etag', right.etag)
    headers.set('age', String(ageSeconds))
    headers.set('warning', '110 swarmcache "Response is Stale"')
    const by: AnsweredBy = { by: 'hit', ageSeconds, detail: tier }
    return { answer: reply(request, answer, headers), by }
  }

  /** GitHub's word that this token may have an answer, if it is not older. */
  rightWithin(request: ApiRequest, maxMs: number): Right | undefined {
    const right = this.#parts.rights.get(request.key, request.credential)
    return right !== undefined && Date.now() - right.at < maxMs ? right : undefined
  }

  /** Gives the answer that GitHub has confirmed with a 304. */
  async confirm(
    request: ApiRequest,
    condition: Condition,
    fresh: Headers,
    sentAt: number,
  ): Promise<GivenAnswer> {
    const { rights, scope } = this.#parts
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
    // What a token of the repository may see, too, was no secret of a person.
    const shared = answer.shared || this.#isShared(request)
    const isOld = sentAt - answer.validated >= VALIDATED_STEP_MS
    if (isOld || shared !== answer.shared || found?.tier !== 'memory') {
      await this.#put({ ...answer, shared, validated: sentAt })
    }
    const by: AnsweredBy =
      found === undefined
        ? { by: 'uri-miss', status: 304, detail: 'empty-list' }
        : { by: 'stale', status: 304, detail: found.tier }
    return { answer: reply(request, answer, headers), by }
  }

  /** Keeps an answer that GitHub sent; `compared` is what it was asked to compare with. */
  async keep(
    request: ApiRequest,
    response: WholeResponse,
    found: readonly FoundAnswer[],
    sentAt: number,
    compared?: FoundAnswer,
  ): Promise<void> {
    const { formula, rights, scope } = this.#parts
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
    await this.#put({
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
  }

  /** Ends the right to what GitHub gave before it answered with this status. */
  revoke(request: ApiRequest, status: number): void {
    const { rights } = this.#parts
    if (status === 401) rights.revokeAll(request.credential)
    else rights.revoke(request.key, request.credential)
  }

  #isShared({ token }: ApiRequest): boolean {
    if (this.#parts.scope.writeRefused !== undefined) return false
    return token !== 'personal' || this.#sharePersonal
  }

  async #put(answer: Answer): Promise<void> {
    try {
      await this.#parts.tiers.put(answer)
    } catch (error) {
      this.#log(`An answer cannot be stored: ${errorMessage(error)}`)
    }
  }

  #log(message: string): void {
    this.#parts.logger.log('debug', message)
  }
}

function reply({ method, url }: ApiRequest, answer: Answer, headers: Headers): WholeResponse {
  const body = method === 'HEAD' ? new Uint8Array(0) : answer.body
  return { status: 200, statusText: 'OK', headers, body, url: url.href, redirected: false }
}
