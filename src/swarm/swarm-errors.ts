import { errorMessage, inputError, SwarmCacheError } from '../core/errors.ts'
import type { PeerId } from '../core/peer.ts'
import { handshakeFailure } from './connection-encrypter.ts'

/** A dial failed: ERR_NOT_MEMBER if the other side is no member of the swarm, else ERR_PEER. */
export function dialError(
  peerId: PeerId,
  addresses: readonly string[],
  cause: unknown,
): SwarmCacheError {
  const facts = { peerId, addresses }
  const failure = handshakeFailure(cause)
  if (failure?.kind === 'not-member') {
    return new SwarmCacheError(
      'ERR_NOT_MEMBER',
      `The peer ${peerId} cannot be connected to: ${failure.why}. Check that both nodes have the same swarm key, repository and setting of SWARMCACHE_AUTH.`,
      { cause, facts },
    )
  }
  return new SwarmCacheError(
    'ERR_PEER',
    `The peer ${peerId} cannot be connected to: ${errorMessage(cause)}. Check that it is running and that its port is open.`,
    { cause, facts },
  )
}

/** The peer is not to be talked to. */
export function bannedError(peerId: PeerId): SwarmCacheError {
  return new SwarmCacheError(
    'ERR_PEER',
    `The peer ${peerId} is banned for a while, because it misbehaved.`,
    { facts: { peerId } },
  )
}

/** None of the addresses given for a peer is one. */
export function noAddress(peerId: PeerId): SwarmCacheError {
  return new SwarmCacheError(
    'ERR_PEER',
    `The peer ${peerId} cannot be connected to: none of its addresses is a multiaddr that leads to it.`,
    { facts: { peerId } },
  )
}

/** A conversation could not be opened. */
export function openError(peerId: PeerId, protocol: string, cause: unknown): SwarmCacheError {
  const isUnknown = cause instanceof Error && cause.name === 'UnsupportedProtocolError'
  const why = isUnknown ? `it does not speak ${protocol}` : errorMessage(cause)
  return new SwarmCacheError(
    'ERR_PEER',
    `The peer ${peerId} cannot be asked for ${protocol}: ${why}.`,
    { cause, facts: { peerId, protocol } },
  )
}

/** What to tell of a failed start: ERR_INPUT if the node cannot listen where it was told to. */
export function startError(listen: readonly string[], cause: unknown): unknown {
  const reason = /EADDRINUSE|EADDRNOTAVAIL|EACCES/.exec(errorMessage(cause))?.[0]
  if (reason === undefined) return cause
  return inputError(
    `The node cannot listen on ${listen.join(', ')} (${reason}). Choose another address or port; port 0 takes a free one.`,
    { listen },
  )
}
