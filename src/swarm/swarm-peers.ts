import type { Connection, PeerId as Libp2pPeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { MAX_PEER_ADDRESSES } from '../core/peer.ts'
import type { PeerId } from '../core/peer.ts'
import { isRelayed } from './address-order.ts'
import type { SwarmNode } from './libp2p-node.ts'
import { noAddress } from './swarm-errors.ts'
import type { SwarmPeer } from './swarm.ts'

/** Who is connected, each peer once, by its best connection: a direct one, the oldest. */
export function peersOf(connections: readonly Connection[]): SwarmPeer[] {
  const best = new Map<PeerId, SwarmPeer>()
  for (const connection of connections) {
    if (connection.status !== 'open') continue
    const peer = peerOf(connection)
    const other = best.get(peer.peerId)
    if (other === undefined || isBetter(peer, other)) best.set(peer.peerId, peer)
  }
  return [...best.values()]
}

/** The other side of a connection. */
export function peerOf(connection: Connection): SwarmPeer {
  const address = connection.remoteAddr.toString()
  return {
    peerId: connection.remotePeer.toString(),
    address,
    relayed: isRelayed(address),
    since: connection.timeline.open,
  }
}

function isBetter(a: SwarmPeer, b: SwarmPeer): boolean {
  return a.relayed === b.relayed ? a.since < b.since : b.relayed
}

/**
 * What to give to libp2p to dial; without addresses it uses those that the DHT or an earlier dial told.
 *
 * @throws ERR_PEER if none of the addresses leads to the peer.
 */
export function dialTarget(
  { multiaddr, peerIdFromString }: SwarmNode,
  peerId: PeerId,
  addresses: readonly string[],
): Multiaddr[] | Libp2pPeerId {
  if (addresses.length === 0) return peerIdFromString(peerId)
  const target: Multiaddr[] = []
  for (const text of addresses.slice(0, MAX_PEER_ADDRESSES)) {
    const [, named] = /\/p2p\/([^/]+)$/.exec(text) ?? []
    if (named !== undefined && named !== peerId) continue
    try {
      target.push(multiaddr(named === undefined ? `${text}/p2p/${peerId}` : text))
    } catch {
      // It comes from a record of somebody else, whose other addresses may be good.
    }
  }
  if (target.length === 0) throw noAddress(peerId)
  return target
}
