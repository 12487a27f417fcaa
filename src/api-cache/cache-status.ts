import type { Tier } from '../core/chunk.ts'

/** How a request was answered, for `Cache-Status`. */
export interface AnsweredBy {
  /** The cache answered alone; else why GitHub was asked. */
  readonly by: 'hit' | 'uri-miss' | 'stale' | 'method' | 'bypass' | 'request'
  /** What GitHub answered, if it was asked. */
  readonly status?: number
  readonly stored?: boolean
  /** What another request was told is told here, too, or waited for. */
  readonly collapsed?: boolean
  /** Seconds since GitHub last confirmed what is handed out. */
  readonly ageSeconds?: number
  /** The tier that had the body, or what else is worth to know. */
  readonly detail?: Tier | 'empty-list' | 'refused-before'
}

const CACHE_NAME = 'swarmcache'

/** The value of the header field `Cache-Status` (RFC 9211). */
export function cacheStatus(answered: AnsweredBy): string {
  const parts = [CACHE_NAME, answered.by === 'hit' ? 'hit' : `fwd=${answered.by}`]
  if (answered.status !== undefined) parts.push(`fwd-status=${answered.status}`)
  if (answered.ageSeconds !== undefined) parts.push(`ttl=-${answered.ageSeconds}`)
  if (answered.stored === true) parts.push('stored')
  if (answered.collapsed === true) parts.push('collapsed')
  if (answered.detail !== undefined) parts.push(`detail=${answered.detail}`)
  return parts.join('; ')
}
