import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Priority, SuppliedFrame } from '../../../src/transfer/transfer.ts'
import { CountingSupply, makeContent } from '../../support/chunks.ts'
import { TransferLab } from '../../support/transfer-lab.ts'

const OPTIONS = { timeout: 20_000 }

test(
  'what no job waits for is sent one chunk at a time, and what jobs wait for beside it',
  OPTIONS,
  async (t) => {
    const lab = new TransferLab(t)
    const urgent = await makeContent(20, 1000)
    const other = await makeContent(20, 1000)
    const atOnce = new CountingSupply(urgent)
    const held = new CountingSupply(other)
    const opened = Promise.withResolvers<void>()
    const firstAsked = Promise.withResolvers<void>()
    let reading = 0
    let most = 0
    const node = await lab.add({
      manifest: async () => undefined,
      has: async (digests) => digests.map(() => true),
      frame: async (digest): Promise<SuppliedFrame | undefined> => {
        if (urgent.frames.has(digest)) return await atOnce.frame(digest)
        reading += 1
        most = Math.max(most, reading)
        firstAsked.resolve()
        await opened.promise
        reading -= 1
        return await held.frame(digest)
      },
    })
    const fetch = async (content: typeof urgent, priority: Priority): Promise<number> => {
      const { transfer } = await lab.add(new CountingSupply())
      const { digest: manifest, chunks } = content
      const request = { manifest, chunks, holders: [node.peerId], priority }
      let count = 0
      for await (const _ of transfer.fetchChunks(request)) count += 1
      return count
    }
    const background = [fetch(other, 'background'), fetch(other, 'background')]
    await firstAsked.promise
    assert.equal(await fetch(urgent, 'usual'), 20)
    assert.equal(reading, 1)
    opened.resolve()
    assert.deepEqual(await Promise.all(background), [20, 20])
    assert.equal(most, 1)
  },
)
