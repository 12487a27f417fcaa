import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'node:test'
import { openFrame } from '../../../src/core/chunk.ts'
import type { SourcedFrame } from '../../../src/core/chunk.ts'
import type { Digest } from '../../../src/core/digest.ts'
import { MessageStream } from '../../../src/core/message.ts'
import type { StreamHandler } from '../../../src/swarm/swarm.ts'
import { encodeBits, parseRequest, REQUEST_LIMITS } from '../../../src/transfer/transfer-wire.ts'
import { fetchAll } from '../../contract/transfer.ts'
import { CountingSupply, makeContent } from '../../support/chunks.ts'
import type { Content } from '../../support/chunks.ts'
import { eventually } from '../../support/eventually.ts'
import { countByPeer, TransferLab } from '../../support/transfer-lab.ts'

const OPTIONS = { timeout: 20_000 }

async function assertComplete(frames: readonly SourcedFrame[], content: Content): Promise<void> {
  const got = frames.map((frame) => frame.chunk.digest).sort()
  assert.deepEqual(got, content.chunks.map((chunk) => chunk.digest).sort())
  for (const frame of frames) await openFrame(frame)
}

/** Holds everything, and serves wanted chunks one by one through `answer`, which may lie. */
function servingBy(
  answer: (messages: MessageStream, id: number, digest: Digest) => Promise<void>,
): StreamHandler {
  return async (stream) => {
    const messages = new MessageStream(stream, REQUEST_LIMITS)
    for (;;) {
      const message = await messages.read()
      if (message === undefined) return
      const request = parseRequest(message.header, message.body)
      if (request?.kind === 'have') {
        const held = encodeBits(request.digests.map(() => true))
        await messages.write({ id: request.id, have: true }, held)
      }
      if (request?.kind !== 'want') continue
      for (const [index, digest] of request.digests.entries()) {
        await answer(messages, request.id + index, digest)
      }
    }
  }
}

test('two holders share the work, and no chunk is sent twice', OPTIONS, async (t) => {
  const lab = new TransferLab(t)
  const content = await makeContent(400, 64 * 1024)
  const { transfer, peers } = await lab.add(new CountingSupply())
  const supplies = [new CountingSupply(content), new CountingSupply(content)]
  const a = await lab.add(supplies[0]!)
  const b = await lab.add(supplies[1]!)
  const { chunks, digest: manifest } = content
  const frames = await fetchAll(transfer, { manifest, chunks, holders: [a.peerId, b.peerId] })
  await assertComplete(frames, content)
  const counts = countByPeer(frames)
  assert.ok((counts.get(a.peerId) ?? 0) > 50, `a gave ${counts.get(a.peerId)}`)
  assert.ok((counts.get(b.peerId) ?? 0) > 50, `b gave ${counts.get(b.peerId)}`)
  assert.equal(supplies[0]!.served.length + supplies[1]!.served.length, 400)
  assert.deepEqual(peers.failures, [])
  assert.ok((peers.outcomes.get(a.peerId)?.bytes ?? 0) > 0)
})

test(
  'when a connection is cut midway the rest comes from the other, and only what was under way twice',
  OPTIONS,
  async (t) => {
    const lab = new TransferLab(t)
    const content = await makeContent(300, 64 * 1024)
    const { transfer, peers, peerId } = await lab.add(new CountingSupply())
    const supplies = [new CountingSupply(content), new CountingSupply(content)]
    const a = await lab.add(supplies[0]!)
    const b = await lab.add(supplies[1]!)
    const frames: SourcedFrame[] = []
    const { chunks, digest: manifest } = content
    const request = { manifest, chunks, holders: [a.peerId, b.peerId] }
    for await (const frame of transfer.fetchChunks(request)) {
      frames.push(frame)
      if (frames.length === 40) lab.network.cut(peerId, a.peerId)
    }
    await assertComplete(frames, content)
    assert.deepEqual(
      peers.failures.map((failure) => failure.peerId),
      [a.peerId],
    )
    assert.equal(peers.failures[0]!.misbehaved, false)
    // What the first had delivered is not asked of the second again.
    const fromFirst = new Set(
      frames.filter((frame) => frame.peer === a.peerId).map((frame) => frame.chunk.digest),
    )
    assert.equal(supplies[1]!.served.filter((digest) => fromFirst.has(digest)).length, 0)
    assert.equal(supplies[1]!.served.length, 300 - fromFirst.size)
  },
)

