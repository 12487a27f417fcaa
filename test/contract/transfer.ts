import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { TestContext } from 'node:test'
import { BoundedQueue } from '../../src/async/bounded-queue.ts'
import { openFrame } from '../../src/core/chunk.ts'
import type { SourcedFrame } from '../../src/core/chunk.ts'
import { digestOf } from '../../src/core/digest.ts'
import type { ChunkRef } from '../../src/core/manifest.ts'
import type { PeerId } from '../../src/core/peer.ts'
import type { ChunkSupply, FetchRequest, Transfer } from '../../src/transfer/transfer.ts'
import { CountingSupply, makeContent } from '../support/chunks.ts'

/** Adds a started transfer to the group, connected to all others of it. */
export type AddTransfer = (supply: ChunkSupply) => Promise<{ transfer: Transfer; peerId: PeerId }>

/** What every transfer promises; `create` starts a new group, and ends it with the test. */
export function transferContract(
  name: string,
  create: (t: TestContext) => AddTransfer | Promise<AddTransfer>,
): void {
  const options = { timeout: 20_000 }

  suite(`${name} keeps the transfer contract`, () => {
    test('a manifest comes as its holder has it', options, async (t) => {
      const add = await create(t)
      const content = await makeContent(3, 1000)
      const { transfer } = await add(new CountingSupply())
      const empty = await add(new CountingSupply())
      const holder = await add(new CountingSupply(content))
      const { length } = content.manifest
      const holders = [empty.peerId, holder.peerId]
      const manifest = await transfer.fetchManifest(content.digest, length, holders)
      assert.deepEqual(Buffer.from(manifest), Buffer.from(content.manifest))
    })

    test(
      'a manifest that nobody has, that is too long or damaged is an ERR_PEER',
      options,
      async (t) => {
        const add = await create(t)
        const content = await makeContent(3, 1000)
        const { transfer } = await add(new CountingSupply())
        const damaged = content.manifest.slice()
        damaged[20]! ^= 1
        const holders = [
          (await add(new CountingSupply())).peerId,
          (await add(new CountingSupply({ ...content, manifest: damaged }))).peerId,
          (await add(new CountingSupply({ ...content, manifest: Buffer.alloc(5000) }))).peerId,
        ]
        const { length } = content.manifest
        const fetch = transfer.fetchManifest(content.digest, length, holders, { signal: t.signal })
        await assert.rejects(fetch, { code: 'ERR_PEER' })
      },
    )

    test('every chunk comes once, good, with the peer it came from', options, async (t) => {
      const add = await create(t)
      const content = await makeContent(50, 20_000)
      const { transfer } = await add(new CountingSupply())
      const holder = await add(new CountingSupply(content))
      const frames = await fetchAll(transfer, {
        manifest: content.digest,
        chunks: content.chunks,
        holders: [holder.peerId],
      })
      assert.equal(frames.length, 50)
      const digests = frames.map((frame) => frame.chunk.digest).sort()
      assert.deepEqual(digests, content.chunks.map((chunk) => chunk.digest).sort())
      for (const frame of frames) {
        await openFrame(frame)
        assert.equal(frame.tier, 'peers')
        assert.equal(frame.peer, holder.peerId)
      }
    })

    test('holders of a part each give their part', options, async (t) => {
      const add = await create(t)
      const content = await makeContent(40, 5000)
      const { transfer } = await add(new CountingSupply())
      const isLow = (digest: string): boolean => digest < '8'
      const low = await add(new CountingSupply(content, isLow))
      const high = await add(new CountingSupply(content, (digest) => !isLow(digest)))
      const frames = await fetchAll(transfer, {
        manifest: content.digest,
        chunks: content.chunks,
        holders: [low.peerId, high.peerId],
      })
      assert.equal(frames.length, 40)
      for (const { chunk, peer } of frames) {
        assert.equal(peer, isLow(chunk.digest) ? low.peerId : high.peerId)
      }
    })

    test('what no holder has ends the fetch with ERR_PEER', options, async (t) => {
      const add = await create(t)
      const content = await makeContent(10, 5000)
      const missing = content.chunks[9]!.digest
      const { transfer } = await add(new CountingSupply())
      const holder = await add(new CountingSupply(content, (digest) => digest !== missing))
      const fetch = fetchAll(transfer, {
        manifest: content.digest,
        chunks: content.chunks,
        holders: [holder.peerId],
      })
      await assert.rejects(fetch, { code: 'ERR_PEER' })
    })

    test('a damaged frame is never handed over', options, async (t) => {
      const add = await create(t)
      const content = await makeContent(5, 5000)
      const frames = new Map(content.frames)
      frames.set(content.chunks[2]!.digest, frames.get(content.chunks[3]!.digest)!)
      const { transfer } = await add(new CountingSupply())
      const liar = await add(new CountingSupply({ ...content, frames }))
      const honest = await add(new CountingSupply(content))
      const got = await fetchAll(transfer, {
        manifest: content.digest,
        chunks: content.chunks,
        holders: [liar.peerId, honest.peerId],
      })
      assert.equal(got.length, 5)
      for (const frame of got) await openFrame(frame)
    })

    test('chunks that become known while it runs are fetched too', options, async (t) => {
      const add = await create(t)
      const content = await makeContent(40, 5000)
      const { transfer } = await add(new CountingSupply())
      const { peerId } = await add(new CountingSupply(content))
      const lists = new BoundedQueue<readonly ChunkRef[]>(10)
      const frames = transfer.fetchChunks({
        manifest: content.digest,
        chunks: content.chunks.slice(0, 10),
        more: lists,
        holders: [peerId],
      })
      const digests: string[] = []
      for await (const { chunk } of frames) {
        digests.push(chunk.digest)
        // Each list comes when everything before it has been handed over.
        if (digests.length === 40) lists.end()
        else if (digests.length % 10 === 0) {
          await lists.push(content.chunks.slice(digests.length, digests.length + 10))
        }
      }
      assert.deepEqual(digests.sort(), content.chunks.map((chunk) => chunk.digest).sort())
    })

    test('nothing wanted is nothing fetched', options, async (t) => {
      const add = await create(t)
      const { transfer } = await add(new CountingSupply())
      const request = { manifest: digestOf('none'), chunks: [], holders: [] }
      assert.deepEqual(await fetchAll(transfer, request), [])
    })

    test('an abort ends a fetch with its reason, before and after it began', options, async (t) => {
      const add = await create(t)
      const content = await makeContent(20, 5000)
      const { transfer } = await add(new CountingSupply())
      const { peerId } = await add(new CountingSupply(content))
      const request = { manifest: content.digest, chunks: content.chunks, holders: [peerId] }
      const reason = new Error('no longer wanted')
      const controller = new AbortController()
      const frames = transfer.fetchChunks(request, { signal: controller.signal })
      const reader = frames[Symbol.asyncIterator]()
      assert.equal((await reader.next()).done, false)
      controller.abort(reason)
      await assert.rejects(reader.next(), reason)
      const signal = AbortSignal.abort(reason)
      await assert.rejects(
        transfer.fetchManifest(content.digest, 10_000, [peerId], { signal }),
        reason,
      )
      await assert.rejects(fetchAll(transfer, request, signal), reason)
    })
  })
}

export async function fetchAll(
  transfer: Transfer,
  request: FetchRequest,
  signal?: AbortSignal,
): Promise<SourcedFrame[]> {
  const frames: SourcedFrame[] = []
  for await (const frame of transfer.fetchChunks(request, { signal })) frames.push(frame)
  return frames
}
