import type {
  ConnectionEncrypter,
  MessageStream,
  SecureConnectionOptions,
  SecuredConnection,
} from '@libp2p/interface'
import { errorMessage, isSwarmCacheError } from '../core/errors.ts'
import type { AttestedPeers } from './attested-peers.ts'
import type { Handshake, Handshaken } from './handshakes.ts'
import type { Refusals } from './refusals.ts'
import type { SilenceWatch } from './silence-watch.ts'

// libp2p hands on the message of a failed handshake but not the error, so messages tell them apart.
const NOT_MEMBER =
  'it does not take part in this swarm, or has another swarm key or repository (the handshake ended early)'
const OTHER_PEER = 'another peer answers there'
const BAD_TOKEN = 'a token was refused: '

/** What the encrypter needs. */
export interface EncrypterParts {
  readonly handshake: Handshake
  readonly attested: AttestedPeers
  readonly refusals: Refusals
  readonly silence: SilenceWatch
}

/**
 * Lets only members get as far as a connection: nothing else of libp2p (identify, DHT, any protocol) is
 * reachable before both sides have passed the handshake.
 */
export class MemberEncrypter implements ConnectionEncrypter {
  // Our own protocol id: nodes of other networks end at its negotiation.
  readonly protocol: string
  readonly #parts: EncrypterParts

  constructor(parts: EncrypterParts) {
    this.protocol = parts.handshake.protocol
    this.#parts = parts
  }

  async secureOutbound(
    connection: MessageStream,
    options?: SecureConnectionOptions,
  ): Promise<SecuredConnection> {
    try {
      return this.#admit(connection, await this.#parts.handshake.outbound(connection, options))
    } catch (cause) {
      options?.signal?.throwIfAborted()
      throw new Error(failureOf(cause), { cause })
    }
  }

  async secureInbound(
    connection: MessageStream,
    options?: SecureConnectionOptions,
  ): Promise<SecuredConnection> {
    const { handshake, refusals } = this.#parts
    try {
      const handshaken = await handshake.inbound(connection, options)
      refusals.admitted(connection)
      return this.#admit(connection, handshaken)
    } catch (error) {
      refusals.refused(connection, errorMessage(error))
      throw error
    }
  }

  #admit(connection: MessageStream, { secured, attestation }: Handshaken): SecuredConnection {
    const { attested, silence } = this.#parts
    if (attestation !== undefined) attested.attest(attestation)
    silence.follow(connection)
    return withoutThrowingSend(secured)
  }
}

/**
 * The muxer sends some frames from microtasks, where a throw would end the process. A connection that
 * cannot be written to any more is aborted, and everything on it hears of that.
 */
function withoutThrowingSend(secured: SecuredConnection): SecuredConnection {
  const { connection } = secured
  const send = connection.send.bind(connection)
  connection.send = (data) => {
    try {
      return send(data)
    } catch (error) {
      connection.abort(error as Error)
      return false
    }
  }
  return secured
}

function failureOf(error: unknown): string {
  if (error instanceof Error && error.name === 'UnexpectedPeerError') return OTHER_PEER
  return isSwarmCacheError(error, 'ERR_PROOF') ? BAD_TOKEN + error.message : NOT_MEMBER
}

/** Why a dial failed, if its handshake did. */
export function handshakeFailure(
  error: unknown,
): { readonly kind: 'not-member' | 'other-peer'; readonly why: string } | undefined {
  if (error instanceof AggregateError) {
    const failures = error.errors.map(handshakeFailure)
    return failures.find((failure) => failure !== undefined)
  }
  if (!(error instanceof Error)) return undefined
  const { message } = error
  if (message === OTHER_PEER) return { kind: 'other-peer', why: message }
  if (message.startsWith(BAD_TOKEN)) return { kind: 'not-member', why: message }
  // It speaks multistream but none of our handshakes: its policy demands another proof, or it is of another network.
  const isOther = message.startsWith('Protocol selection failed')
  return message === NOT_MEMBER || isOther ? { kind: 'not-member', why: NOT_MEMBER } : undefined
}
