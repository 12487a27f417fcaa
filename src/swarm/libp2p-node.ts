import type { Libp2p, PeerId as Libp2pPeerId } from '@libp2p/interface'
import type { KadDHT } from '@libp2p/kad-dht'
import type { Digest } from '../core/digest.ts'
import type { Logger } from '../core/logger.ts'
import type { Role } from '../core/peer.ts'
import type { PeerKey } from '../identity/identity.ts'
import { announceable, compareAddresses } from './address-order.ts'
import { AttestedPeers } from './attested-peers.ts'
import { BannedPeers } from './banned-peers.ts'
import { MemberEncrypter } from './connection-encrypter.ts'
import {
  HANDSHAKE_PROTOCOLS,
  KeyAndTokenHandshake,
  KeyHandshake,
  TokenHandshake,
} from './handshakes.ts'
import type { CreateNoise, Handshake } from './handshakes.ts'
import { limitNamedPeers, withinBounds } from './dht-bounds.ts'
import { DialBudget, withinBudget } from './dial-budget.ts'
import { multihashOf, SwarmDht } from './libp2p-dht.ts'
import type { ContentId } from './libp2p-dht.ts'
import { loadLibp2p } from './libp2p-modules.ts'
import type { Libp2pModules } from './libp2p-modules.ts'
import * as settings from './libp2p-settings.ts'
import { OpeningGuard } from './opening-guard.ts'
import { Refusals } from './refusals.ts'
import { RelayReservations } from './relay-reservations.ts'
import type { ReservationComponents } from './relay-reservations.ts'
import { SilenceWatch } from './silence-watch.ts'
import type { TokenProofs } from './token-proofs.ts'

/** What a libp2p node is made from. */
export interface NodeParts {
  readonly peerKey: PeerKey
  /** Secret shared by the members of the swarm; without one they prove themselves by ID tokens alone. */
  readonly prologue?: Uint8Array
  /** Left out where no ID tokens are shown. */
  readonly tokens?: TokenProofs
  readonly logger: Logger
}

/** How a libp2p node takes part. */
export interface NodeOptions {
  readonly role: Role
  /** Multiaddrs; empty: it is reached through relays only. */
  readonly listen: readonly string[]
  /** Multiaddrs told to others in place of those listened on, for nodes behind a port mapping. */
  readonly announce?: readonly string[]
  /** Multiaddrs with peer ids, connected to at start and kept. */
  readonly bootstrap?: readonly string[]
  /** Time between signs of life on an idle connection; default 20 s. */
  readonly keepAliveMs?: number
}

/**
 * Part of libp2p's address manager: its announcement of closed listeners, a second after the stop, has
 * a timer that nothing else ends, and that every process would wait for before it exits.
 */
interface AddressUpdates {
  readonly _updatePeerStoreAddresses?: { stop(): void }
}

/** A libp2p node that has not been started, with the modules of its library that the swarm uses. */
export interface SwarmNode {
  readonly node: Libp2p
  readonly dht: SwarmDht
  readonly attested: AttestedPeers
  readonly banned: BannedPeers
  /** Lets go of what would keep the process alive after the node has stopped. */
  release(): void
  readonly peerIdFromString: Libp2pModules['peerIdFromString']
  readonly multiaddr: Libp2pModules['multiaddr']
}

