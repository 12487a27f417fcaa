import type {
  ConnectionEncrypter,
  MessageStream,
  SecureConnectionOptions,
  SecuredConnection,
} from '@libp2p/interface'
import type { Attestation, PeerKey } from '../identity/identity.ts'
import { demandProof, giveProof } from './membership-gate.ts'
import { demandToken, showToken } from './token-gate.ts'
import { accept, accepted, giveToken, takeToken } from './token-proofs.ts'
import type { TokenProofs } from './token-proofs.ts'

/** A connection that is private, and to whom. */
export interface Handshaken {
  readonly secured: SecuredConnection
  /** What the other side's ID token says of it; undefined without one. */
  readonly attestation?: Attestation
}

const KEY_PROTOCOL = '/swarmcache/noise/1.0.0'
const KEY_AND_TOKEN_PROTOCOL = '/swarmcache/noise-tokens/1.0.0'
const TOKEN_PROTOCOL = '/swarmcache/tokens/1.0.0'
/** libp2p's names for all of them. */
export const HANDSHAKE_PROTOCOLS: readonly string[] = [
  KEY_PROTOCOL,
  KEY_AND_TOKEN_PROTOCOL,
  TOKEN_PROTOCOL,
]

/** One way of proving membership to each other; rejects with the reason if the other side does not. */
export interface Handshake {
  /** libp2p's name for it; both sides take the first of the dialler's that they share. */
  readonly protocol: string
  outbound(connection: MessageStream, options?: SecureConnectionOptions): Promise<Handshaken>
  inbound(connection: MessageStream, options?: SecureConnectionOptions): Promise<Handshaken>
}

/** Makes Noise with a prologue. */
export type CreateNoise = (prologue: Uint8Array) => ConnectionEncrypter

/** Both have the swarm key: the dialler shows it before Noise, whose prologue then proves it both ways. */
export class KeyHandshake implements Handshake {
  readonly protocol: string = KEY_PROTOCOL
  readonly #key: Uint8Array
  readonly #noise: ConnectionEncrypter

  constructor(parts: { readonly key: Uint8Array; readonly createNoise: CreateNoise }) {
    this.#key = parts.key
    this.#noise = parts.createNoise(parts.key)
  }

  async outbound(
    connection: MessageStream,
    options?: SecureConnectionOptions,
  ): Promise<Handshaken> {
    await giveProof(connection, this.#key, options?.signal)
    return { secured: await this.#noise.secureOutbound(connection, options) }
  }

  async inbound(connection: MessageStream, options?: SecureConnectionOptions): Promise<Handshaken> {
    if (!(await demandProof(connection, this.#key, options?.signal))) {
      throw new Error('it has another swarm key')
    }
    return { secured: await this.#noise.secureInbound(connection, options) }
  }
}

/** Both have the swarm key, and show each other their ID tokens after Noise. */
export class KeyAndTokenHandshake implements Handshake {
  readonly protocol: string = KEY_AND_TOKEN_PROTOCOL
  readonly #key: KeyHandshake
  readonly #tokens: TokenProofs
  readonly #peerKey: PeerKey

  constructor(parts: {
    readonly key: KeyHandshake
    readonly tokens: TokenProofs
    readonly peerKey: PeerKey
  }) {
    this.#key = parts.key
    this.#tokens = parts.tokens
    this.#peerKey = parts.peerKey
  }

  async outbound(
    connection: MessageStream,
    options?: SecureConnectionOptions,
  ): Promise<Handshaken> {
    return await this.#exchange(await this.#key.outbound(connection, options), options?.signal)
  }

  async inbound(connection: MessageStream, options?: SecureConnectionOptions): Promise<Handshaken> {
    return await this.#exchange(await this.#key.inbound(connection, options), options?.signal)
  }

  async #exchange({ secured }: Handshaken, signal: AbortSignal | undefined): Promise<Handshaken> {
    const { connection, remotePeer } = secured
    await giveToken(connection, this.#tokens, this.#peerKey.peerId, signal)
    const attestation = await takeToken(connection, this.#tokens, remotePeer.toString(), signal)
    accept(connection)
    // Else the dialler would take a connection for open that the other side is about to end.
    await accepted(connection, signal)
    return { secured, attestation }
  }
}

/** There is no key: the dialler shows its token before Noise, and the other side its own after it. */
export class TokenHandshake implements Handshake {
  readonly protocol: string = TOKEN_PROTOCOL
  readonly #tokens: TokenProofs
  readonly #peerKey: PeerKey
  readonly #createNoise: CreateNoise

  constructor(parts: {
    readonly tokens: TokenProofs
    readonly peerKey: PeerKey
    readonly createNoise: CreateNoise
  }) {
    this.#tokens = parts.tokens
    this.#peerKey = parts.peerKey
    this.#createNoise = parts.createNoise
  }

  async outbound(
    connection: MessageStream,
    options?: SecureConnectionOptions,
  ): Promise<Handshaken> {
    const meant = options?.remotePeer?.toString()
    if (meant === undefined) throw new Error('its address does not say which peer it is')
    const gate = { peerKey: this.#peerKey, tokens: this.#tokens }
    const prologue = await showToken(connection, meant, gate, options?.signal)
    const secured = await this.#createNoise(prologue).secureOutbound(connection, options)
    const tokens = { ...this.#tokens, required: true }
    const attestation = await takeToken(secured.connection, tokens, meant, options?.signal)
    accept(secured.connection)
    return { secured, attestation }
  }

  async inbound(connection: MessageStream, options?: SecureConnectionOptions): Promise<Handshaken> {
    const gate = { peerKey: this.#peerKey, tokens: this.#tokens }
    const { prologue, attestation } = await demandToken(connection, gate, options?.signal)
    const secured = await this.#createNoise(prologue).secureInbound(connection, options)
    if (secured.remotePeer.toString() !== attestation.peerId) {
      throw new Error('its ID token was made for another peer')
    }
    await giveToken(secured.connection, this.#tokens, this.#peerKey.peerId, options?.signal)
    await accepted(secured.connection, options?.signal)
    return { secured, attestation }
  }
}
