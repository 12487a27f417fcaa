import type { Entry } from '../core/entry.ts'
import { parseGrants } from '../core/scope-rules.ts'
import type { ScopeGrant } from '../core/scope-rules.ts'

/**
 * The entry with the ID token that attests it: with the token's repository id, and dated within its lifetime,
 * which the clock of this machine may miss.
 */
export function attestEntry(
  entry: Omit<Entry, 'writer'>,
  token: string,
): Omit<Entry, 'writer'> & { readonly token: string } {
  const { iat, exp, repository_id: id } = readPayload(token) ?? {}
  const from = typeof iat === 'number' ? Math.ceil(iat * 1000) : -Infinity
  const until = typeof exp === 'number' ? Math.floor(exp * 1000) : Infinity
  const created = Math.max(from, Math.min(entry.created, until))
  const repositoryId = typeof id === 'string' ? id : entry.repositoryId
  return { ...entry, repositoryId, created, token }
}

/** What the cache service lets the holder of a runtime token do, by the claim `ac`; the signature is not checked. */
export function readGrants(token: string): ScopeGrant[] | undefined {
  return parseGrants(readPayload(token)?.['ac'])
}

function readPayload(token: string): Readonly<Record<string, unknown>> | undefined {
  const [, payload] = token.split('.')
  if (payload === undefined) return undefined
  try {
    const value = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as unknown
    return typeof value === 'object' && value !== null
      ? (value as Readonly<Record<string, unknown>>)
      : undefined
  } catch {
    return undefined
  }
}