test('a holder that the search names after the only one is lost takes over', OPTIONS, async (t) => {
  const lab = new TransferLab(t)
  const content = await makeContent(200, 64 * 1024)
  // Or a busy machine may have got all of it from the first before it is lost.
  const options = { bufferBytes: 1024 * 1024 }
  const { transfer, peers, peerId } = await lab.add(new CountingSupply(), options)
  const a = await lab.add(new CountingSupply(content))
  const b = await lab.add(new CountingSupply(content))
  const frames: SourcedFrame[] = []
  const { chunks, digest: manifest } = content
  for await (const frame of transfer.fetchChunks({ manifest, chunks, holders: [a.peerId] })) {
    frames.push(frame)
    if (frames.length !== 20) continue
    peers.name(b.peerId)
    lab.network.cut(peerId, a.peerId)
  }
  await assertComplete(frames, content)
  assert.ok(countByPeer(frames).get(b.peerId)! > 100)
})

test('a peer that connects while a fetch runs joins in with what it has', OPTIONS, async (t) => {
  const lab = new TransferLab(t)
  const content = await makeContent(300, 64 * 1024)
  const node = await lab.add(new CountingSupply())
  const first = await lab.add(new CountingSupply(content))
  const half = (digest: Digest): boolean => digest < '8'
  const supply = new CountingSupply(content, half)
  const late = await lab.add(supply, {}, false)
  const useless = await lab.add(new CountingSupply(), {}, false)
  const frames: SourcedFrame[] = []
  const { chunks, digest: manifest } = content
  const request = { manifest, chunks, holders: [first.peerId] }
  for await (const frame of node.transfer.fetchChunks(request)) {
    frames.push(frame)
    if (frames.length !== 5) continue
    await node.swarm.dial(useless.peerId, useless.swarm.addresses())
    await node.swarm.dial(late.peerId, late.swarm.addresses())
    lab.network.stall(node.peerId, first.peerId)
    await eventually('a chunk from the one that came late', () => supply.served.length > 0)
    lab.network.release(node.peerId, first.peerId)
  }
  await assertComplete(frames, content)
  const counts = countByPeer(frames)
  assert.ok(counts.get(late.peerId)! > 0)
  assert.equal(counts.get(useless.peerId), undefined)
  assert.deepEqual(node.peers.failures, [])
})

test('a peer that stalls is left, and its chunks come from another', OPTIONS, async (t) => {
  const lab = new TransferLab(t)
  const content = await makeContent(200, 64 * 1024)
  const { transfer, peers, peerId } = await lab.add(new CountingSupply())
  const a = await lab.add(new CountingSupply(content))
  const b = await lab.add(new CountingSupply(content))
  const { chunks, digest: manifest } = content
  const frames: SourcedFrame[] = []
  const request = { manifest, chunks, holders: [a.peerId, b.peerId] }
  for await (const frame of transfer.fetchChunks(request)) {
    frames.push(frame)
    if (frames.length === 10) lab.network.stall(peerId, a.peerId)
  }
  await assertComplete(frames, content)
  assert.ok(peers.failures.every((failure) => !failure.misbehaved))
})

test('when the only holder stalls for good the fetch ends with ERR_PEER', OPTIONS, async (t) => {
  const lab = new TransferLab(t)
  const content = await makeContent(100, 64 * 1024)
  const { transfer, peers, peerId } = await lab.add(new CountingSupply())
  const a = await lab.add(new CountingSupply(content))
  const { chunks, digest: manifest } = content
  const fetch = transfer.fetchChunks({ manifest, chunks, holders: [a.peerId] })
  let count = 0
  await assert.rejects(
    async () => {
      for await (const _frame of fetch) {
        count += 1
        if (count === 5) lab.network.stall(peerId, a.peerId)
      }
    },
    { code: 'ERR_PEER' },
  )
  assert.match(peers.failures[0]!.reason, /sent nothing/)
})

test('the only holder, left for its silence, is taken again once it speaks', OPTIONS, async (t) => {
  const lab = new TransferLab(t)
  const content = await makeContent(100, 64 * 1024)
  const { transfer, peers, peerId } = await lab.add(new CountingSupply())
  const a = await lab.add(new CountingSupply(content))
  peers.onFailed = () => {
    lab.network.release(peerId, a.peerId)
    peers.pardon()
  }
  const { chunks, digest: manifest } = content
  const frames: SourcedFrame[] = []
  for await (const frame of transfer.fetchChunks({ manifest, chunks, holders: [a.peerId] })) {
    frames.push(frame)
    if (frames.length === 5) lab.network.stall(peerId, a.peerId)
  }
  await assertComplete(frames, content)
  assert.match(peers.failures[0]!.reason, /sent nothing/)
})

