import type { noise } from '@chainsafe/libp2p-noise'
import type { yamux } from '@chainsafe/libp2p-yamux'
import type { autoNAT } from '@libp2p/autonat'
import type { bootstrap } from '@libp2p/bootstrap'
import type { circuitRelayServer, circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import type { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { identify, identifyPush } from '@libp2p/identify'
import type { kadDHT } from '@libp2p/kad-dht'
import type { peerIdFromMultihash, peerIdFromString } from '@libp2p/peer-id'
import type { ping } from '@libp2p/ping'
import type { tcp } from '@libp2p/tcp'
import type { multiaddr } from '@multiformats/multiaddr'
import type { createLibp2p } from 'libp2p'

/** The functions of libp2p's packages that a node is made with. */
export interface Libp2pModules {
  readonly autoNAT: typeof autoNAT
  readonly bootstrap: typeof bootstrap
  readonly circuitRelayServer: typeof circuitRelayServer
  readonly circuitRelayTransport: typeof circuitRelayTransport
  readonly createLibp2p: typeof createLibp2p
  readonly generateKeyPairFromSeed: typeof generateKeyPairFromSeed
  readonly identify: typeof identify
  readonly identifyPush: typeof identifyPush
  readonly kadDHT: typeof kadDHT
  readonly multiaddr: typeof multiaddr
  readonly noise: typeof noise
  readonly peerIdFromMultihash: typeof peerIdFromMultihash
  readonly peerIdFromString: typeof peerIdFromString
  readonly ping: typeof ping
  readonly tcp: typeof tcp
  readonly yamux: typeof yamux
}

/** Loads libp2p: here and not before, since it takes longer than all the rest of a start. */
export async function loadLibp2p(): Promise<Libp2pModules> {
  const modules = await Promise.all([
    import('libp2p'),
    import('@libp2p/autonat'),
    import('@libp2p/bootstrap'),
    import('@libp2p/circuit-relay-v2'),
    import('@libp2p/crypto/keys'),
    import('@libp2p/identify'),
    import('@libp2p/kad-dht'),
    import('@libp2p/peer-id'),
    import('@libp2p/ping'),
    import('@libp2p/tcp'),
    import('@multiformats/multiaddr'),
    import('@chainsafe/libp2p-noise'),
    import('@chainsafe/libp2p-yamux'),
  ])
  const [core, nat, start, relay, keys, identity, kad, peerId, pings, tcps, addresses, ...secure] =
    modules
  const [{ noise }, { yamux }] = secure
  return {
    autoNAT: nat.autoNAT,
    bootstrap: start.bootstrap,
    circuitRelayServer: relay.circuitRelayServer,
    circuitRelayTransport: relay.circuitRelayTransport,
    createLibp2p: core.createLibp2p,
    generateKeyPairFromSeed: keys.generateKeyPairFromSeed,
    identify: identity.identify,
    identifyPush: identity.identifyPush,
    kadDHT: kad.kadDHT,
    multiaddr: addresses.multiaddr,
    noise,
    peerIdFromMultihash: peerId.peerIdFromMultihash,
    peerIdFromString: peerId.peerIdFromString,
    ping: pings.ping,
    tcp: tcps.tcp,
    yamux,
  }
}
