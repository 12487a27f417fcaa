import { isDigest } from '../core/digest.ts'
import type { Digest } from '../core/digest.ts'
import type { MessageLimits } from '../core/message.ts'
import { MAX_ANSWER_BYTES } from './answer-wire.ts'
import type { QuotaState } from './api-cache.ts'

/**
 * One question and one reply on a stream of its own, as messages.
 *
 * `{find: key, repository, scopes, known, quotas}` is answered with `{held: [{digest, bytes, validated}], quotas}`, and
 * if the newest of them is small, with that one: `sent` (the header of answer-wire.ts), its bytes as the body.
 * `{send: key, digest, repository, scopes}` is answered with `{sent}` and the body, or `{none: true}`.
 * `{quotas}` is answered with `{noted: true}`. `{busy: true}` refuses.
 *
 * Quotas are those of the repository alone: `{host, resource, limit, remaining, reset}`. Nothing of this holds a
 * token or a hash of one.
 */
export const ANSWERS_PROTOCOL = '/swarmcache/answers/1'

/** A body up to this size comes with the first reply: every holder sends it, which a second round trip would save. */
export const INLINE_BYTES: number = 16 * 1024

// Ten scopes of 1024 characters and some digests, with room for escapes.
export const QUESTION_LIMITS: MessageLimits = { headerBytes: 32 * 1024, bodyBytes: 0 }
// Eleven headers of 8 KiB, with room for escapes.
const HEADER_BYTES = 256 * 1024
export const REPLY_LIMITS: MessageLimits = { headerBytes: HEADER_BYTES, bodyBytes: INLINE_BYTES }
export const SENT_LIMITS: MessageLimits = { headerBytes: HEADER_BYTES, bodyBytes: MAX_ANSWER_BYTES }

export const MAX_QUOTAS = 8
export const MAX_HELD = 8
export const MAX_SCOPES = 10
export const MAX_KNOWN = 16
const MAX_NAME_LENGTH = 1024

/** A quota of the repository as it is told to others. */
export interface ToldQuota extends Pick<QuotaState, 'limit' | 'remaining' | 'reset'> {
  readonly host: string
  /** GitHub's name of the quota, `core`. */
  readonly resource: string
}

/** Which answers are meant: those of the repository and these scopes. */
export interface AskedScope {
  readonly repository: string
  readonly scopes: readonly string[]
}

/** What a peer may ask. */
export type AnswerQuestion =
  | ({
      readonly ask: 'find'
      readonly key: Digest
      readonly known: readonly Digest[]
      readonly quotas: readonly ToldQuota[]
    } & AskedScope)
  | ({ readonly ask: 'send'; readonly key: Digest; readonly digest: Digest } & AskedScope)
  | { readonly ask: 'note'; readonly quotas: readonly ToldQuota[] }

/** An answer that a peer holds, without its bytes. */
export interface HeldAnswer {
  readonly digest: Digest
  readonly bytes: number
  /** When GitHub last confirmed it, as that peer has it. */
  readonly validated: number
}

/** What a peer may reply to `find`; `sent` is still to be decoded. */
export interface FindReply {
  readonly held: readonly HeldAnswer[]
  readonly sent?: unknown
  readonly quotas: readonly ToldQuota[]
}

type Header = Readonly<Record<string, unknown>>

/** The question in a header from a peer, or undefined if it is malformed or over a bound. */
export function parseQuestion(header: Header): AnswerQuestion | undefined {
  const { find, send, digest, repository, scopes, known } = header
  if (find === undefined && send === undefined) {
    const quotas = parseQuotas(header['quotas'])
    return quotas === undefined ? undefined : { ask: 'note', quotas }
  }
  if (!isName(repository) || !isListOf(scopes, MAX_SCOPES, isName)) return undefined
  if (isDigest(send)) {
    return isDigest(digest) ? { ask: 'send', key: send, digest, repository, scopes } : undefined
  }
  const quotas = parseQuotas(header['quotas'])
  if (!isDigest(find) || quotas === undefined) return undefined
  if (!isListOf(known, MAX_KNOWN, isDigest)) return undefined
  return { ask: 'find', key: find, known, repository, scopes, quotas }
}

/** A question as a header. */
export function questionHeader(question: AnswerQuestion): Record<string, unknown> {
  if (question.ask === 'note') return { quotas: question.quotas }
  const { ask, key, ...rest } = question
  return { [ask]: key, ...rest }
}

/** The reply to `find` in a header from a peer, or undefined if it is malformed or over a bound. */
export function parseFindReply(header: Header): FindReply | undefined {
  const { held, sent } = header
  const quotas = parseQuotas(header['quotas'])
  if (quotas === undefined || !isListOf(held, MAX_HELD, isHeld)) return undefined
  return { held, sent, quotas }
}

/** Quotas from a peer, or undefined if they are malformed; whether they can be true is not looked at. */
function parseQuotas(value: unknown): readonly ToldQuota[] | undefined {
  return isListOf(value, MAX_QUOTAS, isToldQuota) ? value : undefined
}

function isToldQuota(value: unknown): value is ToldQuota {
  if (typeof value !== 'object' || value === null) return false
  const { host, resource, limit, remaining, reset } = value as Header
  return (
    typeof host === 'string' &&
    /^[a-z0-9.:[\]-]{1,255}$/.test(host) &&
    typeof resource === 'string' &&
    /^[a-z_]{1,64}$/.test(resource) &&
    [limit, remaining, reset].every(isCount)
  )
}

function isHeld(value: unknown): value is HeldAnswer {
  if (typeof value !== 'object' || value === null) return false
  const { digest, bytes, validated } = value as Header
  return isDigest(digest) && isCount(bytes) && bytes <= MAX_ANSWER_BYTES && isCount(validated)
}

function isListOf<T>(
  value: unknown,
  atMost: number,
  isItem: (item: unknown) => item is T,
): value is T[] {
  return Array.isArray(value) && value.length <= atMost && value.every(isItem)
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_NAME_LENGTH
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
