import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { MessageStream } from '@libp2p/interface'
import { readExactly } from './handshake-bytes.ts'

// Noise XX shows the responder's peer id to whoever asks, and a wrong prologue is noticed by the one who
// dialled, not by the one who must be protected. So before Noise the dialler proves that it has the key:
//   responder -> dialler   32 random bytes
//   dialler -> responder   HMAC-SHA256(key, label + those bytes)
const NONCE_BYTES = 32
const MAC_BYTES = 32
const LABEL = 'swarmcache/1/gate'

/** Asks the dialler to prove that it has the key; false if what it sent is no proof. Rejects if it left or the signal aborted. */
export async function demandProof(
  connection: MessageStream,
  key: Uint8Array,
  signal?: AbortSignal,
): Promise<boolean> {
  const nonce = randomBytes(NONCE_BYTES)
  connection.send(nonce)
  const answer = await readExactly(connection, MAC_BYTES, signal)
  return timingSafeEqual(answer, proofOf(key, nonce))
}

/** Proves to the responder that we have the key. */
export async function giveProof(
  connection: MessageStream,
  key: Uint8Array,
  signal?: AbortSignal,
): Promise<void> {
  const nonce = await readExactly(connection, NONCE_BYTES, signal)
  connection.send(proofOf(key, nonce))
}

function proofOf(key: Uint8Array, nonce: Uint8Array): Buffer {
  return createHmac('sha256', key).update(LABEL).update(nonce).digest()
}
