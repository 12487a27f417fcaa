import type { MessageStream } from '@libp2p/interface'
import type { PeerId } from '../core/peer.ts'
import type { Attestation, TokenSource, TokenVerifier } from '../identity/identity.ts'
import { readExactly, readSized, sendSized } from './handshake-bytes.ts'

/** How members prove themselves by ID tokens. */
export interface TokenProofs {
  readonly source: TokenSource
  /** Accepts the tokens of members and no others. */
  readonly verifier: TokenVerifier
  /** False: a member that has the swarm key may lack a token; one that it shows must be good. */
  readonly required: boolean
}

/** As many as the verifiers accept. */
export const MAX_TOKEN_BYTES: number = 16 * 1024
const ACCEPTED = Uint8Array.of(1)

/** Shows our token over a connection that is private already. */
export async function giveToken(
  connection: MessageStream,
  { source, required }: TokenProofs,
  own: PeerId,
  signal?: AbortSignal,
): Promise<void> {
  let token = ''
  try {
    token = await source.token(own, { signal })
  } catch (error) {
    // An empty one says that there is none, and the other side decides what that is worth.
    if (required) throw error
  }
  sendSized(connection, Buffer.from(token))
}

/** What the other side's token attests; undefined if it shows none and need not. Rejects with the reason otherwise. */
export async function takeToken(
  connection: MessageStream,
  { verifier, required }: TokenProofs,
  other: PeerId,
  signal?: AbortSignal,
): Promise<Attestation | undefined> {
  const token = (await readSized(connection, MAX_TOKEN_BYTES, signal)).toString('utf8')
  if (token !== '') return await verifier.verify(token, { peerId: other, signal })
  if (required) throw new Error('it has no ID token')
  return undefined
}

/** Tells the other side that it is accepted. */
export function accept(connection: MessageStream): void {
  connection.send(ACCEPTED)
}

/** Waits until the other side has accepted us; it leaves if it does not. */
export async function accepted(connection: MessageStream, signal?: AbortSignal): Promise<void> {
  await readExactly(connection, ACCEPTED.length, signal)
}
