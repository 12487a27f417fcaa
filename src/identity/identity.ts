import type { PeerId, PeerRecord } from '../core/peer.ts'

/** The Ed25519 key that is a peer's identity. */
export interface PeerKey {
  readonly peerId: PeerId
  /** The 32 secret bytes, for the swarm's handshake; they never leave the process or the home. */
  readonly seed: Uint8Array
  /** Signature over `bytes`, base64url. */
  sign(bytes: Uint8Array): string
}

/** What a member of a swarm derives from the swarm key, for one repository. */
export interface SwarmKeys {
  /** Goes into every Noise handshake: strangers do not get past its first stage. */
  readonly prologue: Uint8Array
  /** Names the swarm's place in a registry; reveals neither the key nor the repository. */
  readonly place: string
  /** A name for a peer's record in that place that tells outsiders nothing. */
  recordName(peerId: PeerId): string
  /** The record encrypted and authenticated (JWE compact, dir + A256GCM). */
  seal(record: PeerRecord): Promise<string>
  /** The record in `sealed`; undefined if it was not sealed by a member for this place, or is malformed. */
  open(sealed: string): Promise<PeerRecord | undefined>
}

export { createPeerKey, loadPeerKey, verifySignature } from './peer-key.ts'
export { deriveSwarmKeys, assertSwarmKey } from './swarm-keys.ts'
export { signEntry, verifyEntry } from './entry-signature.ts'