test('a holder that cannot be reached is passed over', OPTIONS, async (t) => {
  const lab = new TransferLab(t)
  const content = await makeContent(20, 10_000)
  const { transfer, peers } = await lab.add(new CountingSupply())
  const a = await lab.add(new CountingSupply(content))
  const { chunks, digest: manifest } = content
  const frames = await fetchAll(transfer, { manifest, chunks, holders: ['gone', a.peerId] })
  await assertComplete(frames, content)
  assert.deepEqual(
    peers.failures.map((failure) => failure.peerId),
    ['gone'],
  )
})

test('a slow tail is fetched twice and the first copy wins', OPTIONS, async (t) => {
  const lab = new TransferLab(t)
  const content = await makeContent(60, 32 * 1024)
  const { transfer } = await lab.add(new CountingSupply())
  const release = Promise.withResolvers<void>()
  t.after(() => release.resolve())
  let answered = 0
  const slow = await lab.addRaw(
    servingBy(async (messages, id, digest) => {
      answered += 1
      if (answered > 3) await release.promise
      await messages.write({ id }, content.frames.get(digest))
    }),
  )
  const fast = await lab.add(new CountingSupply(content))
  const { chunks, digest: manifest } = content
  const frames = await fetchAll(transfer, { manifest, chunks, holders: [slow.peerId, fast.peerId] })
  await assertComplete(frames, content)
  assert.equal(countByPeer(frames).get(slow.peerId), 3)
})

test(
  'a chunk that was given up at one source is taken when it comes from there',
  OPTIONS,
  async (t) => {
    const lab = new TransferLab(t)
    const content = await makeContent(2, 32 * 1024)
    const { transfer, peers } = await lab.add(new CountingSupply())
    const movedAway = Promise.withResolvers<void>()
    let answered = 0
    const slow = await lab.addRaw(
      servingBy(async (messages, id, digest) => {
        await movedAway.promise
        answered += 1
        await messages.write({ id }, content.frames.get(digest))
      }),
    )
    const mute = await lab.addRaw(
      servingBy(async () => {
        movedAway.resolve()
        await new Promise(() => {})
      }),
    )
    peers.name(mute.peerId)
    const { chunks, digest: manifest } = content
    const frames = await fetchAll(transfer, { manifest, chunks, holders: [slow.peerId] })
    await assertComplete(frames, content)
    assert.equal(answered, 2)
  },
)

test('a slow consumer bounds what is asked for', OPTIONS, async (t) => {
  const lab = new TransferLab(t)
  const content = await makeContent(200, 64 * 1024)
  const bufferBytes = 1024 * 1024
  const { transfer } = await lab.add(new CountingSupply(), { bufferBytes })
  const supply = new CountingSupply(content)
  const a = await lab.add(supply)
  const { chunks, digest: manifest } = content
  const frames: SourcedFrame[] = []
  const bound = bufferBytes / (64 * 1024) + 1
  for await (const frame of transfer.fetchChunks({ manifest, chunks, holders: [a.peerId] })) {
    frames.push(frame)
    if (frames.length % 50 === 0) await delay(30)
    const ahead = supply.served.length - frames.length
    assert.ok(ahead <= bound, `${ahead} chunks ahead`)
  }
  await assertComplete(frames, content)
})

test('a consumer that stops early ends the uploads to it', OPTIONS, async (t) => {
  const lab = new TransferLab(t)
  const content = await makeContent(500, 64 * 1024)
  const { transfer } = await lab.add(new CountingSupply())
  const supply = new CountingSupply(content)
  const ended = Promise.withResolvers<void>()
  const a = await lab.add(supply)
  const { chunks, digest: manifest } = content
  for await (const frame of transfer.fetchChunks({ manifest, chunks, holders: [a.peerId] })) {
    assert.ok(frame)
    break
  }
  // Stopping waits for uploads under way, so it resolves at once only if none is left.
  void a.transfer.stop({ signal: t.signal }).then(ended.resolve)
  await ended.promise
  assert.ok(supply.served.length < 500)
})

