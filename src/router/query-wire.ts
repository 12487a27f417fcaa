import type { MessageLimits } from '../core/message.ts'
import { isDigest } from '../core/digest.ts'
import type { Digest } from '../core/digest.ts'
import { MAX_EXCEPTED, parseSignedEntry } from '../core/entry.ts'
import type { EntryQuery, NearMiss } from '../core/entry.ts'
import type { LocalAnswer } from './router.ts'

/**
 * One question and one answer on a stream of its own, as messages without bodies.
 *
 * Question: `{query: {repository, scopes, key, restoreKeys, version, attested?, except?}}` or `{manifest: digest}`.
 * Answer: `{entry?, nearMisses}`, `{holds: boolean}`, or `{busy: true}` from a peer that is asked too much.
 */
export const QUERY_PROTOCOL = '/swarmcache/query/1'

// 10 keys of 512 and 10 scopes of 1024 characters, with room for escapes.
export const QUESTION_LIMITS: MessageLimits = { headerBytes: 64 * 1024, bodyBytes: 0 }
// An entry and 10 near misses, each with names of at most 1024 characters.
export const ANSWER_LIMITS: MessageLimits = { headerBytes: 128 * 1024, bodyBytes: 0 }

/** Entries that are no answer but explain a miss; more would tell nobody more. */
export const MAX_NEAR_MISSES = 10
const MAX_KEYS = 10
const MAX_SCOPES = 10
const MAX_KEY_LENGTH = 512
const MAX_NAME_LENGTH = 1024

/** What a peer may be asked. */
export type Question = { readonly query: EntryQuery } | { readonly manifest: Digest }

/** What a peer may answer. */
export type Answer = LocalAnswer | { readonly holds: boolean } | { readonly busy: true }

type Header = Readonly<Record<string, unknown>>

/** The question in a header from a peer, or undefined if it is malformed or over a bound. */
export function parseQuestion(header: Header): Question | undefined {
  if (isDigest(header['manifest'])) return { manifest: header['manifest'] }
  const query = header['query']
  if (typeof query !== 'object' || query === null) return undefined
  const { repository, scopes, key, restoreKeys, version } = query as Record<string, unknown>
  if (!isName(repository, MAX_NAME_LENGTH) || !isName(key, MAX_KEY_LENGTH)) return undefined
  if (!isDigest(version)) return undefined
  if (!areNames(scopes, MAX_SCOPES, MAX_NAME_LENGTH) || scopes.length === 0) return undefined
  if (!areNames(restoreKeys, MAX_KEYS - 1, MAX_KEY_LENGTH)) return undefined
  const asked = { repository, scopes, key, restoreKeys, version }
  const { attested, except } = query as Record<string, unknown>
  if (except !== undefined && !areDigests(except)) return undefined
  return {
    query: {
      ...asked,
      ...(attested === true && { attested }),
      ...(except !== undefined && { except }),
    },
  }
}

/** The answer in a header from a peer, or undefined if it is malformed; not yet compared with the question. */
export function parseAnswer(header: Header): Answer | undefined {
  if (header['busy'] === true) return { busy: true }
  if (typeof header['holds'] === 'boolean') return { holds: header['holds'] }
  const nearMisses = parseNearMisses(header['nearMisses'])
  if (nearMisses === undefined) return undefined
  if (header['entry'] === undefined) return { nearMisses }
  const entry = parseSignedEntry(header['entry'])
  return entry === undefined ? undefined : { entry, nearMisses }
}

function parseNearMisses(value: unknown): NearMiss[] | undefined {
  if (!Array.isArray(value) || value.length > MAX_NEAR_MISSES) return undefined
  const nearMisses: NearMiss[] = []
  for (const item of value as unknown[]) {
    if (typeof item !== 'object' || item === null) return undefined
    const { reason, key, scope } = item as Record<string, unknown>
    if (reason !== 'other-version' && reason !== 'other-scope') return undefined
    if (!isName(key, MAX_NAME_LENGTH) || !isName(scope, MAX_NAME_LENGTH)) return undefined
    nearMisses.push({ reason, key, scope })
  }
  return nearMisses
}

function areDigests(value: unknown): value is Digest[] {
  return Array.isArray(value) && value.length <= MAX_EXCEPTED && value.every(isDigest)
}

function isName(value: unknown, maxLength: number): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= maxLength
}

function areNames(value: unknown, maxCount: number, maxLength: number): value is string[] {
  if (!Array.isArray(value) || value.length > maxCount) return false
  return value.every((item) => isName(item, maxLength))
}
