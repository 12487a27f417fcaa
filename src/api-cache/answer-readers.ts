import { readableScopes, whyNotWritable } from '../core/scope-rules.ts'
import type { PeerId } from '../core/peer.ts'
import type { Attestation } from '../identity/identity.ts'
import type { Swarm } from '../swarm/swarm.ts'

/** Whose answers they are, and what membership takes. */
export interface AnswerReadersOptions {
  /** owner/name, in lower case. */
  readonly repository: string
  /** Scope of the default branch, if it is known. */
  readonly defaultScope?: string
  /** True: who has shown no ID token gets nothing and is not believed. */
  readonly requiresToken: boolean
}

/**
 * Which answers a peer may have, and whose may be used: by the ID token that a peer has shown, where it has shown one,
 * else by its word, which the swarm key makes as good as that of any other member.
 */
export class AnswerReaders {
  readonly #swarm: Pick<Swarm, 'peers'>
  readonly #options: AnswerReadersOptions

  constructor({ swarm }: { readonly swarm: Pick<Swarm, 'peers'> }, options: AnswerReadersOptions) {
    this.#swarm = swarm
    this.#options = options
  }

  /** Those of the scopes that a peer asks for which it may read: its run's own, its base's and the default branch's. */
  readable(peerId: PeerId, scopes: readonly string[]): readonly string[] {
    const { defaultScope, repository, requiresToken } = this.#options
    const shown = this.#swarm.peers().find((peer) => peer.peerId === peerId)?.attestation
    if (shown === undefined) return requiresToken ? [] : scopes
    if (shown.repository !== repository) return []
    return readableScopes({ ...shown, defaultScope }, scopes)
  }

  /** Whether one who reads these scopes may use what a peer gives: its run must be one that may write one of them. */
  believes(attestation: Attestation | undefined, scopes: readonly string[]): boolean {
    const { defaultScope, repository, requiresToken } = this.#options
    if (attestation === undefined) return !requiresToken
    const { event, ref } = attestation
    return (
      attestation.repository === repository &&
      scopes.includes(ref) &&
      whyNotWritable({ event, ref, defaultScope }, ref) === undefined
    )
  }
}
