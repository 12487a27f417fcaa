import { join } from 'node:path'
import type { CryptoKey, JWTHeaderParameters } from 'jose'
import { abortable } from '../async/deadline.ts'
import { digestOf } from '../core/digest.ts'
import { errorMessage } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { fetchJson } from './fetch-json.ts'
import {
  mergeKeys,
  NO_KEYS,
  readKeys,
  safeAlgorithms,
  signingKeys,
  writeKeys,
} from './kept-keys.ts'
import type { KeptKey, KeptKeys } from './kept-keys.ts'
import { proofError, uncheckedError } from './token-claims.ts'

/** What the keys of an issuer are got with. */
export interface IssuerKeysParts {
  readonly fetch: typeof fetch
  readonly now: () => number
  readonly logger: Logger
}

/** Whose keys, and where they are kept. */
export interface IssuerKeysOptions {
  /** URL without a slash at the end. */
  readonly issuer: string
  /** Folder in which they outlive the process; in memory only by default. */
  readonly folder?: string
}

const FETCH_TIMEOUT_MS = 3000
const MAX_METADATA_BYTES: number = 64 * 1024
const MAX_KEYS_BYTES: number = 256 * 1024
// A key that its issuer has taken back is trusted for no longer than this.
const MAX_AGE_MS: number = 60 * 60_000
// With the issuer out of reach, known keys go on for a day.
const MAX_STALE_MS: number = 24 * 60 * 60_000
// Strangers can name as many unknown keys as they like; the issuer is asked this often at most.
const LEAST_GAP_MS = 30_000

/** The public keys of one issuer: fetched when needed, kept when it lists them no more. */
export class IssuerKeys {
  readonly #parts: IssuerKeysParts
  readonly #issuer: string
  readonly #path: string | undefined
  readonly #imported = new Map<string, CryptoKey | Uint8Array>()
  #kept: KeptKeys = NO_KEYS
  #loaded: Promise<void> | undefined
  #running: Promise<void> | undefined
  #triedAt = -Infinity
  #failure = ''

  constructor(parts: IssuerKeysParts, { issuer, folder }: IssuerKeysOptions) {
    this.#parts = parts
    this.#issuer = issuer
    if (folder !== undefined) {
      this.#path = join(folder, `${digestOf(issuer).slice(0, 32)}.json`)
    }
  }

  /** The algorithms that its tokens may be signed with. */
  async algorithms(signal?: AbortSignal): Promise<string[]> {
    await this.#fresh(signal)
    return [...this.#kept.algorithms]
  }

  /**
   * The key that a token's header names, as it was at a moment; undefined `at` means now, when only keys that
   * the issuer lists will do.
   *
   * @throws ERR_PROOF if there is none.
   */
  async find(header: JWTHeaderParameters, at?: number, signal?: AbortSignal): Promise<CryptoKey> {
    const { kid, alg } = header
    if (kid === undefined) throw proofError('names no key')
    await this.#fresh(signal)
    let key = this.#find(kid, at)
    if (key === undefined) {
      await this.#refresh(signal)
      key = this.#find(kid, at)
    }
    if (key === undefined) throw proofError('names a key that its issuer does not list')
    if (key.jwk.alg !== undefined && key.jwk.alg !== alg) {
      throw proofError('is signed by an algorithm that its key is not for')
    }
    const name = `${alg} ${kid}`
    const known = this.#imported.get(name)
    if (known !== undefined) return known as CryptoKey
    const { importJWK } = await import('jose')
    const imported = await importJWK(key.jwk, alg)
    this.#imported.set(name, imported)
    return imported as CryptoKey
  }

  #find(kid: string, at: number | undefined): KeptKey | undefined {
    const key = this.#kept.keys.find(({ jwk }) => jwk.kid === kid)
    if (key === undefined || key.seen === this.#kept.fetched) return key
    // It may have been listed for a while after we last looked.
    return at !== undefined && at <= key.seen + MAX_AGE_MS ? key : undefined
  }

  /** Resolves once the keys are not older than they may be. */
  async #fresh(signal: AbortSignal | undefined): Promise<void> {
    this.#loaded ??= this.#load()
    await this.#loaded
    const ageMs = this.#parts.now() - this.#kept.fetched
    if (ageMs >= 0 && ageMs <= MAX_AGE_MS) return
    await this.#refresh(signal)
    if (this.#parts.now() - this.#kept.fetched > MAX_STALE_MS) {
      throw uncheckedError(`the keys of its issuer cannot be had: ${this.#failure}`)
    }
  }

  async #load(): Promise<void> {
    if (this.#path !== undefined) this.#kept = await readKeys(this.#path)
  }

  /** Asks the issuer, unless it was asked a moment ago; shared by all who wait. */
  async #refresh(signal: AbortSignal | undefined): Promise<void> {
    if (this.#running === undefined) {
      const now = this.#parts.now()
      // A clock that was set back must not put this off.
      if (now >= this.#triedAt && now - this.#triedAt < LEAST_GAP_MS) return
      this.#triedAt = now
      this.#running = this.#fetch().finally(() => (this.#running = undefined))
    }
    await (signal === undefined ? this.#running : abortable(this.#running, signal))
  }

  async #fetch(): Promise<void> {
    const { fetch, now, logger } = this.#parts
    const options = { fetch, timeoutMs: FETCH_TIMEOUT_MS }
    try {
      const metadata = await fetchJson(`${this.#issuer}/.well-known/openid-configuration`, {
        ...options,
        maxBytes: MAX_METADATA_BYTES,
      })
      if (metadata['issuer'] !== this.#issuer) throw new Error('it calls itself by another name')
      const set = await fetchJson(String(metadata['jwks_uri']), {
        ...options,
        maxBytes: MAX_KEYS_BYTES,
      })
      const keys = signingKeys(set)
      if (keys.length === 0) throw new Error('it lists no keys')
      const algorithms = safeAlgorithms(metadata['id_token_signing_alg_values_supported'])
      this.#kept = mergeKeys(this.#kept, keys, algorithms, now())
      // An issuer may give an old name to a new key.
      this.#imported.clear()
      if (this.#path !== undefined) await writeKeys(this.#path, this.#kept)
    } catch (error) {
      this.#failure = errorMessage(error)
      const { failure, issuer } = { failure: this.#failure, issuer: this.#issuer }
      logger.log('warning', 'The keys of an issuer of ID tokens cannot be had.', {
        issuer,
        failure,
      })
    }
  }
}
