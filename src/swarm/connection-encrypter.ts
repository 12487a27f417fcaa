import type {
  ConnectionEncrypter,
  MessageStream,
  SecureConnectionOptions,
  SecuredConnection,
} from '@libp2p/interface'
import { errorMessage } from '../core/errors.ts'
import { demandProof, giveProof } from './membership-gate.ts'
import type { Refusals } from './refusals.ts'
import type { SilenceWatch } from './silence-watch.ts'

// libp2p hands on the message of a failed handshake but not the error, so messages tell them apart.
const NOT_MEMBER =
  'it does not take part in this swarm, or has another swarm key (the handshake ended early)'
const OTHER_PEER = 'another peer answers there'

/** What the encrypter needs. */
export interface EncrypterParts {
  /** Noise, with the swarm's prologue. */
  readonly noise: ConnectionEncrypter
  /** The secret that members share. */
  readonly key: Uint8Array
  readonly refusals: Refusals
  readonly silence: SilenceWatch
}

/**
 * Lets only members get as far as a connection: the dialler proves that it has the key, then Noise
 * (whose prologue is bound to the key) proves the peer ids and encrypts. Nothing else of libp2p
 * (identify, DHT, any protocol) is reachable before both have passed; a further proof belongs after Noise.
 */
export class MemberEncrypter implements ConnectionEncrypter {
  // Our own protocol id: nodes of other networks end at its negotiation.
  readonly protocol = '/swarmcache/noise/1.0.0'
  readonly #parts: EncrypterParts

  constructor(parts: EncrypterParts) {
    this.#parts = parts
  }

  async secureOutbound(
    connection: MessageStream,
    options?: SecureConnectionOptions,
  ): Promise<SecuredConnection> {
    const { key, noise, silence } = this.#parts
    try {
      await giveProof(connection, key, options?.signal)
      const secured = await noise.secureOutbound(connection, options)
      silence.follow(connection)
      return withoutThrowingSend(secured)
    } catch (cause) {
      options?.signal?.throwIfAborted()
      const isOther = cause instanceof Error && cause.name === 'UnexpectedPeerError'
      throw new Error(isOther ? OTHER_PEER : NOT_MEMBER, { cause })
    }
  }

  async secureInbound(
    connection: MessageStream,
    options?: SecureConnectionOptions,
  ): Promise<SecuredConnection> {
    const { key, noise, refusals, silence } = this.#parts
    try {
      if (!(await demandProof(connection, key, options?.signal))) {
        throw new Error('it has another swarm key')
      }
      const secured = await noise.secureInbound(connection, options)
      refusals.admitted(connection)
      silence.follow(connection)
      return withoutThrowingSend(secured)
    } catch (error) {
      refusals.refused(connection, errorMessage(error))
      throw error
    }
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

/** Why a dial failed, if its handshake did. */
export function handshakeFailure(error: unknown): 'not-member' | 'other-peer' | undefined {
  if (error instanceof AggregateError) {
    const failures = error.errors.map(handshakeFailure)
    return failures.find((failure) => failure !== undefined)
  }
  if (!(error instanceof Error)) return undefined
  if (error.message === NOT_MEMBER) return 'not-member'
  return error.message === OTHER_PEER ? 'other-peer' : undefined
}
