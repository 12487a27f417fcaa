/** A libp2p peer id of an Ed25519 key, in its usual text form (`12D3Koo…`). */
export type PeerId = string

/** `seeder` keeps and relays, `runner` lives for a job, `reader` fetches and serves nothing. */
export type Role = 'seeder' | 'runner' | 'reader'

/** True if `value` names a role. */
export function isRole(value: unknown): value is Role {
  return value === 'seeder' || value === 'runner' || value === 'reader'
}

/** How a peer is reached, as it says of itself in the registry. */
export interface PeerRecord {
  readonly peerId: PeerId
  /** Multiaddrs, each ending in `/p2p/<peerId>`. */
  readonly addresses: readonly string[]
  readonly role: Role
  /** Milliseconds since the epoch after which the record is stale. */
  readonly expires: number
}

/** When the record of a peer expires whose address was given to us, not announced. */
export const NEVER: number = Number.MAX_SAFE_INTEGER

/** How a peer has behaved, as outcomes seen by this node. */
export interface PeerOutcome {
  /** Milliseconds to the first byte of an answer. */
  readonly latencyMs?: number
  readonly bytes?: number
  readonly milliseconds?: number
}

/** Bounds on a record that comes from elsewhere. */
export const MAX_PEER_ADDRESSES = 16
const MAX_ADDRESS_LENGTH = 512
const PEER_ID_PATTERN = /^12D3Koo[1-9A-HJ-NP-Za-km-z]{45}$/

/** True if `value` has the form of an Ed25519 peer id. */
export function isPeerId(value: unknown): value is PeerId {
  return typeof value === 'string' && PEER_ID_PATTERN.test(value)
}

/** The peer record that `value` (parsed JSON from elsewhere) holds, or undefined if it is malformed. */
export function parsePeerRecord(value: unknown): PeerRecord | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { peerId, addresses, role, expires } = value as Record<string, unknown>
  if (!isPeerId(peerId) || !isRole(role) || !Number.isSafeInteger(expires)) return undefined
  if (!Array.isArray(addresses) || addresses.length > MAX_PEER_ADDRESSES) return undefined
  for (const address of addresses) {
    if (typeof address !== 'string' || address.length > MAX_ADDRESS_LENGTH) return undefined
  }
  return { peerId, addresses: addresses as string[], role, expires: expires as number }
}
