import { hash } from 'node:crypto'

/** SHA-256 of some bytes, as 64 lower-case hex digits. */
export type Digest = string

/** Length of a digest in its binary form. */
export const DIGEST_BYTES = 32

const DIGEST_PATTERN = /^[0-9a-f]{64}$/

/** The digest of `bytes`; a string is hashed as UTF-8. */
export function digestOf(bytes: Uint8Array | string): Digest {
  return hash('sha256', bytes, 'hex')
}

/** True if `value` has the form of a digest. */
export function isDigest(value: unknown): value is Digest {
  return typeof value === 'string' && DIGEST_PATTERN.test(value)
}
