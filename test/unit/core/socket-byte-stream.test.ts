import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { SocketByteStream } from '../../../src/core/socket-byte-stream.ts'
import { eventually } from '../../support/eventually.ts'

const options = { timeout: 20_000 }

/** Two connected sockets. */
async function connectedPair(t: TestContext): Promise<[Socket, Socket]> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const here = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [there] = (await once(server, 'connection')) as [Socket]
  t.after(() => {
    here.destroy()
    there.destroy()
    server.close()
  })
  return [here, there]
}

/** Writes until one write waits, as the other side does not read; the write in an object, so as not to await it. */
async function fill(stream: SocketByteStream): Promise<{ waiting: Promise<void> }> {
  for (;;) {
    const waiting = stream.write(Buffer.alloc(1024 * 1024))
    let done = false
    void waiting.then(
      () => (done = true),
      () => {},
    )
    for (let turn = 0; turn < 100 && !done; turn += 1) await new Promise(setImmediate)
    if (!done) return { waiting }
  }
}

test('bytes arrive in order, then the end', options, async (t) => {
  const [a, b] = await connectedPair(t)
  const sender = new SocketByteStream(a)
  const receiver = new SocketByteStream(b)
  for (let index = 0; index < 500; index += 1) await sender.write(Buffer.from(`${index},`))
  await sender.closeWrite()
  const received = Buffer.concat(await Array.fromAsync(receiver.source))
  assert.equal(received.toString(), `${[...Array(500).keys()].join()},`)
  await assert.rejects(sender.write(Buffer.from('late')), { code: 'ERR_CLOSED' })
})

test('a connection that is reset fails reads and writes with ERR_CLOSED', options, async (t) => {
  const [a, b] = await connectedPair(t)
  const stream = new SocketByteStream(a)
  b.resetAndDestroy()
  await assert.rejects(Array.fromAsync(stream.source), { code: 'ERR_CLOSED' })
  await assert.rejects(stream.write(Buffer.from('x')), { code: 'ERR_CLOSED' })
  await stream.closeWrite()
  stream.abort()
})

test('aborting ends a write that waits, and reads, with the error given', options, async (t) => {
  const [a, b] = await connectedPair(t)
  b.pause()
  const stream = new SocketByteStream(a)
  const { waiting } = await fill(stream)
  const reading = Array.fromAsync(stream.source)
  const error = new Error('enough')
  stream.abort(error)
  stream.abort()
  await assert.rejects(waiting, error)
  await assert.rejects(reading, error)
})

test('a side that takes nothing for too long is left', options, async (t) => {
  const [a, b] = await connectedPair(t)
  b.pause()
  const stream = new SocketByteStream(a, { stallMs: 20 })
  await assert.rejects(
    async () => {
      for (;;) await stream.write(Buffer.alloc(1024 * 1024))
    },
    { code: 'ERR_TIMEOUT' },
  )
  await eventually('the end of the socket', () => a.destroyed)
})
