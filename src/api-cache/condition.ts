import type { FoundAnswer } from './api-cache.ts'
import type { ApiRequest } from './api-request.ts'
import { expectedEtag } from './etag-formula.ts'
import type { Right } from './rights.ts'

/** What GitHub is asked to compare with. */
export interface Condition {
  readonly etag: string
  /** What a 304 confirms. */
  readonly body: Uint8Array
  /** Undefined: nothing is stored, and the guess is an empty list. */
  readonly found?: FoundAnswer
}

// Many requests for lists are answered with nothing, and that answer needs no storing to be guessed.
const EMPTY_LIST: Uint8Array = Buffer.from('[]')

/** What is known of a request and of the token that makes it. */
export interface Knowledge {
  /** What this token was given last. */
  readonly right?: Right
  /** True if tokens are known to get different answers. */
  readonly hasViews: boolean
  /** True if the ETags of others' answers can be computed. */
  readonly followsFormula: boolean
}

/** The stored answer that GitHub most likely has for this token, with the ETag that it would have then. */
export function chooseCondition(
  request: ApiRequest,
  found: readonly FoundAnswer[],
  { right, hasViews, followsFormula }: Knowledge,
): Condition | undefined {
  const own = found.find(({ answer }) => answer.digest === right?.digest)
  const others = found.filter((other) => other !== own && followsFormula && other.answer.byFormula)
  const newest = others.reduce<FoundAnswer | undefined>(
    (best, other) => (laterOf(best, other) ? other : best),
    undefined,
  )
  // What others got before this token was last answered is their own view; what came later may be a change.
  const mayHaveChanged = newest !== undefined && newest.answer.received > (right?.at ?? 0)
  if (own !== undefined && right !== undefined && (hasViews || !mayHaveChanged)) {
    return { etag: right.etag, body: own.answer.body, found: own }
  }
  if (newest !== undefined) {
    const { headers, body } = newest.answer
    return { etag: quoted(expectedEtag(request.sent, headers['vary'], body)), body, found: newest }
  }
  if (!followsFormula || request.method !== 'GET' || !/json|\*\/\*/.test(request.sent.accept)) {
    return undefined
  }
  return { etag: quoted(expectedEtag(request.sent, undefined, EMPTY_LIST)), body: EMPTY_LIST }
}

function laterOf(best: FoundAnswer | undefined, other: FoundAnswer): boolean {
  return best === undefined || other.answer.validated > best.answer.validated
}

function quoted(tag: string): string {
  return `"${tag}"`
}
