import type { MessageStream, StreamMessageEvent } from '@libp2p/interface'

const LENGTH_BYTES = 2

/** The next bytes of the connection; what came after them stays there. */
export async function readExactly(
  connection: MessageStream,
  count: number,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  signal?.throwIfAborted()
  if (count === 0) return Buffer.alloc(0)
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

/** Reads what `sendSized` sent; rejects before taking any of it if it is longer than `maxBytes`. */
export async function readSized(
  connection: MessageStream,
  maxBytes: number,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const length = (await readExactly(connection, LENGTH_BYTES, signal)).readUInt16BE()
  if (length > maxBytes) throw new Error(`it announced ${length} bytes, more than a proof has`)
  return await readExactly(connection, length, signal)
}

/** Sends bytes with their length, big endian in two bytes, before them. */
export function sendSized(connection: MessageStream, bytes: Uint8Array): void {
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt16BE(bytes.length)
  connection.send(Buffer.concat([length, bytes]))
}
