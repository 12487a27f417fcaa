import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { ByteFlow, ByteSink, ByteStream } from '../../../src/core/byte-stream.ts'
import { MessageStream } from '../../../src/core/message.ts'
import type { Message } from '../../../src/core/message.ts'

const options = { timeout: 20_000 }
const LIMITS = { headerBytes: 100, bodyBytes: 300_000 }

/** Gives given pieces to whoever reads, from one buffer that is overwritten, or as an iterable. */
class ScriptedStream implements ByteStream {
  readonly source: AsyncIterable<Uint8Array>
  readonly flowTo?: (sink: ByteSink) => ByteFlow
  readonly written: Uint8Array[] = []
  readonly #pieces: Uint8Array[]
  readonly #error: Error | undefined
  #sink: ByteSink | undefined

  constructor(pieces: readonly Uint8Array[], flows: boolean, error?: Error) {
    this.#pieces = [...pieces]
    this.#error = error
    this.source = this.#iterate()
    if (!flows) return
    this.flowTo = (sink) => {
      this.#sink = sink
      queueMicrotask(() => this.#flow())
      return { resume: () => this.#flow() }
    }
  }

  get piecesLeft(): number {
    return this.#pieces.length
  }

  async write(bytes: Uint8Array, onTaken?: () => void): Promise<void> {
    this.written.push(new Uint8Array(bytes))
    onTaken?.()
  }

  async closeWrite(): Promise<void> {}

  abort(): void {}

  #flow(): void {
    for (;;) {
      const piece = this.#pieces.shift()
      if (piece === undefined) {
        this.#sink!.end(this.#error)
        return
      }
      const shared = Buffer.from(piece)
      const goesOn = this.#sink!.take(shared)
      shared.fill(0xee)
      if (!goesOn) return
    }
  }

  async *#iterate(): AsyncGenerator<Uint8Array> {
    yield* this.#pieces.splice(0)
    if (this.#error !== undefined) throw this.#error
  }
}

async function encoded(...messages: Partial<Message>[]): Promise<Buffer> {
  const stream = new ScriptedStream([], false)
  const writer = new MessageStream(stream, LIMITS)
  for (const { header = {}, body } of messages) await writer.write(header, body)
  return Buffer.concat(stream.written)
}

async function readAll(stream: ByteStream): Promise<Message[]> {
  const reader = new MessageStream(stream, LIMITS)
  const messages: Message[] = []
  for (;;) {
    const message = await reader.read()
    if (message === undefined) return messages
    messages.push(message)
  }
}

const MESSAGES = [
  { header: { id: 1 }, body: Buffer.from('a body') },
  { header: { 'an ümlaut': '✓' }, body: Buffer.alloc(0) },
  { header: {}, body: randomBytes(40) },
]

for (const flows of [true, false]) {
  const how = flows ? 'a stream that pushes' : 'a stream that is asked'

  test(`messages on ${how} are the same wherever they are cut`, options, async () => {
    const bytes = await encoded(...MESSAGES)
    const check = async (pieces: Uint8Array[]): Promise<void> =>
      assert.deepEqual(await readAll(new ScriptedStream(pieces, flows)), MESSAGES)
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      await check([bytes.subarray(0, cut), bytes.subarray(cut)])
    }
    await check(Array.from(bytes, (byte) => Uint8Array.of(byte)))
  })

  test(
    `an end inside a message on ${how} is ERR_CLOSED, after the whole ones`,
    options,
    async () => {
      const whole = await encoded(MESSAGES[0]!)
      const bytes = Buffer.concat([whole, await encoded(MESSAGES[2]!)])
      for (let cut = whole.length + 1; cut < bytes.length; cut += 1) {
        const stream = new ScriptedStream([bytes.subarray(0, cut)], flows)
        const reader = new MessageStream(stream, LIMITS)
        assert.deepEqual(await reader.read(), MESSAGES[0])
        await assert.rejects(reader.read(), { code: 'ERR_CLOSED' })
      }
    },
  )

  test(`what is too large or no message on ${how} is ERR_FRAME`, options, async () => {
    const announcing = (headerBytes: number, bodyBytes: number, head = ''): Buffer => {
      const prefix = Buffer.alloc(8)
      prefix.writeUInt32BE(headerBytes, 0)
      prefix.writeUInt32BE(bodyBytes, 4)
      return Buffer.concat([prefix, Buffer.from(head)])
    }
    const cases = {
      'a header over the limit': announcing(LIMITS.headerBytes + 1, 0),
      'a body over the limit': announcing(2, LIMITS.bodyBytes + 1, '{}'),
      'four gigabytes of both': announcing(0xffffffff, 0xffffffff),
      'no header': announcing(0, 0),
      'a header that is no JSON': announcing(2, 0, '{]'),
      'a header that is a list': announcing(2, 0, '[]'),
    }
    for (const [name, bytes] of Object.entries(cases)) {
      const start = await encoded(MESSAGES[0]!)
      const stream = new ScriptedStream([Buffer.concat([start, bytes])], flows)
      const reader = new MessageStream(stream, LIMITS)
      assert.deepEqual(await reader.read(), MESSAGES[0], name)
      await assert.rejects(reader.read(), { code: 'ERR_FRAME' }, name)
    }
  })
}

test('an error of the stream reaches the reader after what came before it', options, async () => {
  const error = new Error('the line of this test is cut')
  const stream = new ScriptedStream([await encoded(...MESSAGES)], true, error)
  const reader = new MessageStream(stream, LIMITS)
  for (const message of MESSAGES) assert.deepEqual(await reader.read(), message)
  await assert.rejects(reader.read(), error)
})

test(
  'a stream that pushes is paused while the reader is behind, and loses nothing',
  options,
  async () => {
    const many = Array.from({ length: 40 }, (_, id) => ({
      header: { id },
      body: randomBytes(50_000),
    }))
    const pieces: Uint8Array[] = []
    const bytes = await encoded(...many)
    for (let at = 0; at < bytes.length; at += 10_000) pieces.push(bytes.subarray(at, at + 10_000))
    const stream = new ScriptedStream(pieces, true)
    const reader = new MessageStream(stream, LIMITS)
    assert.deepEqual(await reader.read(), many[0])
    const unread = stream.piecesLeft
    assert.ok(unread > pieces.length / 2, `${unread} of ${pieces.length} pieces were left`)
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
    assert.equal(stream.piecesLeft, unread)
    for (const message of many.slice(1)) assert.deepEqual(await reader.read(), message)
    assert.equal(await reader.read(), undefined)
    assert.equal(reader.receivedBytes, bytes.length)
  },
)

test(
  'each body has memory of its own, and a writer is told when its body may go',
  options,
  async () => {
    const body = randomBytes(100_000)
    let taken = 0
    const stream = new ScriptedStream([], false)
    const writer = new MessageStream(stream, LIMITS)
    await writer.write({ id: 1 }, body, () => (taken += 1))
    await writer.write({ id: 2 }, body.subarray(0, 10), () => (taken += 1))
    assert.equal(taken, 2)
    const [large] = await readAll(new ScriptedStream([Buffer.concat(stream.written)], true))
    assert.equal(large!.body.buffer.byteLength, body.length)
  },
)
