import { digestOf, isDigest } from '../core/digest.ts'
import { checkSharedHeaders } from './answer-headers.ts'
import type { Answer } from './api-cache.ts'

/** An answer as plain data and a body: a message between peers, or a value of a store. */
export interface EncodedAnswer {
  readonly header: Readonly<Record<string, unknown>>
  readonly body: Uint8Array
}

/** The largest body that is kept, so that readers can bound what they accept. */
export const MAX_ANSWER_BYTES: number = 4 * 1024 * 1024

const VERSION = 1
const MAX_NAME_LENGTH = 1024

/** The answer as `decodeAnswer` reads it. */
export function encodeAnswer(answer: Answer): EncodedAnswer {
  const { body, ...rest } = answer
  return { header: { answer: VERSION, ...rest }, body }
}

/**
 * The answer that a header (parsed JSON from a peer or a store) and a body make; undefined if they are malformed, of
 * another version, or the body is not the one of its digest.
 */
export function decodeAnswer(header: unknown, body: Uint8Array): Answer | undefined {
  if (typeof header !== 'object' || header === null || body.length > MAX_ANSWER_BYTES) {
    return undefined
  }
  const v = header as Record<string, unknown>
  const { key, digest, repository, scope, byFormula, shared, received, validated } = v
  if (v['answer'] !== VERSION || !isDigest(key) || !isDigest(digest)) return undefined
  if (!isName(repository) || !isName(scope)) return undefined
  if (typeof byFormula !== 'boolean' || typeof shared !== 'boolean') return undefined
  if (!isTime(received) || !isTime(validated)) return undefined
  if (typeof v['headers'] !== 'object' || v['headers'] === null) return undefined
  const headers = checkSharedHeaders(v['headers'])
  if (headers === undefined || digestOf(body) !== digest) return undefined
  return { key, repository, scope, headers, body, digest, byFormula, shared, received, validated }
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_NAME_LENGTH
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
