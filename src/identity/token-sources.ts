import { readFile, stat } from 'node:fs/promises'
import { abortable, pause } from '../async/deadline.ts'
import { SingleFlight } from '../async/single-flight.ts'
import { errnoOf, errorMessage } from '../core/errors.ts'
import type { PeerId } from '../core/peer.ts'
import { fetchJson, FinalAnswer } from './fetch-json.ts'
import type { TokenSource } from './identity.ts'
import { MAX_TOKEN_LENGTH, proofError, tokenAudience } from './token-claims.ts'

/** What the runner gives to a job with the permission `id-token: write`. */
export interface TokenRequest {
  readonly url: string
  /** A bearer token that must not leave the process. */
  readonly secret: string
}

interface Minted {
  readonly token: string
  readonly issuedMs: number
  readonly expiresMs: number
}

const REQUEST_TIMEOUT_MS = 5000
const MAX_ANSWER_BYTES: number = 64 * 1024
// GitHub's token service has short hiccups; each further try doubles the pause.
const TRIES = 3
const FIRST_PAUSE_MS = 200

/**
 * Tokens of the job that this process runs in, minted again when less than half of their lifetime is left.
 *
 * https://docs.github.com/en/actions/reference/security/oidc
 */
export class RunnerTokenSource implements TokenSource {
  readonly #fetch: typeof fetch
  readonly #now: () => number
  readonly #request: TokenRequest
  readonly #minted = new Map<PeerId, Minted>()
  readonly #minting = new SingleFlight<Minted>()

  constructor(
    parts: { readonly fetch?: typeof fetch; readonly now?: () => number },
    request: TokenRequest,
  ) {
    this.#fetch = parts.fetch ?? globalThis.fetch
    this.#now = parts.now ?? Date.now
    this.#request = request
  }

  async token(peerId: PeerId, { signal }: { readonly signal?: AbortSignal } = {}): Promise<string> {
    signal?.throwIfAborted()
    const have = this.#minted.get(peerId)
    if (have !== undefined && this.#now() < (have.issuedMs + have.expiresMs) / 2) return have.token
    // Shared by all who ask meanwhile, so it listens to nobody's signal.
    const minting = this.#minting.run(peerId, async () => await this.#mint(peerId))
    try {
      const { token } = await (signal === undefined ? minting : abortable(minting, signal))
      return token
    } catch (error) {
      signal?.throwIfAborted()
      if (have !== undefined && this.#now() < have.expiresMs) return have.token
      throw proofError(`of this job cannot be had: ${errorMessage(error)}`, error)
    }
  }

  async #mint(peerId: PeerId): Promise<Minted> {
    const url = new URL(this.#request.url)
    url.searchParams.set('audience', tokenAudience(peerId))
    const { value } = await this.#ask(url.href)
    const { decodeJwt } = await import('jose')
    if (typeof value !== 'string' || value.length > MAX_TOKEN_LENGTH) {
      throw new Error(`${url.host} answered without a token`)
    }
    const { iat = 0, exp = 0 } = decodeJwt(value)
    // By our clock, which the issuer's may differ from.
    const issuedMs = this.#now()
    const minted = { token: value, issuedMs, expiresMs: issuedMs + (exp - iat) * 1000 }
    this.#minted.set(peerId, minted)
    return minted
  }

  async #ask(url: string): Promise<Readonly<Record<string, unknown>>> {
    const options = {
      fetch: this.#fetch,
      timeoutMs: REQUEST_TIMEOUT_MS,
      maxBytes: MAX_ANSWER_BYTES,
      headers: { authorization: `bearer ${this.#request.secret}` },
    }
    for (let tried = 1; ; tried += 1) {
      try {
        return await fetchJson(url, options)
      } catch (error) {
        if (error instanceof FinalAnswer || tried === TRIES) throw error
        await pause(FIRST_PAUSE_MS * 2 ** (tried - 1))
      }
    }
  }
}

/** Tokens that somebody else on this machine puts into a file, for nodes outside a job. */
export class FileTokenSource implements TokenSource {
  readonly #path: string

  constructor(options: { readonly path: string }) {
    this.#path = options.path
  }

  async token(peerId: PeerId, { signal }: { readonly signal?: AbortSignal } = {}): Promise<string> {
    signal?.throwIfAborted()
    const token = await this.#read()
    const { decodeJwt } = await import('jose')
    let aud: unknown
    try {
      ;({ aud } = decodeJwt(token))
    } catch {
      throw proofError(`in ${this.#path} is malformed`)
    }
    if (aud === tokenAudience(peerId)) return token
    throw proofError(
      `in ${this.#path} has another audience than this node needs, which is ${tokenAudience(peerId)}`,
    )
  }

  async #read(): Promise<string> {
    try {
      const { size } = await stat(this.#path)
      if (size > MAX_TOKEN_LENGTH) throw new Error('it is too long')
      return (await readFile(this.#path, 'utf8')).trim()
    } catch (cause) {
      const why = errnoOf(cause) ?? errorMessage(cause)
      throw proofError(`in ${this.#path} cannot be read (${why})`, cause)
    }
  }
}