const MISDEEDS: Record<string, (content: Content) => StreamHandler> = {
  'wrong bytes': (content) =>
    servingBy((messages, id) => messages.write({ id }, content.frames.values().next().value)),
  'bytes that do not decompress': () =>
    servingBy((messages, id) => messages.write({ id }, Buffer.alloc(500, 7))),
  'more bytes than the chunk has': () =>
    servingBy((messages, id) => messages.write({ id }, Buffer.alloc(100_000))),
  'an empty frame': () => servingBy((messages, id) => messages.write({ id })),
  'frames that nobody asked for': (content) =>
    servingBy((messages, id) =>
      messages.write({ id: id + 100_000 }, content.frames.values().next().value),
    ),
  'the same answer twice': (content) =>
    servingBy(async (messages, id, digest) => {
      await messages.write({ id }, content.frames.get(digest))
      await messages.write({ id }, content.frames.get(digest))
    }),
  'a message over the limits': () => async (stream) => {
    await stream.write(Uint8Array.of(0, 0, 0, 2, 0x7f, 0xff, 0xff, 0xff, 0x7b, 0x7d))
    await new Promise(() => {})
  },
  'answers without ids': () => servingBy((messages) => messages.write({ nonsense: true })),
}
for (const [what, misbehave] of Object.entries(MISDEEDS)) {
  test(
    `a peer that sends ${what} is left as misbehaving, and the rest comes from another`,
    OPTIONS,
    async (t) => {
      const lab = new TransferLab(t)
      const content = await makeContent(80, 20_000)
      const { transfer, peers } = await lab.add(new CountingSupply())
      const bad = await lab.addRaw(misbehave(content))
      const good = await lab.add(new CountingSupply(content))
      const { chunks, digest: manifest } = content
      const frames = await fetchAll(transfer, {
        manifest,
        chunks,
        holders: [bad.peerId, good.peerId],
      })
      await assertComplete(frames, content)
      const failure = peers.failures.find((other) => other.misbehaved)
      assert.equal(failure?.peerId, bad.peerId)
      assert.ok(peers.failures.every((other) => other.peerId === bad.peerId))
    },
  )
}

test(
  'a peer that serves too many already is tried no further, without blame',
  OPTIONS,
  async (t) => {
    const lab = new TransferLab(t)
    const content = await makeContent(30, 10_000)
    const { transfer, peers } = await lab.add(new CountingSupply())
    const full = await lab.add(new CountingSupply(content), { maxUploads: 0 })
    const free = await lab.add(new CountingSupply(content))
    const { chunks, digest: manifest } = content
    const frames = await fetchAll(transfer, {
      manifest,
      chunks,
      holders: [full.peerId, free.peerId],
    })
    await assertComplete(frames, content)
    const blamed = peers.failures.map(({ peerId, misbehaved }) => ({ peerId, misbehaved }))
    assert.deepEqual(blamed, [{ peerId: full.peerId, misbehaved: false }])
  },
)

test(
  'a fault of this node while checking ends the fetch and blames no peer',
  OPTIONS,
  async (t) => {
    const lab = new TransferLab(t)
    const content = await makeContent(5, 1000)
    const { transfer, peers } = await lab.add(new CountingSupply(), {}, true, async () => {
      throw new Error('a thread of this test died on purpose')
    })
    const a = await lab.add(new CountingSupply(content))
    const { chunks, digest: manifest } = content
    const fetch = fetchAll(transfer, { manifest, chunks, holders: [a.peerId] })
    await assert.rejects(fetch, /died on purpose/)
    assert.deepEqual(peers.failures, [])
  },
)

test('manifests come from the next holder when the best is silent', OPTIONS, async (t) => {
  const lab = new TransferLab(t)
  const content = await makeContent(3, 1000)
  const { transfer } = await lab.add(new CountingSupply())
  const silent = await lab.addRaw(async () => new Promise(() => {}))
  const good = await lab.add(new CountingSupply(content))
  const { digest, manifest } = content
  const holders = [silent.peerId, good.peerId]
  const bytes = await transfer.fetchManifest(digest, manifest.length, holders)
  assert.deepEqual(Buffer.from(bytes), Buffer.from(manifest))
})

test('a manifest of several messages arrives whole', OPTIONS, async (t) => {
  const lab = new TransferLab(t)
  const small = await makeContent(1, 1000)
  const chunk = small.chunks[0]!
  const refs = Array.from({ length: 90_000 }, () => chunk)
  const { encodeManifest } = await import('../../../src/core/manifest.ts')
  const { digestOf } = await import('../../../src/core/digest.ts')
  const manifest = encodeManifest({ catalog: [], content: refs })
  const digest = digestOf(manifest)
  const { transfer } = await lab.add(new CountingSupply())
  const holder = await lab.add(new CountingSupply({ ...small, manifest, digest }))
  const bytes = await transfer.fetchManifest(digest, manifest.length, [holder.peerId])
  assert.equal(bytes.length, manifest.length)
})
