import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ContentRead } from '../../../src/cache/content-read.ts'
import type { ReadOptions } from '../../../src/cache/cache.ts'
import type { SourcedFrame } from '../../../src/core/chunk.ts'
import { digestOf } from '../../../src/core/digest.ts'
import type { SignedEntry } from '../../../src/core/entry.ts'
import type { ChunkRef } from '../../../src/core/manifest.ts'

const ENTRY = { key: 'k' } as SignedEntry
const [A, B, C] = ['a', 'b', 'c'].map((text) => ({ digest: digestOf(text), bytes: 1 })) as [
  ChunkRef,
  ChunkRef,
  ChunkRef,
]

/** Tiers that give every frame, and say which reads began and how each ended. */
class WatchedTiers {
  readonly reads: { chunks: readonly ChunkRef[]; signal: AbortSignal; ended: boolean }[] = []

  async *readChunks(
    _: SignedEntry,
    chunks: readonly ChunkRef[],
    { signal }: ReadOptions = {},
  ): AsyncGenerator<SourcedFrame> {
    const read = { chunks, signal: signal!, ended: false }
    this.reads.push(read)
    try {
      for (const chunk of chunks) yield { chunk, bytes: new Uint8Array(), tier: 'peers' }
    } finally {
      read.ended = true
    }
  }
}

async function digestsOf(frames: AsyncIterable<SourcedFrame>): Promise<string[]> {
  return (await Array.fromAsync(frames)).map(({ chunk }) => chunk.digest)
}

test('a read that has begun is gone on with when it is of what is needed', async (t) => {
  const tiers = new WatchedTiers()
  const content = new ContentRead(tiers, ENTRY, t.signal)
  content.begin([A, B])
  assert.equal(tiers.reads.length, 1)
  assert.deepEqual(await digestsOf(content.frames([A, B])), [A.digest, B.digest])
  assert.equal(tiers.reads.length, 1)
  assert.equal(tiers.reads[0]!.signal.aborted, false)
})

test('a read that has begun is ended when something else is needed', async (t) => {
  const tiers = new WatchedTiers()
  const content = new ContentRead(tiers, ENTRY, t.signal)
  content.begin([A, B])
  assert.deepEqual(await digestsOf(content.frames([B, C])), [B.digest, C.digest])
  assert.deepEqual(
    tiers.reads.map(({ signal }) => signal.aborted),
    [true, false],
  )
})

test('a read that fails before anybody takes its frames fails him who does, and no one else', async (t) => {
  const failing = {
    readChunks: (): AsyncIterable<SourcedFrame> => ({
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('gone')) }),
    }),
  }
  const content = new ContentRead(failing, ENTRY, t.signal)
  content.begin([A])
  await new Promise((resolve) => setImmediate(resolve))
  await assert.rejects(digestsOf(content.frames([A])), /gone/)
})

test('who takes only some frames, or none, leaves no read open', async (t) => {
  const tiers = new WatchedTiers()
  const content = new ContentRead(tiers, ENTRY, t.signal)
  content.begin([A, B])
  for await (const frame of content.frames([A, B])) {
    assert.equal(frame.chunk, A)
    break
  }
  assert.equal(tiers.reads[0]!.ended, true)
  const unread = new ContentRead(tiers, ENTRY, t.signal)
  unread.begin([C])
  unread.stop()
  assert.equal(tiers.reads[1]!.signal.aborted, true)
  while (!tiers.reads[1]!.ended) await new Promise((resolve) => setImmediate(resolve))
})
