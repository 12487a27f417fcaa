import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Digest } from '../../../src/core/digest.ts'
import type { ChunkChannel } from '../../../src/transfer/chunk-channel.ts'
import type { Task } from '../../../src/transfer/chunk-picker.ts'
import { chunksToRescue } from '../../../src/transfer/endgame.ts'
import { FetchSource } from '../../../src/transfer/fetch-source.ts'

const CHUNK_BYTES = 128 * 1024

/** An idle source, and one that owes three chunks and has delivered a hundred bytes a millisecond so far. */
function makeSources() {
  const idle = new FetchSource('idle', 0, true)
  const slow = new FetchSource('slow', 0, true)
  const channel = { receivedBytes: 0 }
  slow.channel = channel as ChunkChannel
  const tasks = new Map<Digest, Task>()
  for (const [number, digest] of ['a', 'b', 'c', 'd'].entries()) {
    const chunk = { digest, bytes: CHUNK_BYTES }
    tasks.set(digest, {
      chunk,
      number,
      from: new Set([slow]),
      state: 'asked',
      offers: 0,
      offeredAt: 0,
    })
    slow.asked(chunk, 0)
  }
  channel.receivedBytes = CHUNK_BYTES
  slow.delivered('a', CHUNK_BYTES, 1300)
  slow.tick(1300, 1300, 0)
  return { idle, slow, taskOf: (digest: Digest) => tasks.get(digest) }
}

function digestsOf(tasks: readonly Task[]): Digest[] {
  return tasks.map(({ chunk }) => chunk.digest)
}

test('at the end of a fetch what a slow source sends now is asked for twice, and the rest moves', () => {
  const { idle, slow, taskOf } = makeSources()
  const rescue = chunksToRescue(idle, [slow], { now: 1400, taskOf, gainMs: 50, mayCopy: true })
  assert.deepEqual(digestsOf(rescue.copied), ['b'])
  assert.deepEqual(digestsOf(rescue.moved), ['d', 'c'])
})

test('before the end nothing is asked for twice unless its source has fallen silent', () => {
  const { idle, slow, taskOf } = makeSources()
  const options = { taskOf, gainMs: 50, mayCopy: false }
  const rescue = chunksToRescue(idle, [slow], { ...options, now: 1400 })
  assert.deepEqual(digestsOf(rescue.copied), [])
  assert.deepEqual(digestsOf(rescue.moved), ['d', 'c'])
  const later = chunksToRescue(idle, [slow], { ...options, now: 2400 })
  assert.deepEqual(digestsOf(later.copied), ['b'])
})
