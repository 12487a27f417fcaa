import type { Attestation, ExpectedProof, TokenVerifier } from './identity.ts'
import { proofError } from './token-claims.ts'

/** Who belongs to a swarm: the runs of one repository, or those of all repositories of one owner. */
export type SwarmOf = { readonly repositoryId: string } | { readonly ownerId: string }

/** Accepts the tokens of one repository or owner only, by the id, which nobody can take over with the name. */
export class SwarmVerifier implements TokenVerifier {
  readonly #verifier: TokenVerifier
  readonly #members: SwarmOf

  constructor(parts: { readonly verifier: TokenVerifier }, members: SwarmOf) {
    this.#verifier = parts.verifier
    this.#members = members
  }

  async verify(token: string, expected: ExpectedProof): Promise<Attestation> {
    const attestation = await this.#verifier.verify(token, expected)
    const { repository } = attestation
    if ('ownerId' in this.#members) {
      if (attestation.ownerId === this.#members.ownerId) return attestation
      throw proofError(`is one of ${repository}, which belongs to another owner`)
    }
    if (attestation.repositoryId === this.#members.repositoryId) return attestation
    throw proofError(`is one of another repository, ${repository}`)
  }
}
