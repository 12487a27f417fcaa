import { randomUUID } from 'node:crypto'
import type { Attestation, ExpectedProof, TokenSource, TokenVerifier } from './identity.ts'
import { proofError } from './token-claims.ts'

/** What a run is said to be; the rest of an attestation comes from the moment it is made. */
export type AttestedRun = Partial<Omit<Attestation, 'peerId' | 'issuedAt' | 'expires'>>

/** Tunables of an issuer in memory. */
export interface MemoryIssuerOptions {
  readonly lifetimeMs?: number
  readonly now?: () => number
}

// As GitHub's.
const LIFETIME_MS = 5 * 60_000

/** An issuer whose tokens mean something in this process only: it remembers what each one says. */
export class MemoryIssuer implements TokenVerifier {
  readonly #attested = new Map<string, Attestation>()
  readonly #lifetimeMs: number
  readonly #now: () => number

  constructor(options: MemoryIssuerOptions = {}) {
    this.#lifetimeMs = options.lifetimeMs ?? LIFETIME_MS
    this.#now = options.now ?? Date.now
  }

  /** The tokens of one run. */
  source(run: AttestedRun = {}): TokenSource {
    return {
      token: async (peerId, { signal } = {}) => {
        signal?.throwIfAborted()
        const issuedAt = this.#now()
        const token = randomUUID()
        this.#attested.set(token, {
          issuer: 'memory:',
          repository: 'local/local',
          repositoryId: '1',
          ownerId: '1',
          ref: 'refs/heads/main',
          event: 'push',
          workflow: 'local/local/.github/workflows/ci.yml@refs/heads/main',
          runId: '1',
          runAttempt: '1',
          sha: '0'.repeat(40),
          actor: 'somebody',
          baseRef: '',
          visibility: 'private',
          ...run,
          issuedAt,
          expires: issuedAt + this.#lifetimeMs,
          peerId,
        })
        return token
      },
    }
  }

  async verify(token: string, { peerId, at, signal }: ExpectedProof): Promise<Attestation> {
    signal?.throwIfAborted()
    const attestation = this.#attested.get(token)
    if (attestation === undefined) throw proofError('comes from no issuer that is trusted')
    if (attestation.peerId !== peerId) throw proofError('was made for another peer')
    const moment = at ?? this.#now()
    if (moment < attestation.issuedAt) throw proofError('was not valid yet at that time')
    if (moment > attestation.expires) throw proofError('has expired')
    return attestation
  }
}
