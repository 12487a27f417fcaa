import { createServer, connect } from 'node:tls'
import type { Server, TLSSocket } from 'node:tls'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { withDeadline } from '../async/deadline.ts'
import type { ByteStream } from '../core/byte-stream.ts'
import { SwarmCacheError } from '../core/errors.ts'
import { SocketByteStream } from '../core/socket-byte-stream.ts'
import type { LaneCertificate } from './lane-certificate.ts'
import { TICKET_BYTES } from './lane-tickets.ts'

/** What the accepting side makes of a ticket; undefined refuses it. */
export type Admit<G> = (ticket: string, fingerprint: string | undefined) => G | undefined

// A peer on the same network answers within milliseconds; an address that swallows packets costs this much.
const CONNECT_MS = 1_500
// From the first byte to the ticket, for a stranger who sends slowly on purpose.
const ADMIT_MS = 3_000
// Connections that have not shown a ticket yet; each holds a TLS handshake's memory.
const MAX_UNADMITTED = 64
const ACCEPTED = 0x01

const TLS = {
  minVersion: 'TLSv1.3',
  // The 128-bit cipher moves a tenth more bytes per second and is as safe here.
  ciphers: 'TLS_AES_128_GCM_SHA256',
  rejectUnauthorized: false, // the fingerprint is what is checked
} as const

/** Where lanes are accepted. */
export interface LaneListener {
  readonly port: number
  close(): void
}

/**
 * Listens for lanes; `onLane` gets each one that showed a ticket which `admit` accepts.
 *
 * Nothing is sent and no more than a ticket is read before that.
 */
export async function listenForLanes<G>(
  certificate: LaneCertificate,
  host: string,
  admit: Admit<G>,
  onLane: (stream: ByteStream, grant: G) => void,
  onRefused: (address: string, reason: string) => void,
): Promise<LaneListener> {
  let admitted = 0
  const server: Server = createServer({
    ...TLS,
    key: certificate.keyPem,
    cert: certificate.certificatePem,
    requestCert: true,
    handshakeTimeout: ADMIT_MS,
  })
  const open = new Set<{ destroy(): void }>()
  server.on('connection', (socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    if (open.size - admitted > MAX_UNADMITTED) socket.destroy()
  })
  server.on('tlsClientError', (error, socket) => {
    onRefused(socket.remoteAddress ?? 'unknown', error.message)
  })
  server.on('secureConnection', (socket) => {
    const address = socket.remoteAddress ?? 'unknown'
    void accept(socket, admit).then(
      ({ stream, grant }) => {
        admitted += 1
        socket.once('close', () => (admitted -= 1))
        onLane(stream, grant)
      },
      (error: Error) => {
        onRefused(address, error.message)
        socket.destroy()
      },
    )
  })
  server.listen(0, host)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close()
      for (const socket of open) socket.destroy()
    },
  }
}

/**
 * Connects to a lane, checks that the other side shows the certificate of `fingerprint`, and shows the ticket.
 *
 * @throws ERR_PEER if it cannot be reached, shows another certificate, or refuses the ticket.
 */
export async function dialLane(
  certificate: LaneCertificate,
  target: { host: string; port: number; fingerprint: string; ticket: string },
  signal?: AbortSignal,
): Promise<ByteStream> {
  const { host, port } = target
  const socket = connect({
    ...TLS,
    host,
    port,
    key: certificate.keyPem,
    cert: certificate.certificatePem,
    checkServerIdentity: () => undefined,
  })
  socket.on('error', () => {})
  socket.setNoDelay(true)
  try {
    return await withDeadline(CONNECT_MS, `A lane to ${host}:${port}`, signal, async () => {
      await once(socket, 'secureConnect')
      if (fingerprintOf(socket) !== target.fingerprint) {
        throw refused(`${host}:${port} shows another certificate than the peer announced`)
      }
      const stream = new SocketByteStream(socket)
      await stream.write(Buffer.from(target.ticket, 'hex'))
      const { taken, rest } = await takeBytes(stream, 1)
      if (taken[0] !== ACCEPTED) throw refused(`${host}:${port} refused the ticket`)
      return rest
    })
  } catch (error) {
    socket.destroy()
    throw error
  }
}

async function accept<G>(
  socket: TLSSocket,
  admit: Admit<G>,
): Promise<{ stream: ByteStream; grant: G }> {
  socket.on('error', () => {})
  socket.setNoDelay(true)
  const stream = new SocketByteStream(socket)
  return await withDeadline(ADMIT_MS, 'Showing a ticket', undefined, async () => {
    const { taken, rest } = await takeBytes(stream, TICKET_BYTES)
    const grant = admit(Buffer.from(taken).toString('hex'), fingerprintOf(socket))
    if (grant === undefined) throw refused('the ticket or the certificate is not the expected one')
    await stream.write(Uint8Array.of(ACCEPTED))
    return { stream: rest, grant }
  })
}

function fingerprintOf(socket: TLSSocket): string | undefined {
  return socket.getPeerX509Certificate()?.fingerprint256.replaceAll(':', '').toLowerCase()
}

/** The first `count` bytes of a stream, and the stream without them. */
async function takeBytes(
  stream: ByteStream,
  count: number,
): Promise<{ taken: Uint8Array; rest: ByteStream }> {
  const reader = stream.source[Symbol.asyncIterator]()
  let held: Uint8Array = new Uint8Array(0)
  while (held.length < count) {
    const next = await reader.next()
    if (next.done === true) throw refused('the connection ended before a ticket')
    held = held.length === 0 ? next.value : Buffer.concat([held, next.value])
  }
  const source = async function* (): AsyncGenerator<Uint8Array> {
    try {
      if (held.length > count) yield held.subarray(count)
      for (;;) {
        const next = await reader.next()
        if (next.done === true) return
        yield next.value
      }
    } finally {
      await reader.return?.()
    }
  }
  return {
    taken: held.subarray(0, count),
    rest: {
      source: source(),
      write: async (bytes) => await stream.write(bytes),
      closeWrite: async () => await stream.closeWrite(),
      abort: (error) => stream.abort(error),
    },
  }
}

function refused(why: string): SwarmCacheError {
  return new SwarmCacheError('ERR_PEER', `A lane was refused: ${why}.`)
}
