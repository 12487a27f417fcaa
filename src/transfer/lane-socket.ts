import { createServer, connect } from 'node:tls'
import type { ConnectionOptions, Server, TLSSocket } from 'node:tls'
import type { AddressInfo, SocketConstructorOpts } from 'node:net'
import { once } from 'node:events'
import { withDeadline } from '../async/deadline.ts'
import { SwarmCacheError } from '../core/errors.ts'
import { SocketByteStream, SocketReading } from '../core/socket-byte-stream.ts'
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
// Some frames leave in one system call, and the next ones are read from the store meanwhile.
const WRITE_BYTES = 256 * 1024

const TLS = {
  minVersion: 'TLSv1.3',
  // The 128-bit cipher moves a tenth more bytes per second and is as safe here.
  ciphers: 'TLS_AES_128_GCM_SHA256',
  rejectUnauthorized: false, // the fingerprint is what is checked
  highWaterMark: WRITE_BYTES,
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
  onLane: (stream: SocketByteStream, grant: G) => void,
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
): Promise<SocketByteStream> {
  const { host, port } = target
  const reading = new SocketReading()
  // `onread` and `highWaterMark`, which the types of TLS do not know, are handed on to the socket.
  const options: ConnectionOptions & Pick<SocketConstructorOpts, 'onread'> = {
    ...TLS,
    host,
    port,
    key: certificate.keyPem,
    cert: certificate.certificatePem,
    checkServerIdentity: () => undefined,
    onread: reading.onread,
  }
  const socket = connect(options)
  const stream = new SocketByteStream(socket, { reading })
  socket.setNoDelay(true)
  try {
    return await withDeadline(CONNECT_MS, `A lane to ${host}:${port}`, signal, async () => {
      await once(socket, 'secureConnect')
      if (fingerprintOf(socket) !== target.fingerprint) {
        throw refused(`${host}:${port} shows another certificate than the peer announced`)
      }
      await stream.write(Buffer.from(target.ticket, 'hex'))
      const [answer] = await stream.first(1)
      if (answer !== ACCEPTED) throw refused(`${host}:${port} refused the ticket`)
      return stream
    })
  } catch (error) {
    socket.destroy()
    throw error
  }
}

async function accept<G>(
  socket: TLSSocket,
  admit: Admit<G>,
): Promise<{ stream: SocketByteStream; grant: G }> {
  socket.setNoDelay(true)
  const stream = new SocketByteStream(socket)
  return await withDeadline(ADMIT_MS, 'Showing a ticket', undefined, async () => {
    const ticket = Buffer.from(await stream.first(TICKET_BYTES)).toString('hex')
    const grant = admit(ticket, fingerprintOf(socket))
    if (grant === undefined) throw refused('the ticket or the certificate is not the expected one')
    await stream.write(Uint8Array.of(ACCEPTED))
    return { stream, grant }
  })
}

function fingerprintOf(socket: TLSSocket): string | undefined {
  return socket.getPeerX509Certificate()?.fingerprint256.replaceAll(':', '').toLowerCase()
}

function refused(why: string): SwarmCacheError {
  return new SwarmCacheError('ERR_PEER', `A lane was refused: ${why}.`)
}
