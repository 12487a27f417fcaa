import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { ByteStream } from '../../../src/core/byte-stream.ts'
import { isSwarmCacheError } from '../../../src/core/errors.ts'
import { MessageStream } from '../../../src/core/message.ts'
import type { Libp2pSwarm } from '../../../src/swarm/libp2p-swarm.ts'
import type { StreamHandler } from '../../../src/swarm/swarm.ts'
import { createMembers, startMembers } from '../../support/swarm-nodes.ts'

const MiB = 1024 * 1024
const BULK = '/swarmcache/test-bulk/1'
const ASK = '/swarmcache/test-ask/1'
const CHILD = '/swarmcache/test-child/1'
const options = { timeout: 20_000 }

async function connected(t: TestContext, handlers: Record<string, StreamHandler>) {
  const create = createMembers()
  const a = create()
  const b = create()
  for (const [protocol, handler] of Object.entries(handlers)) b.handle(protocol, handler)
  await startMembers(t, a, b)
  await a.dial(b.peerId, b.addresses(), { signal: t.signal })
  return { a, b }
}

test('32 MiB go both ways at once, unchanged', options, async (t) => {
  const { a, b } = await connected(t, {
    [BULK]: async (stream) => {
      for await (const piece of stream.source) await stream.write(piece)
      await stream.closeWrite()
    },
  })
  const stream = await a.open(b.peerId, BULK, { signal: t.signal })
  const sent = createHash('sha256')
  const received = createHash('sha256')
  const reading = (async () => {
    for await (const piece of stream.source) received.update(piece)
  })()
  for (let count = 0; count < 32; count += 1) {
    const piece = randomBytes(MiB)
    sent.update(piece)
    await stream.write(piece)
  }
  await stream.closeWrite()
  await reading
  assert.equal(received.digest('hex'), sent.digest('hex'))
})

test(
  'a slow reader holds the sender back again and again, without a reset and with bounded buffers',
  options,
  async (t) => {
    const total = 64 * MiB
    let read = 0
    const done = Promise.withResolvers<void>()
    const { a, b } = await connected(t, {
      [BULK]: async (stream) => {
        for await (const piece of stream.source) {
          read += piece.length
          await turns(4)
        }
        done.resolve()
      },
    })
    const stream = await a.open(b.peerId, BULK, { signal: t.signal })
    let ahead = 0
    for (let written = 0; written < total; written += MiB) {
      await stream.write(new Uint8Array(MiB))
      ahead = Math.max(ahead, written + MiB - read)
    }
    await stream.closeWrite()
    await done.promise
    assert.equal(read, total)
    assert.ok(ahead < 16 * MiB, `the sender was ${ahead} bytes ahead of the reader`)
  },
)

test(
  'small questions are answered while four bulk conversations fill the same connection',
  options,
  async (t) => {
    const { a, b } = await connected(t, {
      [BULK]: async (stream) => {
        for (;;) await stream.write(new Uint8Array(4 * MiB))
      },
      [ASK]: async (stream) => stream.write(await readAll(stream)),
    })
    const floods: ByteStream[] = []
    const counts = [0, 0, 0, 0]
    for (const index of counts.keys()) {
      const flood = await a.open(b.peerId, BULK, { signal: t.signal })
      floods.push(flood)
      void (async () => {
        for await (const piece of flood.source) counts[index]! += piece.length
      })().catch(() => {})
    }
    for (let question = 0; question < 10; question += 1) {
      const stream = await a.open(b.peerId, ASK, { signal: t.signal })
      await stream.write(Buffer.from(`question ${question}`))
      await stream.closeWrite()
      assert.equal((await readAll(stream)).toString(), `question ${question}`)
    }
    for (const count of counts)
      assert.ok(count > 0, `shares of the connection: ${counts.join(' ')}`)
    for (const flood of floods) flood.abort()
  },
)

