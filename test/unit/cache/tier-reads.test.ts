import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readTiers } from '../../../src/cache/tier-reads.ts'
import type { FetchFromPeers } from '../../../src/cache/tier-reads.ts'
import type { Frame } from '../../../src/core/chunk.ts'
import { isSwarmCacheError } from '../../../src/core/errors.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { MemoryStore } from '../../../src/store/memory-store.ts'
import { REPOSITORY, makeSample } from '../../support/sample-entries.ts'

/** Peers of which the first lies about every chunk; who sent what was refused is noted. */
function peersWithLiar(frames: readonly Frame[], refused: string[]): FetchFromPeers {
  const byDigest = new Map(frames.map((frame) => [frame.chunk.digest, frame]))
  return async function* (chunks, _signal, verify) {
    for (const chunk of chunks) {
      const good = byDigest.get(chunk.digest)!
      for (const [peer, bytes] of [
        ['liar', new Uint8Array(9)] as const,
        ['honest', good.bytes] as const,
      ]) {
        try {
          await verify?.({ chunk, bytes }, peer)
          yield { chunk, bytes, tier: 'peers', peer }
          break
        } catch (error) {
          if (!isSwarmCacheError(error, 'ERR_INTEGRITY')) throw error
          refused.push(peer)
        }
      }
    }
  }
}

test('a reader that opens frames itself refuses a bad one, and only the good one is kept', async () => {
  const { frames } = await makeSample('key')
  const store = new MemoryStore({ repository: REPOSITORY, limitBytes: 1e6 })
  const refused: string[] = []
  const parts = { store, logger: silentLogger, fetch: peersWithLiar(frames, refused) }
  const chunks = frames.map(({ chunk }) => chunk)
  const seen: string[] = []
  for await (const frame of readTiers(parts, chunks, { unopened: true })) {
    assert.deepEqual(await store.has([frame.chunk.digest]), [false], 'nothing unopened is kept')
    seen.push(frame.peer!)
    frame.settle!(frame.peer === 'honest')
  }
  assert.deepEqual(seen, ['liar', 'honest', 'liar', 'honest', 'liar', 'honest'])
  assert.deepEqual(refused, ['liar', 'liar', 'liar'])
  for (const { chunk, bytes } of frames) {
    const kept = await store.get(chunk.digest)
    assert.deepEqual(Buffer.from(kept?.bytes ?? []), Buffer.from(bytes))
  }
})

test('a reader that leaves while frames are unopened ends the fetch, and they are not kept', async () => {
  const { frames } = await makeSample('key')
  const store = new MemoryStore({ repository: REPOSITORY, limitBytes: 1e6 })
  const parts = { store, logger: silentLogger, fetch: peersWithLiar(frames, []) }
  const chunks = frames.map(({ chunk }) => chunk)
  for await (const frame of readTiers(parts, chunks, { unopened: true })) {
    assert.notEqual(frame.settle, undefined)
    break
  }
  assert.deepEqual(await store.has(chunks.map(({ digest }) => digest)), [false, false, false])
})

test('stored frames come opened by whoever kept them, and nothing waits for their settling', async () => {
  const { frames } = await makeSample('key')
  const store = new MemoryStore({ repository: REPOSITORY, limitBytes: 1e6 })
  for (const frame of frames) await store.put(frame)
  const parts = { store, logger: silentLogger, fetch: undefined }
  const chunks = frames.map(({ chunk }) => chunk)
  const read = await Array.fromAsync(readTiers(parts, chunks, { unopened: true }))
  assert.equal(read.length, frames.length)
  assert.ok(read.every(({ settle }) => settle === undefined))
})
