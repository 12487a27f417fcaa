import { LRUCache } from 'lru-cache'
import { digestOf } from '../core/digest.ts'
import { entryBytes } from '../core/entry.ts'
import type { SignedEntry } from '../core/entry.ts'
import { errorMessage, isSwarmCacheError } from '../core/errors.ts'
import { whyNotWritable } from '../core/scope-rules.ts'
import { checkSignature } from './entry-signature.ts'
import type {
  Attestation,
  CheckEntry,
  EntryTrust,
  EntryVerdict,
  TokenVerifier,
} from './identity.ts'

/** What trust is founded on. */
export interface AttestedTrustParts {
  /** Left out where no issuer of ID tokens is trusted. */
  readonly verifier?: TokenVerifier
}

/** How much of it is needed. */
export interface AttestedTrustOptions {
  /** False for a swarm that is held together by its key alone: the scope is the writer's word. */
  readonly requiresToken: boolean
  /** Scope of the default branch; while it is not known any branch may be it. */
  readonly defaultScope?: string
}

// Every entry that a node looks at in a busy hour; each takes some hundred bytes here.
const MAX_REMEMBERED = 4096
// Where a token is not required, an issuer that is slow to answer must not make a lookup slow.
const OPTIONAL_CHECK_MS = 300

/** Believes what a writer's peer key signed and, where tokens are required, what its ID token attests. */
export class AttestedTrust implements EntryTrust {
  readonly #verifier: TokenVerifier | undefined
  readonly #options: AttestedTrustOptions
  /** By all that the signature covers, and the signature. */
  readonly #attested = new LRUCache<string, Attestation>({ max: MAX_REMEMBERED })
  readonly #signed = new LRUCache<string, true>({ max: MAX_REMEMBERED })

  constructor(parts: AttestedTrustParts, options: AttestedTrustOptions) {
    this.#verifier = parts.verifier
    this.#options = options
  }

  readonly check: CheckEntry = async (entry, options) => {
    if (this.#options.requiresToken) return await this.attest(entry, options)
    const signed = await this.#checkSignature(entry, nameOf(entry))
    if (!signed.trusted || entry.token === undefined) return signed
    const patience = AbortSignal.timeout(OPTIONAL_CHECK_MS)
    const signal = options?.signal ? AbortSignal.any([options.signal, patience]) : patience
    try {
      const verdict = await this.attest(entry, { signal })
      return verdict.trusted || verdict.why !== 'unchecked' ? verdict : signed
    } catch {
      options?.signal?.throwIfAborted()
      return signed
    }
  }

  readonly attest: CheckEntry = async (entry, { signal } = {}) => {
    const name = nameOf(entry)
    let attestation = this.#attested.get(name)
    if (attestation === undefined) {
      const signed = await this.#checkSignature(entry, name)
      if (!signed.trusted) return signed
      const { token, writer: peerId, created: at } = entry
      if (token === undefined) return refusal('unattested', 'no ID token attests who wrote it')
      if (this.#verifier === undefined) {
        return refusal('unchecked', 'no issuer of ID tokens is trusted here')
      }
      try {
        attestation = await this.#verifier.verify(token, { peerId, at, signal })
      } catch (error) {
        signal?.throwIfAborted()
        // Whoever cannot check a token has no reason to blame its bearer.
        const isProof = isSwarmCacheError(error, 'ERR_PROOF') && error.facts['unchecked'] !== true
        return refusal(isProof ? 'forged' : 'unchecked', lowered(errorMessage(error)))
      }
      const forged = whyForged(entry, attestation)
      if (forged !== undefined) return refusal('forged', forged)
      this.#attested.set(name, attestation)
    }
    const { event, ref } = attestation
    const { defaultScope } = this.#options
    const forbidden = whyNotWritable({ event, ref, defaultScope }, entry.scope)
    return forbidden === undefined
      ? { trusted: true, attestation }
      : refusal('forbidden', forbidden)
  }

  async #checkSignature(entry: SignedEntry, name: string): Promise<EntryVerdict> {
    if (this.#signed.has(name)) return { trusted: true }
    const verdict = await checkSignature(entry)
    if (verdict.trusted) this.#signed.set(name, true)
    return verdict
  }
}

/** Names exactly this entry with this signature. */
function nameOf(entry: SignedEntry): string {
  return `${digestOf(entryBytes(entry))} ${entry.signature}`
}

/** How the entry contradicts its token, which no honest peer lets happen. */
function whyForged(entry: SignedEntry, attestation: Attestation): string | undefined {
  const { repository, repositoryId, ref } = attestation
  if (entry.repositoryId !== repositoryId || entry.repository.toLowerCase() !== repository) {
    return `its ID token is one of ${repository} (${repositoryId})`
  }
  if (entry.scope !== ref) return `its ID token is one of ${ref || 'a run without a ref'}`
  return undefined
}

type Refusal = Extract<EntryVerdict, { trusted: false }>

function refusal(why: Refusal['why'], reason: string): Refusal {
  return { trusted: false, why, reason }
}

function lowered(message: string): string {
  return `${message.slice(0, 1).toLowerCase()}${message.slice(1)}`.replace(/\.$/, '')
}