/** Makes a node. */
export async function createNode(parts: NodeParts, options: NodeOptions): Promise<SwarmNode> {
  const libp2p = await loadLibp2p()
  const { multiaddr, noise } = libp2p
  // The timeout, which libp2p's types do not know, is for the time until the socket is connected.
  const dialOpts = { noDelay: true, timeout: settings.CONNECT_TIMEOUT_MS }
  const attested = new AttestedPeers()
  const banned = new BannedPeers()
  const budget = new DialBudget()
  const isBanned = (peerId: Libp2pPeerId): boolean => banned.has(peerId.toString())
  const refusals = new Refusals({ logger: parts.logger, proof: proofNamed(parts) })
  const keepAliveMs = options.keepAliveMs ?? settings.KEEP_ALIVE_MS
  const silence = new SilenceWatch({ keepAliveMs })
  const isSeeder = options.role === 'seeder'
  const isReachableByRelay = options.role === 'runner' || options.listen.length === 0
  const bootstrap = options.bootstrap ?? []
  let addressUpdates: AddressUpdates | undefined
  let isConnected = (_peerId: Libp2pPeerId): boolean => false
  const node = await libp2p.createLibp2p({
    start: false,
    privateKey: await libp2p.generateKeyPairFromSeed('Ed25519', parts.peerKey.seed),
    nodeInfo: { name: 'swarmcache', version: '1', userAgent: 'swarmcache' },
    addresses: {
      listen: [...options.listen],
      announce: [...(options.announce ?? [])],
      announceFilter: (addresses) =>
        announceable(addresses.map(String)).map((address) => multiaddr(address)),
    },
    transports: [withinBudget(libp2p.tcp({ dialOpts }), budget), libp2p.circuitRelayTransport()],
    connectionProtector: () => new OpeningGuard(HANDSHAKE_PROTOCOLS),
    connectionEncrypters: handshakes(parts).map((create) => (components) => {
      const createNoise: CreateNoise = (prologueBytes) => noise({ prologueBytes })(components)
      return new MemberEncrypter({ handshake: create(createNoise), attested, refusals, silence })
    }),
    streamMuxers: [
      libp2p.yamux({
        keepAliveInterval: keepAliveMs,
        streamOptions: {
          maxStreamWindowSize: settings.MAX_STREAM_WINDOW_BYTES,
          maxReadBufferLength: settings.MAX_READ_BUFFER_BYTES,
        },
      }),
    ],
    connectionGater: {
      denyInboundConnection: (connection) => {
        refusals.follow(connection)
        return false
      },
      // Private and loopback addresses are where runners are.
      denyDialMultiaddr: () => false,
      denyDialPeer: isBanned,
      denyInboundEncryptedConnection: isBanned,
      denyOutboundEncryptedConnection: isBanned,
      denyInboundRelayReservation: isBanned,
      denyInboundRelayedConnection: (_relay, remote) => isBanned(remote),
      denyOutboundRelayedConnection: (source, target) => isBanned(source) || isBanned(target),
    },
    connectionManager: {
      maxConnections: settings.MAX_CONNECTIONS,
      maxParallelDials: settings.MAX_PARALLEL_DIALS,
      dialTimeout: settings.DIAL_TIMEOUT_MS,
      addressDialTimeout: settings.ADDRESS_DIAL_TIMEOUT_MS,
      inboundUpgradeTimeout: settings.INBOUND_UPGRADE_TIMEOUT_MS,
      inboundStreamProtocolNegotiationTimeout: settings.OPEN_TIMEOUT_MS,
      outboundStreamProtocolNegotiationTimeout: settings.OPEN_TIMEOUT_MS,
      inboundConnectionThreshold: settings.INBOUND_PER_SECOND_AND_HOST,
      maxIncomingPendingConnections: settings.MAX_PENDING_INBOUND,
      reconnectRetries: settings.RECONNECT_RETRIES,
      addressSorter: (a, b) => compareAddresses(a.multiaddr.toString(), b.multiaddr.toString()),
    },
    // It pings every ten seconds and cuts the connection when a busy one answers late; see SilenceWatch.
    connectionMonitor: { enabled: false },
    peerDiscovery:
      bootstrap.length === 0
        ? []
        : [
            libp2p.bootstrap({
              list: [...bootstrap],
              // Bootstrap dials once; libp2p redials what carries a tag that begins so.
              tagName: 'keep-alive-bootstrap',
              timeout: 0,
            }),
          ],
    services: {
      addressUpdates: (components: { addressManager: object }) => {
        addressUpdates = components.addressManager
        return {}
      },
      identify: libp2p.identify({ maxInboundStreams: 4, runOnLimitedConnection: true }),
      identifyPush: libp2p.identifyPush({
        maxInboundStreams: 4,
        runOnLimitedConnection: true,
        debounce: settings.IDENTIFY_PUSH_DELAY_MS,
      }),
      ping: libp2p.ping({ maxInboundStreams: 8 }),
      autoNat: libp2p.autoNAT(),
      dht: withinBounds(
        libp2p.kadDHT({
          protocol: settings.DHT_PROTOCOL,
          // Undefined would mean: a client until a public address shows up, which runners do not have.
          clientMode: options.role === 'reader',
          // The default drops private addresses, and with them every peer of a fleet; this one drops floods.
          peerInfoMapper: limitNamedPeers((peerId) => isConnected(peerId)),
          initialQuerySelfInterval: settings.FIRST_SELF_QUERY_MS,
          querySelfInterval: settings.SELF_QUERY_INTERVAL_MS,
          // Alone in the swarm, a query finds nothing at once instead of waiting for company.
          allowQueryWithZeroPeers: true,
          maxInboundStreams: settings.MAX_STREAMS_PER_PROTOCOL,
          maxOutboundStreams: settings.MAX_STREAMS_PER_PROTOCOL,
          reprovide: {
            validity: settings.PROVIDE_VALIDITY_MS,
            threshold: settings.REPROVIDE_THRESHOLD_MS,
            interval: settings.REPROVIDE_CHECK_MS,
          },
        }),
      ),
      ...(isSeeder && {
        relay: libp2p.circuitRelayServer({
          maxInboundHopStreams: settings.MAX_RELAYED_STREAMS,
          maxOutboundStopStreams: settings.MAX_RELAYED_STREAMS,
          // The default limits are 128 KiB and two minutes, after which the transfer ends as if complete.
          reservations: {
            maxReservations: settings.MAX_RESERVATIONS,
            applyDefaultLimit: false,
          },
        }),
      }),
      ...(isReachableByRelay && {
        reservations: (components: ReservationComponents) =>
          new RelayReservations(components, { logger: parts.logger }),
      }),
    },
  })
  isConnected = (peerId) => node.getConnections(peerId).length > 0
  // A content id comes by way of a peer id, which is one of SHA-256 multihashes too.
  const contentIdOf = (digest: Digest): ContentId =>
    libp2p.peerIdFromMultihash(multihashOf(digest)).toCID()
  const dht = new SwarmDht({ node, dht: node.services.dht as KadDHT, contentIdOf })
  return {
    node,
    dht,
    attested,
    banned,
    release() {
      silence.stop()
      addressUpdates?._updatePeerStoreAddresses?.stop()
    },
    peerIdFromString: libp2p.peerIdFromString,
    multiaddr,
  }
}

/**
 * The handshakes that this node's proofs allow, the strongest first. With a key and tokens that are not
 * required, members without a token are met by the key alone.
 */
function handshakes({
  peerKey,
  prologue,
  tokens,
}: NodeParts): ((createNoise: CreateNoise) => Handshake)[] {
  if (prologue === undefined) {
    if (tokens === undefined) throw new TypeError('A swarm needs a prologue, tokens or both.')
    return [(createNoise) => new TokenHandshake({ tokens, peerKey, createNoise })]
  }
  const byKey = (createNoise: CreateNoise): KeyHandshake =>
    new KeyHandshake({ key: prologue, createNoise })
  if (tokens === undefined) return [byKey]
  const byBoth = (createNoise: CreateNoise): Handshake =>
    new KeyAndTokenHandshake({ key: byKey(createNoise), tokens, peerKey })
  return tokens.required ? [byBoth] : [byBoth, byKey]
}

function proofNamed({ prologue, tokens }: NodeParts): string {
  if (prologue === undefined) return 'by an ID token where it runs'
  const isBoth = tokens?.required === true
  return `that it has the swarm key${isBoth ? ', and by an ID token where it runs' : ''}`
}
