import { once } from 'node:events'
import type { AddressInfo, SocketConstructorOpts } from 'node:net'
import { connect, createServer } from 'node:tls'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { createLaneCertificate } from '../../../src/transfer/lane-certificate.ts'
import type { BulkTransport } from './bulk.ts'

const HOST = '127.0.0.1'
const PIECE = Buffer.alloc(1024 * 1024, 'swarmcache')
const READ_BYTES = 1024 * 1024

/** TLS 1.3 as fast as Node has it: large writes, and one buffer that is read into again and again. */
export const bulkTls: BulkTransport = {
  async send({ warmUpBytes, bytes }) {
    const { keyPem: key, certificatePem: cert } = createLaneCertificate()
    const server = createServer({ key, cert, minVersion: 'TLSv1.3' }, (socket) => {
      socket.on('error', () => {})
      void sendPieces(socket, warmUpBytes + bytes)
    })
    server.listen(0, HOST)
    await once(server, 'listening')
    return String((server.address() as AddressInfo).port)
  },

  async receive(port, { warmUpBytes, bytes }) {
    const done = Promise.withResolvers<number>()
    let received = 0
    let started = 0
    // `onread`, which the types of TLS do not know, is handed on to the socket.
    const options: ConnectionOptions & Pick<SocketConstructorOpts, 'onread'> = {
      host: HOST,
      port: Number(port),
      // The sender is a process of this benchmark; what is measured is the cipher.
      rejectUnauthorized: false,
      onread: {
        buffer: Buffer.alloc(READ_BYTES),
        callback: (count: number) => {
          received += count
          if (started === 0 && received >= warmUpBytes) started = performance.now()
          if (received >= warmUpBytes + bytes) done.resolve((performance.now() - started) / 1000)
          return true
        },
      },
    }
    const socket = connect(options)
    socket.once('error', done.reject)
    socket.once('close', () => done.reject(new Error(`TLS ended after ${received} bytes`)))
    const seconds = await done.promise
    socket.destroy()
    return seconds
  },
}

async function sendPieces(socket: TLSSocket, bytes: number): Promise<void> {
  for (let sent = 0; sent < bytes && !socket.destroyed; sent += PIECE.length) {
    if (!socket.write(PIECE)) await Promise.race([once(socket, 'drain'), once(socket, 'close')])
  }
}
