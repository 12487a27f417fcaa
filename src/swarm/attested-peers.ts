import type { PeerId } from '../core/peer.ts'
import type { Attestation } from '../identity/identity.ts'

// A connection may fail between its handshake and its opening; what that leaves behind is cleared above this.
const MAX_PEERS = 2048

/** What the ID tokens of connected peers said. */
export class AttestedPeers {
  readonly #attestations = new Map<PeerId, Attestation>()

  /** Remembers the newer of what a peer has shown. */
  attest(attestation: Attestation): void {
    const { peerId } = attestation
    const known = this.#attestations.get(peerId)
    if (known !== undefined && known.expires > attestation.expires) return
    this.#attestations.delete(peerId)
    this.#attestations.set(peerId, attestation)
    if (this.#attestations.size <= MAX_PEERS) return
    const [oldest] = this.#attestations.keys()
    this.#attestations.delete(oldest!)
  }

  of(peerId: PeerId): Attestation | undefined {
    return this.#attestations.get(peerId)
  }

  forget(peerId: PeerId): void {
    this.#attestations.delete(peerId)
  }
}
