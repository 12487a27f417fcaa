import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'node:test'
import type { ByteStream } from '../../../src/core/byte-stream.ts'
import { DIGEST_BYTES } from '../../../src/core/digest.ts'
import { subscribe } from '../../../src/core/events.ts'
import { MessageStream } from '../../../src/core/message.ts'
import {
  decodeIds,
  encodeDigests,
  encodeIds,
  MAX_OUTSTANDING,
  RESPONSE_LIMITS,
  TRANSFER_PROTOCOL,
} from '../../../src/transfer/transfer-wire.ts'
import { CountingSupply, makeContent } from '../../support/chunks.ts'
import { TransferLab } from '../../support/transfer-lab.ts'

const OPTIONS = { timeout: 20_000 }
const silent = async (): Promise<void> => {}

/** True once the other side has ended the conversation without an answer. */
async function endsUnanswered(stream: ByteStream): Promise<boolean> {
  const reader = stream.source[Symbol.asyncIterator]()
  const next = await reader.next().catch(() => ({ done: true }))
  return next.done === true
}

const HOSTILE: Record<string, Uint8Array> = {
  'what is no message': Buffer.from('GET /chunks HTTP/1.1\r\nHost: x\r\n\r\n'),
  'a header of two gigabytes': Buffer.from([0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
  'a body of two gigabytes': Buffer.from([0, 0, 0, 2, 0x7f, 0xff, 0xff, 0xff, 0x7b, 0x7d]),
  'an unknown request': message({ please: 1 }),
  'a want with half a digest': message({ want: 0 }, new Uint8Array(DIGEST_BYTES + 1)),
  'a want with a negative id': message({ want: -1 }, new Uint8Array(DIGEST_BYTES)),
  'a want of nothing': message({ want: 0 }),
  'a cancel of half an id': message({ cancel: true }, new Uint8Array(3)),
  'word of having taken what was never sent': message({ taken: 1 }),
  'a manifest without a digest': message({ manifest: '../../etc/passwd', id: 1 }),
}

function message(header: Record<string, unknown>, body = new Uint8Array(0)): Uint8Array {
  const head = Buffer.from(JSON.stringify(header))
  const prefix = Buffer.alloc(8)
  prefix.writeUInt32BE(head.length, 0)
  prefix.writeUInt32BE(body.length, 4)
  return Buffer.concat([prefix, head, body])
}

for (const [what, bytes] of Object.entries(HOSTILE)) {
  test(`${what} ends the conversation and its sender is blamed`, OPTIONS, async (t) => {
    const lab = new TransferLab(t)
    const supply = new CountingSupply()
    const node = await lab.add(supply)
    const hostile = await lab.addRaw(silent)
    const stream = await hostile.open(node.peerId, TRANSFER_PROTOCOL)
    await stream.write(bytes)
    assert.ok(await endsUnanswered(stream))
    assert.equal(supply.asked, 0)
    const [failure] = node.peers.failures
    assert.equal(failure?.peerId, hostile.peerId)
    assert.equal(failure.misbehaved, true)
  })
}

test('more requests than may wait end the conversation', OPTIONS, async (t) => {
  const lab = new TransferLab(t)
  const supply = new CountingSupply()
  const node = await lab.add(supply)
  const hostile = await lab.addRaw(silent)
  const stream = await hostile.open(node.peerId, TRANSFER_PROTOCOL)
  const digests = new Uint8Array(DIGEST_BYTES * (MAX_OUTSTANDING + 10))
  await stream.write(message({ want: 0 }, digests)).catch(() => {})
  assert.ok(await endsUnanswered(stream))
  assert.equal(node.peers.failures[0]?.misbehaved, true)
})

test(
  'a flood of unknown digests is answered, slowed down, and keeps nobody else from being served',
  OPTIONS,
  async (t) => {
    const lab = new TransferLab(t)
    const content = await makeContent(50, 20_000)
    const supply = new CountingSupply(content)
    const node = await lab.add(supply)
    const hostile = await lab.addRaw(silent)
    const stream = await hostile.open(node.peerId, TRANSFER_PROTOCOL)
    const flood = new MessageStream(stream, RESPONSE_LIMITS)
    let missing = 0
    const flooding = (async () => {
      for (let id = 0; ; id += 500) {
        await flood.write({ want: id }, randomBytes(DIGEST_BYTES * 500))
        for (let i = 0; i < 500; i += 1) {
          if ((await flood.read())?.header['missing'] === true) missing += 1
        }
      }
    })().catch(() => {})
    while (missing < 1500) await delay(2, undefined, { signal: t.signal })
    const reader = await lab.add(new CountingSupply())
    const { chunks, digest: manifest } = content
    let count = 0
    const request = { manifest, chunks, holders: [node.peerId] }
    for await (const _frame of reader.transfer.fetchChunks(request)) count += 1
    assert.equal(count, 50)
    stream.abort()
    await flooding
  },
)

test('a cancelled request is not served, and said to be cancelled', OPTIONS, async (t) => {
  const lab = new TransferLab(t)
  const content = await makeContent(100, 100_000)
  const supply = new CountingSupply(content)
  const node = await lab.add(supply)
  const asker = await lab.addRaw(silent)
  const messages = new MessageStream(
    await asker.open(node.peerId, TRANSFER_PROTOCOL),
    RESPONSE_LIMITS,
  )
  await messages.write({ want: 0 }, encodeDigests(content.chunks.map((chunk) => chunk.digest)))
  await messages.write({ cancel: true }, encodeIds(Array.from({ length: 90 }, (_, i) => i + 10)))
  await messages.closeWrite()
  let frames = 0
  let cancelled = 0
  while (frames + cancelled < 100) {
    const answer = (await messages.read())!
    if (answer.header['cancelled'] === true) cancelled += decodeIds(answer.body)!.length
    else frames += 1
  }
  assert.equal(await messages.read(), undefined)
  assert.equal(frames + cancelled, 100)
  assert.ok(cancelled > 50, `${cancelled} were cancelled`)
  assert.equal(supply.served.length, frames)
})

test('a peer may open only so many conversations at once', OPTIONS, async (t) => {
  const lab = new TransferLab(t)
  const node = await lab.add(new CountingSupply(), { maxUploadsPerPeer: 2 })
  const asker = await lab.addRaw(silent)
  const open = async (): Promise<MessageStream> =>
    new MessageStream(await asker.open(node.peerId, TRANSFER_PROTOCOL), RESPONSE_LIMITS)
  const first = await open()
  await open()
  const third = await open()
  assert.equal((await third.read())?.header['busy'], true)
  first.abort()
  for (;;) {
    const again = await open()
    await again.write({ want: 0 }, new Uint8Array(DIGEST_BYTES))
    if ((await again.read().catch(() => undefined))?.header['missing'] === true) break
    t.signal.throwIfAborted()
  }
})

test('a reader that asks much does not keep another waiting', OPTIONS, async (t) => {
  const lab = new TransferLab(t)
  const content = await makeContent(200, 100_000)
  const node = await lab.add(new CountingSupply(content))
  const greedy = await lab.addRaw(silent)
  const modest = await lab.addRaw(silent)
  const order: string[] = []
  const stop = subscribe('chunks:sent', (event) => order.push(event.peerId))
  t.after(stop)
  const ask = async (from: typeof greedy, count: number): Promise<void> => {
    const stream = await from.open(node.peerId, TRANSFER_PROTOCOL)
    const messages = new MessageStream(stream, RESPONSE_LIMITS)
    const digests = content.chunks.slice(0, count).map((chunk) => chunk.digest)
    await messages.write({ want: 0 }, encodeDigests(digests))
    for (let i = 0; i < count; i += 1) assert.ok((await messages.read())!.body.length > 0)
    stream.abort()
  }
  const first = ask(greedy, 200)
  await ask(modest, 5)
  const greedySent = order.filter((peerId) => peerId === greedy.peerId).length
  assert.ok(greedySent < 100, `${greedySent} went to the greedy one first`)
  await first
})

test('one of a crowd gets more when it has said what it took', OPTIONS, async (t) => {
  const lab = new TransferLab(t)
  const content = await makeContent(40, 100_000)
  const supply = new CountingSupply(content)
  const node = await lab.add(supply)
  const digests = encodeDigests(content.chunks.map((chunk) => chunk.digest))
  const [first, second] = await Promise.all(
    [0, 1].map(async () => {
      const asker = await lab.addRaw(silent)
      const stream = await asker.open(node.peerId, TRANSFER_PROTOCOL)
      const messages = new MessageStream(stream, RESPONSE_LIMITS)
      await messages.write({ have: 0, watch: content.digest }, digests)
      assert.equal((await messages.read())!.header['have'], true)
      return messages
    }),
  )
  await first!.write({ want: 1 }, digests)
  // An answer to a question that came later says that nothing else is under way.
  await first!.write({ have: 99 }, digests)
  let frames = 0
  let untaken = 0
  for (;;) {
    const { header, body } = (await first!.read())!
    if (header['have'] === true) break
    assert.equal(header['paced'], true)
    frames += 1
    untaken += body.length
  }
  assert.ok(frames < 20, `${frames} frames were sent`)
  for (; frames < 40; frames += 1) {
    await first!.write({ taken: untaken })
    untaken = (await first!.read())!.body.length
  }
  first!.abort()
  second!.abort()
})

test('readers of a crowd say what they take, and get everything', OPTIONS, async (t) => {
  const lab = new TransferLab(t)
  const content = await makeContent(40, 100_000)
  const node = await lab.add(new CountingSupply(content))
  const { chunks, digest: manifest } = content
  const readers = await Promise.all([0, 1].map(async () => await lab.add(new CountingSupply())))
  const counts = await Promise.all(
    readers.map(async ({ transfer }) => {
      const request = { manifest, chunks, holders: [node.peerId] }
      return (await Array.fromAsync(transfer.fetchChunks(request))).length
    }),
  )
  assert.deepEqual(counts, [40, 40])
})

test('a store that fails is a miss for the peer, not the end', OPTIONS, async (t) => {
  const lab = new TransferLab(t)
  const content = await makeContent(2, 1000)
  const supply = new CountingSupply(content)
  const node = await lab.add({
    manifest: (digest) => supply.manifest(digest),
    has: () => Promise.reject(new Error('the disk of this test is gone')),
    frame: (digest) =>
      digest === content.chunks[0]!.digest
        ? Promise.reject(new Error('the disk of this test is gone'))
        : supply.frame(digest),
  })
  const asker = await lab.addRaw(silent)
  const stream = await asker.open(node.peerId, TRANSFER_PROTOCOL)
  const messages = new MessageStream(stream, RESPONSE_LIMITS)
  const digests = encodeDigests(content.chunks.map((chunk) => chunk.digest))
  await messages.write({ want: 0 }, digests)
  await messages.write({ have: 9 }, digests)
  const answers = new Map<unknown, Record<string, unknown>>()
  for (let i = 0; i < 3; i += 1) {
    const { header, body } = (await messages.read())!
    answers.set(header['id'], { ...header, bytes: body.length })
  }
  assert.equal(answers.get(0)?.['missing'], true)
  assert.ok((answers.get(1)?.['bytes'] as number) > 0)
  assert.equal(answers.get(9)?.['have'], true)
})

test('a stopping node answers what was asked, then ends', OPTIONS, async (t) => {
  const lab = new TransferLab(t)
  const content = await makeContent(60, 100_000)
  const node = await lab.add(new CountingSupply(content))
  const reader = await lab.add(new CountingSupply())
  const { chunks, digest: manifest } = content
  const request = { manifest, chunks, holders: [node.peerId] }
  const frames = reader.transfer.fetchChunks(request)[Symbol.asyncIterator]()
  await frames.next()
  const stopping = node.transfer.stop({ signal: AbortSignal.timeout(10_000) })
  let count = 1
  while (count < 60 && (await frames.next()).done === false) count += 1
  assert.equal(count, 60)
  await stopping
})