test(
  'a sender that is killed inside a message is not taken for one that has finished',
  options,
  async (t) => {
    const outcome = Promise.withResolvers<unknown>()
    const receiver = await receiverOf(t, async (stream) => {
      const messages = new MessageStream(stream, { headerBytes: 200_000, bodyBytes: 0 })
      outcome.resolve(await failureOf(messages.read()))
    })
    const { child, line } = spawnChild(t, receiver, 'stall')
    assert.equal(await line, 'sent')
    child.kill('SIGKILL')
    const error = await outcome.promise
    assert.ok(
      isSwarmCacheError(error, 'ERR_CLOSED') || isSwarmCacheError(error, 'ERR_FRAME'),
      String(error),
    )
  },
)

test(
  'a stop with open conversations is prompt and leaves nothing that keeps the process alive',
  options,
  async (t) => {
    const receiver = await receiverOf(t, async (stream) => void (await failureOf(readAll(stream))))
    const { child, line } = spawnChild(t, receiver, 'stop')
    assert.equal(await line, 'left open: ')
    const [code] = await once(child, 'exit')
    assert.equal(code, 0)
  },
)

test('a stopped node ends its conversations as broken, not as finished', options, async (t) => {
  const outcome = Promise.withResolvers<unknown>()
  const { a, b } = await connected(t, {
    [BULK]: async (stream) => outcome.resolve(await failureOf(readAll(stream))),
  })
  const stream = await a.open(b.peerId, BULK, { signal: t.signal })
  await stream.write(Buffer.from('half of a'))
  await a.stop()
  assert.ok(isSwarmCacheError(await outcome.promise, 'ERR_CLOSED'))
})

test(
  'a peer that falls silent without a word is cut off, and one that is only idle is kept',
  options,
  async (t) => {
    const keepAliveMs = 250
    const receiver = await receiverOf(
      t,
      async (stream) => void (await failureOf(readAll(stream))),
      keepAliveMs,
    )
    const idle = createMembers()({ keepAliveMs })
    await startMembers(t, idle)
    await idle.dial(receiver.peerId, receiver.addresses(), { signal: t.signal })
    const { child, line } = spawnChild(t, receiver, 'stall', [
      '--keep-alive-ms',
      String(keepAliveMs),
    ])
    assert.equal(await line, 'sent')
    assert.equal(receiver.peers().length, 2)
    const gone = Promise.withResolvers<string>()
    receiver.listen({ disconnected: gone.resolve })
    child.kill('SIGSTOP')
    assert.notEqual(await gone.promise, idle.peerId)
    assert.deepEqual(
      receiver.peers().map((peer) => peer.peerId),
      [idle.peerId],
    )
  },
)

test('a stop during the start ends the start and leaves nothing running', options, async (t) => {
  for (const isLate of [false, true]) {
    const node = createMembers()()
    t.after(() => node.stop())
    const outcome = failureOf(node.start())
    if (isLate) while (node.addresses().length === 0) await nextTurn()
    await node.stop()
    if (!isLate) assert.ok(isSwarmCacheError(await outcome, 'ERR_CLOSED'))
    await outcome
    assert.deepEqual(node.addresses(), [])
  }
})

async function receiverOf(
  t: TestContext,
  handler: StreamHandler,
  keepAliveMs?: number,
): Promise<Libp2pSwarm> {
  const receiver = createMembers()({ keepAliveMs })
  receiver.handle(CHILD, handler)
  await startMembers(t, receiver)
  return receiver
}

function spawnChild(
  t: TestContext,
  receiver: Libp2pSwarm,
  task: string,
  more: string[] = [],
): { child: ChildProcess; line: Promise<string> } {
  const script = fileURLToPath(new URL('../../support/swarm-child.ts', import.meta.url))
  const [address] = receiver.addresses()
  const args = [script, '--task', task, '--peer', receiver.peerId, '--address', address!, ...more]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })
  return { child, line: once(lines, 'line', { signal: t.signal }).then(([text]) => String(text)) }
}

/** Lets everything else that is ready go first, some times over. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await nextTurn()
}

async function readAll(stream: ByteStream): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(stream.source))
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => undefined,
    (error: unknown) => error,
  )
}
