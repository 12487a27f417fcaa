import { withDeadline } from '../async/deadline.ts'
import type { ByteStream } from '../core/byte-stream.ts'
import { errorMessage } from '../core/errors.ts'
import { publish } from '../core/events.ts'
import type { Logger } from '../core/logger.ts'
import { MessageStream } from '../core/message.ts'
import type { MessageLimits } from '../core/message.ts'
import type { PeerId } from '../core/peer.ts'
import type { Attestation } from '../identity/identity.ts'
import type { AttestedPeers } from './attested-peers.ts'
import { MAX_TOKEN_BYTES } from './token-proofs.ts'
import type { TokenProofs } from './token-proofs.ts'

/** The conversation in which a peer is asked for a fresh token: the one who opens it says nothing else. */
export const RENEWAL_PROTOCOL = '/swarmcache/token/1'

/** What renewal works with. */
export interface TokenRenewalParts {
  readonly peerId: PeerId
  readonly tokens: TokenProofs
  readonly attested: AttestedPeers
  readonly logger: Logger
  readonly open: (peerId: PeerId, signal: AbortSignal) => Promise<ByteStream>
  readonly disconnect: (peerId: PeerId) => Promise<void>
}

const LIMITS: MessageLimits = { headerBytes: MAX_TOKEN_BYTES + 1024, bodyBytes: 0 }
// Sources mint again at half of the lifetime, so that what is asked for at this share of it is fresh.
const RENEW_AT_SHARE_LEFT = 0.4
// Tries that fit into what is left then.
const TRIES = 6
const LEAST_PAUSE_MS = 200
const ASK_TIMEOUT_MS = 8000
const MAX_TIMER_MS: number = 2 ** 31 - 1

/**
 * Asks connected peers for fresh ID tokens before theirs expire, beside whatever else goes on over the
 * connection. A peer that shows none in time is disconnected where a token is required.
 */
export class TokenRenewal {
  readonly #parts: TokenRenewalParts
  readonly #timers = new Map<PeerId, NodeJS.Timeout>()

  constructor(parts: TokenRenewalParts) {
    this.#parts = parts
  }

  /** Answers a peer that asks for this node's token. */
  async answer(stream: ByteStream): Promise<void> {
    const { tokens, peerId } = this.#parts
    const messages = new MessageStream(stream, LIMITS)
    await messages.write({ token: await tokens.source.token(peerId) })
  }

  /** Watches over a peer that has connected, until it is forgotten. */
  follow(peerId: PeerId): void {
    const attestation = this.#parts.attested.of(peerId)
    if (attestation === undefined) return
    this.#schedule(attestation, attestation.expires - renewalLeadMs(attestation) - Date.now())
  }

  forget(peerId: PeerId): void {
    clearTimeout(this.#timers.get(peerId))
    this.#timers.delete(peerId)
    this.#parts.attested.forget(peerId)
  }

  stop(): void {
    for (const peerId of this.#timers.keys()) this.forget(peerId)
  }

  #schedule(attestation: Attestation, delayMs: number): void {
    const { peerId } = attestation
    clearTimeout(this.#timers.get(peerId))
    const timer = setTimeout(
      () => void this.#renew(attestation),
      Math.min(MAX_TIMER_MS, Math.max(LEAST_PAUSE_MS, delayMs)),
    )
    timer.unref()
    this.#timers.set(peerId, timer)
  }

  async #renew(attestation: Attestation): Promise<void> {
    const { peerId } = attestation
    const { attested, logger } = this.#parts
    const timer = this.#timers.get(peerId)
    let failure = ''
    try {
      const fresh = await this.#ask(peerId)
      if (fresh.expires <= attestation.expires) failure = 'it showed the same token again'
      else if (this.#timers.get(peerId) === timer) {
        attested.attest(fresh)
        this.follow(peerId)
        return
      }
    } catch (error) {
      failure = errorMessage(error)
    }
    if (this.#timers.get(peerId) !== timer) return
    const leftMs = attestation.expires - Date.now()
    if (leftMs > 0) {
      this.#schedule(attestation, Math.min(leftMs, renewalLeadMs(attestation) / TRIES))
      return
    }
    logger.log('debug', 'A peer has not renewed its token.', { peerId, failure })
    await this.#expired(attestation, failure)
  }

  async #expired({ peerId }: Attestation, failure: string): Promise<void> {
    const { tokens, disconnect } = this.#parts
    this.forget(peerId)
    if (!tokens.required) return
    publish('peer:refused', {
      address: `/p2p/${peerId}`,
      reason: `its ID token has expired, and it showed no other in time (${failure})`,
    })
    await disconnect(peerId).catch(() => {})
  }

  async #ask(peerId: PeerId): Promise<Attestation> {
    const { tokens, open } = this.#parts
    const what = `Asking the peer ${peerId} for a fresh token`
    return await withDeadline(ASK_TIMEOUT_MS, what, undefined, async (signal) => {
      const stream = await open(peerId, signal)
      const onAbort = (): void => stream.abort()
      signal.addEventListener('abort', onAbort, { once: true })
      try {
        const messages = new MessageStream(stream, LIMITS)
        await messages.closeWrite()
        const token = (await messages.read())?.header['token']
        if (typeof token !== 'string') throw new Error('it has no token')
        return await tokens.verifier.verify(token, { peerId, signal })
      } finally {
        signal.removeEventListener('abort', onAbort)
        stream.abort()
      }
    })
  }
}

function renewalLeadMs({ issuedAt, expires }: Attestation): number {
  return Math.max(0, expires - issuedAt) * RENEW_AT_SHARE_LEFT
}
