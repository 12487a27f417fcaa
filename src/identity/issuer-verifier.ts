import type { JWTPayload } from 'jose'
import { isSwarmCacheError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Attestation, ExpectedProof, TokenVerifier } from './identity.ts'
import { IssuerKeys } from './issuer-keys.ts'
import { attestationOf, MAX_TOKEN_LENGTH, proofError, tokenAudience } from './token-claims.ts'

/** What a verifier uses. */
export interface IssuerVerifierParts {
  readonly logger: Logger
  readonly fetch?: typeof fetch
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

/** Whom a verifier trusts. */
export interface IssuerVerifierOptions {
  /** URLs, compared by the letter with what a token says. */
  readonly issuers: readonly string[]
  /** Folder that keeps keys, so that records can be checked which outlive a rotation. */
  readonly folder?: string
}

interface Wanted {
  /** Milliseconds since the epoch at which the token must be valid. */
  readonly moment: number
  /** Set for records, which may have been signed by a key that its issuer has retired since. */
  readonly at?: number
  readonly required: readonly string[]
  readonly signal?: AbortSignal
}

// Clocks of runners are set by NTP; GitHub itself dates its tokens back.
const SKEW_SECONDS = 30

/** Checks ID tokens against the keys that their issuers publish (OpenID Connect discovery). */
export class IssuerVerifier implements TokenVerifier {
  readonly #issuers: ReadonlyMap<string, IssuerKeys>
  readonly #now: () => number

  constructor(parts: IssuerVerifierParts, { issuers, folder }: IssuerVerifierOptions) {
    const { fetch = globalThis.fetch, now = Date.now, logger } = parts
    this.#now = now
    this.#issuers = new Map(
      issuers.map((issuer) => [issuer, new IssuerKeys({ fetch, now, logger }, { issuer, folder })]),
    )
  }

  async verify(token: string, { peerId, at, signal }: ExpectedProof): Promise<Attestation> {
    signal?.throwIfAborted()
    if (token.length > MAX_TOKEN_LENGTH) throw proofError('is too long')
    const now = this.#now()
    const moment = Math.min(at ?? now, now)
    const claims = await this.#claims(token, {
      moment,
      at,
      required: ['aud', 'exp', 'iat'],
      signal,
    })
    assertAudience(claims, peerId)
    const attestation = attestationOf(claims, peerId)
    if (attestation.issuedAt > moment + SKEW_SECONDS * 1000) throw proofError('is not valid yet')
    return attestation
  }

  /** What a token of a trusted issuer says now, whomever it is for. @throws ERR_PROOF, as `verify`. */
  async claims(
    token: string,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<Readonly<Record<string, unknown>>> {
    return await this.#claims(token, { moment: this.#now(), required: ['exp'], signal })
  }

  async #claims(token: string, { moment, at, required, signal }: Wanted): Promise<JWTPayload> {
    const { decodeJwt, jwtVerify } = await import('jose')
    try {
      const issuer = decodeJwt(token).iss ?? ''
      const keys = this.#issuers.get(issuer)
      if (keys === undefined) throw proofError('comes from an issuer that is not trusted')
      const { payload } = await jwtVerify(token, (header) => keys.find(header, at, signal), {
        algorithms: await keys.algorithms(signal),
        issuer,
        clockTolerance: SKEW_SECONDS,
        currentDate: new Date(moment),
        requiredClaims: [...required],
      })
      return payload
    } catch (error) {
      signal?.throwIfAborted()
      throw isSwarmCacheError(error) ? error : proofError(reasonOf(error))
    }
  }
}

function assertAudience({ aud }: JWTPayload, peerId: string): void {
  if (aud === tokenAudience(peerId)) return
  const isOurs = typeof aud === 'string' && aud.startsWith(tokenAudience(''))
  throw proofError(isOurs ? 'was made for another peer' : 'was made for another audience')
}

/** What is wrong with a token; jose's own errors hold its claims, which belong in no log. */
function reasonOf(error: unknown): string {
  const { code, claim } = error as { code?: unknown; claim?: unknown }
  switch (code) {
    case 'ERR_JWT_EXPIRED':
      return 'has expired'
    case 'ERR_JOSE_ALG_NOT_ALLOWED':
      return 'is signed by an algorithm that is not allowed'
    case 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED':
      return 'was not signed by its issuer'
    case 'ERR_JWT_CLAIM_VALIDATION_FAILED':
      return claim === 'nbf' ? 'is not valid yet' : `has no good claim ${String(claim)}`
    default:
      return 'is malformed'
  }
}
