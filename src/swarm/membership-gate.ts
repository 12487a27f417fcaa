import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { MessageStream, StreamMessageEvent } from '@libp2p/interface'

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

/** The next bytes of the connection; what came after them stays there. */
async function readExactly(
  connection: MessageStream,
  count: number,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  signal?.throwIfAborted()
  if (connection.status !== 'open') throw new Error('the connection is closed')
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  let taken = Buffer.alloc(0)
  const onMessage = (event: StreamMessageEvent): void => {
    taken = Buffer.concat([taken, event.data.subarray()])
    if (taken.length >= count) resolve(taken)
  }
  const onClose = (): void => reject(new Error('the other side left during the handshake'))
  const onAbort = (): void => reject(signal?.reason as Error)
  connection.addEventListener('message', onMessage)
  connection.addEventListener('close', onClose)
  connection.addEventListener('remoteCloseWrite', onClose)
  signal?.addEventListener('abort', onAbort)
  try {
    await promise
  } finally {
    connection.removeEventListener('message', onMessage)
    connection.removeEventListener('close', onClose)
    connection.removeEventListener('remoteCloseWrite', onClose)
    signal?.removeEventListener('abort', onAbort)
  }
  if (taken.length > count) connection.unshift(taken.subarray(count))
  return taken.subarray(0, count)
}
