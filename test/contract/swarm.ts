import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { suite, test } from 'node:test'
import type { TestContext } from 'node:test'
import { withDeadline } from '../../src/async/deadline.ts'
import type { ByteStream } from '../../src/core/byte-stream.ts'
import { digestOf } from '../../src/core/digest.ts'
import { isSwarmCacheError } from '../../src/core/errors.ts'
import { isPeerId } from '../../src/core/peer.ts'
import type { StreamHandler, Swarm } from '../../src/swarm/swarm.ts'
import { eventually } from '../support/eventually.ts'

/** Makes one more member of the same swarm, not started yet; the suite stops it. */
export type CreateMember = () => Swarm | Promise<Swarm>

const ECHO = '/swarmcache/test-echo/1'
const MiB = 1024 * 1024
const TIMEOUT_MS = 20_000
// More than any carrier may hold for a reader that does not read.
const UNREAD_BYTES = 64 * MiB

/** What every swarm promises; `create` starts a new swarm, whose members its result makes. */
export function swarmContract(
  name: string,
  create: (t: TestContext) => CreateMember | Promise<CreateMember>,
): void {
  const options = { timeout: TIMEOUT_MS }

  async function start(t: TestContext, ...members: Swarm[]): Promise<void> {
    for (const member of members) {
      t.after(() => member.stop())
      await member.start({ signal: t.signal })
    }
  }

  async function pairOf(t: TestContext, handlers: Record<string, StreamHandler> = {}) {
    const createMember = await create(t)
    const a = await createMember()
    const b = await createMember()
    for (const [protocol, handler] of Object.entries(handlers)) b.handle(protocol, handler)
    await start(t, a, b)
    return { a, b, createMember }
  }

  async function connectedPair(t: TestContext, handlers: Record<string, StreamHandler> = {}) {
    const pair = await pairOf(t, handlers)
    await pair.a.dial(pair.b.peerId, pair.b.addresses(), { signal: t.signal })
    return pair
  }

  suite(`${name} keeps the swarm contract`, () => {
    test('its addresses end in its peer id and are gone after stop', options, async (t) => {
      const { a } = await pairOf(t)
      assert.ok(isPeerId(a.peerId))
      assert.notEqual(a.addresses().length, 0)
      for (const address of a.addresses()) assert.ok(address.endsWith(`/p2p/${a.peerId}`), address)
      await a.stop()
      assert.deepEqual(a.addresses(), [])
    })

    test(
      'a banned peer is cut off, and neither side can connect or talk until the ban ends',
      options,
      async (t) => {
        const { a, b } = await connectedPair(t, { [ECHO]: async () => {} })
        const left = Promise.withResolvers<void>()
        const told: string[] = []
        b.listen({ disconnected: () => left.resolve() })
        a.listen({ banned: (peerId) => void told.push(peerId) })
        a.ban(b.peerId, 60_000)
        await left.promise
        assert.deepEqual(told, [b.peerId])
        const dials = [
          async () => await a.dial(b.peerId, b.addresses(), { signal: t.signal }),
          async () => await a.open(b.peerId, ECHO, { signal: t.signal }),
        ]
        for (const dial of dials) {
          await assert.rejects(dial, (error) => isSwarmCacheError(error, 'ERR_PEER'))
        }
        // Whether its dial seems to succeed for a moment is the carrier's affair; no connection remains.
        await b.dial(a.peerId, a.addresses(), { signal: t.signal }).catch(() => {})
        await eventually('no connection', () => a.peers().length + b.peers().length === 0)
      },
    )

    test('a peer whose ban is over may come back', options, async (t) => {
      const { a, b } = await pairOf(t)
      a.ban(b.peerId, 1)
      await eventually('a connection', async () => {
        await b.dial(a.peerId, a.addresses(), { signal: t.signal }).catch(() => {})
        return a.peers().length === 1
      })
    })

    test('a dial connects both sides and tells their listeners', options, async (t) => {
      const { a, b } = await pairOf(t)
      const seen = Promise.withResolvers<string>()
      b.listen({ connected: (peer) => seen.resolve(peer.peerId) })
      const peer = await a.dial(b.peerId, b.addresses(), { signal: t.signal })
      assert.equal(peer.peerId, b.peerId)
      assert.equal(peer.relayed, false)
      assert.equal(await seen.promise, a.peerId)
      assert.deepEqual(
        a.peers().map((other) => other.peerId),
        [b.peerId],
      )
      assert.deepEqual(
        b.peers().map((other) => other.peerId),
        [a.peerId],
      )
    })

    test(
      'a second dial to a connected peer answers with the same connection',
      options,
      async (t) => {
        const { a, b } = await connectedPair(t)
        const again = await a.dial(b.peerId, b.addresses(), { signal: t.signal })
        assert.equal(again.peerId, b.peerId)
        assert.equal(a.peers().length, 1)
      },
    )

    test(
      'a conversation carries bytes both ways, each half closed on its own',
      options,
      async (t) => {
        const { a, b } = await connectedPair(t, {
          [ECHO]: async (stream) => {
            const all = await readAll(stream)
            await stream.write(Buffer.concat([Buffer.from('heard '), all]))
          },
        })
        const stream = await a.open(b.peerId, ECHO, { signal: t.signal })
        await stream.write(Buffer.from('one '))
        await stream.write(Buffer.from('two'))
        await stream.closeWrite()
        assert.equal((await readAll(stream)).toString(), 'heard one two')
      },
    )

    test('the handler is told who opened the conversation', options, async (t) => {
      const { a, b } = await connectedPair(t, {
        [ECHO]: async (stream, peerId) => stream.write(Buffer.from(peerId)),
      })
      const stream = await a.open(b.peerId, ECHO, { signal: t.signal })
      assert.equal((await readAll(stream)).toString(), a.peerId)
    })

    test('the side that was dialled can open conversations too', options, async (t) => {
      const createMember = await create(t)
      const a = await createMember()
      const b = await createMember()
      a.handle(ECHO, async (stream) => stream.write(Buffer.from('from a')))
      await start(t, a, b)
      const seen = Promise.withResolvers<void>()
      b.listen({ connected: () => seen.resolve() })
      await a.dial(b.peerId, b.addresses(), { signal: t.signal })
      await seen.promise
      const stream = await b.open(a.peerId, ECHO, { signal: t.signal })
      assert.equal((await readAll(stream)).toString(), 'from a')
    })

    test(
      'a writer waits for a reader that does not read, and nothing is lost',
      options,
      async (t) => {
        const release = Promise.withResolvers<void>()
        const received = Promise.withResolvers<{ bytes: number; digest: string }>()
        const { a, b } = await connectedPair(t, {
          [ECHO]: async (stream) => {
            await release.promise
            const hash = createHash('sha256')
            let bytes = 0
            for await (const piece of stream.source) {
              hash.update(piece)
              bytes += piece.length
            }
            received.resolve({ bytes, digest: hash.digest('hex') })
          },
        })
        const stream = await a.open(b.peerId, ECHO, { signal: t.signal })
        const hash = createHash('sha256')
        const piece = randomBytes(256 * 1024)
        let written = 0
        let waited = false
        while (!waited && written < UNREAD_BYTES) {
          hash.update(piece)
          written += piece.length
          const write = stream.write(piece)
          try {
            await withDeadline(300, 'A write to a reader that does not read', t.signal, () => write)
          } catch (error) {
            assert.ok(isSwarmCacheError(error, 'ERR_TIMEOUT'))
            waited = true
            release.resolve()
            await write
          }
        }
        assert.ok(waited, `${written} bytes were taken although nobody read them`)
        await stream.closeWrite()
        assert.deepEqual(await received.promise, { bytes: written, digest: hash.digest('hex') })
      },
    )

    test('one busy conversation does not keep another from being answered', options, async (t) => {
      const { a, b } = await connectedPair(t, {
        [ECHO]: async (stream) => stream.write(await readAll(stream)),
        '/swarmcache/test-flood/1': async (stream) => {
          const piece = new Uint8Array(64 * 1024)
          for (;;) await stream.write(piece)
        },
      })
      const flood = await a.open(b.peerId, '/swarmcache/test-flood/1', { signal: t.signal })
      let bytes = 0
      const flooded = (async () => {
        for await (const piece of flood.source) bytes += piece.length
      })().catch(() => {})
      await until(() => bytes > MiB, t.signal)
      const stream = await a.open(b.peerId, ECHO, { signal: t.signal })
      await stream.write(Buffer.from('still there?'))
      await stream.closeWrite()
      assert.equal((await readAll(stream)).toString(), 'still there?')
      flood.abort()
      await flooded
    })

    test('an abort on one side ends reading and writing on the other', options, async (t) => {
      const outcome = Promise.withResolvers<unknown>()
      const { a, b } = await connectedPair(t, {
        [ECHO]: async (stream) => {
          await readAll(stream).catch(() => {})
          outcome.resolve(await failureOf(writeForEver(stream)))
        },
      })
      const stream = await a.open(b.peerId, ECHO, { signal: t.signal })
      await stream.write(Buffer.from('begun'))
      stream.abort()
      stream.abort()
      assert.ok(isSwarmCacheError(await outcome.promise, 'ERR_CLOSED'))
      assert.ok(isSwarmCacheError(await failureOf(stream.write(Buffer.from('more'))), 'ERR_CLOSED'))
    })

    test('a handler that throws ends the conversation for its opener', options, async (t) => {
      const { a, b } = await connectedPair(t, {
        [ECHO]: async () => {
          throw new Error('the handler of this test fails on purpose')
        },
      })
      const stream = await a.open(b.peerId, ECHO, { signal: t.signal })
      await readAll(stream).catch(() => {})
      assert.ok(isSwarmCacheError(await failureOf(writeForEver(stream)), 'ERR_CLOSED'))
    })

    test(
      'a protocol that the peer does not speak and an unknown peer are refused',
      options,
      async (t) => {
        const { a, b, createMember } = await connectedPair(t)
        const stranger = await createMember()
        const signal = AbortSignal.timeout(5000)
        await assert.rejects(a.open(b.peerId, '/swarmcache/test-none/1', { signal }))
        await assert.rejects(a.open(stranger.peerId, ECHO, { signal }))
      },
    )

    test(
      'a peer that stops is reported as disconnected and its conversations end',
      options,
      async (t) => {
        const { a, b } = await connectedPair(t, {
          [ECHO]: async (stream) => {
            await stream.write(Buffer.from('x'))
            await readAll(stream)
          },
        })
        const gone = Promise.withResolvers<string>()
        a.listen({ disconnected: (peerId) => gone.resolve(peerId) })
        const stream = await a.open(b.peerId, ECHO, { signal: t.signal })
        const read = readAll(stream).catch(() => {})
        await b.stop()
        assert.equal(await gone.promise, b.peerId)
        assert.deepEqual(a.peers(), [])
        await read
        const failure = await failureOf(writeForEver(stream))
        assert.ok(isSwarmCacheError(failure, 'ERR_CLOSED'), String(failure))
      },
    )

    test('disconnect closes the connection on both sides', options, async (t) => {
      const { a, b } = await connectedPair(t)
      await a.disconnect(b.peerId)
      await until(() => a.peers().length === 0 && b.peers().length === 0, t.signal)
    })

    test('a listener that was taken back hears nothing more', options, async (t) => {
      const { a, b } = await pairOf(t)
      const heard: string[] = []
      const stopListening = a.listen({ connected: () => heard.push('connected') })
      stopListening()
      await a.dial(b.peerId, b.addresses(), { signal: t.signal })
      assert.deepEqual(heard, [])
    })

    test('an aborted signal ends a dial and an opening with its reason', options, async (t) => {
      const { a, b } = await connectedPair(t)
      const reason = new Error('no longer wanted')
      const signal = AbortSignal.abort(reason)
      assert.equal(await failureOf(a.open(b.peerId, ECHO, { signal })), reason)
      assert.equal(await failureOf(a.dial(b.peerId, b.addresses(), { signal })), reason)
    })

    test('what one member provides, another finds', options, async (t) => {
      const { a, b, createMember } = await connectedPair(t)
      const c = await createMember()
      await start(t, c)
      await c.dial(a.peerId, a.addresses(), { signal: t.signal })
      await c.dial(b.peerId, b.addresses(), { signal: t.signal })
      const digest = digestOf(randomBytes(32))
      const signal = AbortSignal.any([t.signal, AbortSignal.timeout(TIMEOUT_MS - 2000)])
      // A table of peers fills in the background, so that the first attempts may know nobody yet.
      let found: string | undefined
      while (found === undefined) {
        await a.provide(digest, { signal })
        for await (const peerId of c.findProviders(digest, { signal })) {
          found = peerId
          break
        }
      }
      assert.equal(found, a.peerId)
      await a.withdraw(digest)
    })
  })
}

async function readAll(stream: ByteStream): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of stream.source) pieces.push(piece.slice())
  return Buffer.concat(pieces)
}

/** Writes until the stream refuses; a carrier may take some bytes before it notices. */
async function writeForEver(stream: ByteStream): Promise<never> {
  const piece = new Uint8Array(16 * 1024)
  for (;;) await stream.write(piece)
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work
  } catch (error) {
    return error
  }
  return undefined
}

async function until(condition: () => boolean, signal: AbortSignal): Promise<void> {
  while (!condition()) {
    signal.throwIfAborted()
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
