import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { MessageStream } from '../../../src/core/message.ts'
import { SocketByteStream, SocketReading } from '../../../src/core/socket-byte-stream.ts'
import { eventually } from '../../support/eventually.ts'

const options = { timeout: 20_000 }

/** Two connected sockets. */
async function connectedPair(t: TestContext, reading?: SocketReading): Promise<[Socket, Socket]> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const here = connect({ port, host: '127.0.0.1', onread: reading?.onread })
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

for (const how of ['into one buffer', 'piece by piece'] as const) {
  /** The end that is read in this way, and the other. */
  const streams = async (t: TestContext): Promise<[SocketByteStream, SocketByteStream]> => {
    const reading = how === 'into one buffer' ? new SocketReading() : undefined
    const [socket, other] = await connectedPair(t, reading)
    return [new SocketByteStream(socket, { reading }), new SocketByteStream(other)]
  }

  test(
    `first bytes, then messages, come whole and in order when read ${how}`,
    options,
    async (t) => {
      const [reader, writer] = await streams(t)
      const limits = { headerBytes: 100, bodyBytes: 1024 * 1024 }
      const sender = new MessageStream(writer, limits)
      const bodies = Array.from({ length: 60 }, (_, index) => Buffer.alloc(index * 5000, index))
      const sending = (async () => {
        await writer.write(Buffer.from('ticket'))
        for (const [id, body] of bodies.entries()) await sender.write({ id }, body)
        await sender.closeWrite()
      })()
      assert.equal(Buffer.from(await reader.first(2)).toString(), 'ti')
      assert.equal(Buffer.from(await reader.first(4)).toString(), 'cket')
      const receiver = new MessageStream(reader, limits)
      for (const [id, body] of bodies.entries()) {
        const message = await receiver.read()
        assert.equal(message?.header['id'], id)
        assert.ok(body.equals(message.body), `message ${id}`)
        // Others get their turn, so that more arrives than was asked for.
        await new Promise(setImmediate)
      }
      assert.equal(await receiver.read(), undefined)
      await sending
    },
  )

  test(
    `a sender waits while nobody reads ${how}, and an end before the first bytes is ERR_CLOSED`,
    options,
    async (t) => {
      const [reader, writer] = await streams(t)
      const { waiting } = await fill(writer)
      const source = reader.source[Symbol.asyncIterator]()
      let isFree = false
      void waiting.then(() => (isFree = true))
      while (!isFree) assert.equal((await source.next()).done, false)
      const [late, ended] = await streams(t)
      await ended.closeWrite()
      await assert.rejects(late.first(1), { code: 'ERR_CLOSED' })
    },
  )
}

test(
  'a writer hears that its bytes are taken, unless the connection ends before',
  options,
  async (t) => {
    const [a, b] = await connectedPair(t)
    b.pause()
    const stream = new SocketByteStream(a)
    await new Promise<void>((resolve) => void stream.write(Buffer.from('x'), resolve))
    const { waiting } = await fill(stream)
    let isTaken = false
    const late = stream.write(Buffer.from('y'), () => (isTaken = true))
    stream.abort()
    await assert.rejects(waiting)
    await assert.rejects(late)
    await eventually('the end of the socket', () => a.closed)
    assert.equal(isTaken, false)
  },
)
