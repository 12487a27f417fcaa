import { randomBytes } from 'node:crypto'
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { JWK } from 'jose'

/** A public key of an issuer, and when it was one. */
export interface KeptKey {
  readonly jwk: JWK & { readonly kid: string }
  /** Milliseconds since the epoch at which the issuer last listed it. */
  readonly seen: number
}

/** The keys that an issuer lists, and those it listed before. */
export interface KeptKeys {
  /** Milliseconds since the epoch; 0 if they were never fetched. */
  readonly fetched: number
  readonly algorithms: readonly string[]
  /** Newest first. */
  readonly keys: readonly KeptKey[]
}

// What an issuer may ask us to accept. Never `none` and nothing symmetric: a public key would then be the secret.
const SAFE_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA']
// GitHub lists a handful and changes them a few times a year.
const MAX_KEYS = 64
const MAX_KID_LENGTH = 256
const MAX_KEY_LENGTH = 4096
const MAX_FILE_BYTES: number = 512 * 1024

export const NO_KEYS: KeptKeys = { fetched: 0, algorithms: ['RS256'], keys: [] }

/** The keys of a JWK set that can sign tokens; others are passed over. */
export function signingKeys(set: Readonly<Record<string, unknown>>): KeptKey['jwk'][] {
  const list = Array.isArray(set['keys']) ? (set['keys'] as unknown[]) : []
  return list.slice(0, MAX_KEYS).filter(isSigningKey)
}

/** Those of an issuer's algorithms that are safe; RS256 if it names none. */
export function safeAlgorithms(named: unknown): string[] {
  const list = Array.isArray(named) ? SAFE_ALGORITHMS.filter((name) => named.includes(name)) : []
  return list.length === 0 ? ['RS256'] : list
}

/** What is kept after the issuer listed `jwks`: those, then the ones it listed before, up to a bound. */
export function mergeKeys(
  old: KeptKeys,
  jwks: readonly KeptKey['jwk'][],
  algorithms: readonly string[],
  now: number,
): KeptKeys {
  const listed = new Set(jwks.map(({ kid }) => kid))
  const retired = old.keys.filter(({ jwk }) => !listed.has(jwk.kid))
  const keys = [...jwks.map((jwk) => ({ jwk, seen: now })), ...retired].slice(0, MAX_KEYS)
  return { fetched: now, algorithms, keys }
}

/** The keys kept in a file; none if there is no file or it is damaged, since they can be fetched again. */
export async function readKeys(path: string): Promise<KeptKeys> {
  try {
    await using file = await open(path)
    const { size } = await file.stat()
    if (size > MAX_FILE_BYTES) return NO_KEYS
    return parseKeys(JSON.parse(await file.readFile('utf8'))) ?? NO_KEYS
  } catch {
    return NO_KEYS
  }
}

/** Puts the keys into a file that other processes read and write too. */
export async function writeKeys(path: string, keys: KeptKeys): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(draft, JSON.stringify(keys), { mode: 0o600, flag: 'wx' })
    await rename(draft, path)
  } finally {
    await rm(draft, { force: true })
  }
}

/** The keys that a file's content, parsed, describes; undefined if it is malformed as a whole. */
export function parseKeys(value: unknown): KeptKeys | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { fetched, algorithms, keys } = value as Record<string, unknown>
  if (typeof fetched !== 'number' || !Array.isArray(keys)) return undefined
  const kept = (keys as unknown[]).slice(0, MAX_KEYS).filter((item): item is KeptKey => {
    if (typeof item !== 'object' || item === null) return false
    const { jwk, seen } = item as Record<string, unknown>
    return typeof seen === 'number' && isSigningKey(jwk)
  })
  return { fetched, algorithms: safeAlgorithms(algorithms), keys: kept }
}

function isSigningKey(value: unknown): value is KeptKey['jwk'] {
  if (typeof value !== 'object' || value === null) return false
  const { kty, kid, use } = value as Record<string, unknown>
  if (kty !== 'RSA' && kty !== 'EC' && kty !== 'OKP') return false
  if (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_LENGTH) return false
  return (use === undefined || use === 'sig') && JSON.stringify(value).length <= MAX_KEY_LENGTH
}
