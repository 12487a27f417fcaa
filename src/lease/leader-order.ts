import { digestOf } from '../core/digest.ts'
import type { Digest } from '../core/digest.ts'
import type { PeerId } from '../core/peer.ts'

/**
 * The peers in the order in which they lead the line of a name: rendezvous hashing, so that every peer
 * finds the same order alone, and a peer that comes or goes changes it for few names only.
 */
export function leaderOrder(name: Digest, peers: Iterable<PeerId>): PeerId[] {
  return [...new Set(peers)]
    .map((peerId) => ({ peerId, weight: digestOf(`lease ${name} ${peerId}`) }))
    .sort((a, b) => (a.weight > b.weight ? -1 : 1))
    .map(({ peerId }) => peerId)
}
