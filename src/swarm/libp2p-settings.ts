// Every limit of the libp2p swarm with its reason. Each of them was met as a failure before it was set.

// --- Connecting ---

/** To open a socket: a LAN answers in milliseconds, an address that leads nowhere must not cost a job its start. */
export const CONNECT_TIMEOUT_MS = 1_000
/** One address with its handshake, on a machine that may be busy compiling on every core. */
export const ADDRESS_DIAL_TIMEOUT_MS = 5_000
/** All addresses of a peer, one after the other, relayed ones last. */
export const DIAL_TIMEOUT_MS = 8_000
/** The handshake of somebody who connects to us; a stranger holds a slot for no longer than this. */
export const INBOUND_UPGRADE_TIMEOUT_MS = 4_000
/** Choosing a protocol for a new conversation: one round trip, on a machine that may be busy compiling. */
export const OPEN_TIMEOUT_MS = 5_000
/** libp2p's 10 pending and 5 a second per address refuse a fleet behind one NAT, or on one machine, that starts at once. */
export const MAX_PENDING_INBOUND = 256
export const INBOUND_PER_SECOND_AND_HOST = 128
/** A swarm is meant to be fully connected up to a few hundred runners; beyond it, the DHT finds the others. */
export const MAX_CONNECTIONS = 512
export const MAX_PARALLEL_DIALS = 64
/** A lost seeder is redialled at 1, 2, 4, 8 … s; after that the registry brings it back. */
export const RECONNECT_RETRIES = 5

// --- Streams ---

/**
 * Most bytes a sender may have under way on one stream. It must not exceed MAX_READ_BUFFER_BYTES:
 * a paused stream collects a whole window there, and yamux resets it when the buffer overflows.
 * 4 MiB fill 1 Gbit/s at 30 ms; the memory of a paused stream is bounded by it.
 */
export const MAX_STREAM_WINDOW_BYTES: number = 4 * 1024 * 1024
export const MAX_READ_BUFFER_BYTES: number = 4 * 1024 * 1024
/** Conversations of one protocol with one peer at once; libp2p's 32 are fewer than the chunks one may ask for together. */
export const MAX_STREAMS_PER_PROTOCOL = 256
/** Longer than any pause of ours, shorter than the 2 minutes after which a silent socket is closed. */
export const KEEP_ALIVE_MS = 20_000

/** Tells connected peers of new addresses, for example through a relay; libp2p waits a second. */
export const IDENTIFY_PUSH_DELAY_MS = 100

// --- Relay (seeders) ---

/** libp2p keeps 15; every node that cannot be dialled needs one. */
export const MAX_RESERVATIONS = 512
/** Relayed conversations with one peer at once. */
export const MAX_RELAYED_STREAMS = 256
/** Seeders that a node reserves a slot at: one may leave. */
export const RELAYS_WANTED = 2
/** A reservation that got lost without its connection is noticed by the next look. */
export const RELAY_CHECK_MS = 30_000

// --- DHT ---

/** Not the public IPFS network's protocol, so that a node of ours can never become a part of it. */
export const DHT_PROTOCOL = '/swarmcache/kad/1.0.0'
/** libp2p waits a second before the first look around, and every query waits for that. */
export const FIRST_SELF_QUERY_MS = 50
export const SELF_QUERY_INTERVAL_MS = 60_000
/** Runners live for minutes: what they provided is forgotten after half an hour, not after 48 h. */
export const PROVIDE_VALIDITY_MS: number = 30 * 60_000
export const REPROVIDE_THRESHOLD_MS: number = 15 * 60_000
export const REPROVIDE_CHECK_MS: number = 5 * 60_000
/** A query runs on until every near peer has answered; libp2p would let it run for three minutes. */
export const FIND_TIMEOUT_MS = 5_000
export const PROVIDE_TIMEOUT_MS = 10_000

// --- Leaving ---

/** What is still open after this is cut. */
export const STOP_TIMEOUT_MS = 2_500
