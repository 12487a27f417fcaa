import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { Frame } from '../../../src/core/chunk.ts'
import { FrameChecks } from '../../../src/transfer/frame-checks.ts'
import { makeContent } from '../../support/chunks.ts'

const options = { timeout: 30_000 }

/** Enough frames for threads to be started, each with memory of its own. */
async function manyFrames(count = 64): Promise<Frame[]> {
  const content = await makeContent(count, 128 * 1024)
  return content.chunks.map((chunk) => ({
    chunk,
    bytes: new Uint8Array(content.frames.get(chunk.digest)!),
  }))
}

function createChecks(t: TestContext): FrameChecks {
  const checks = new FrameChecks()
  t.after(() => checks.close())
  return checks
}

test('good frames come back whole, few or many at once', options, async (t) => {
  const checks = createChecks(t)
  const frames = await manyFrames()
  const copies = frames.map(({ bytes }) => Buffer.from(bytes))
  const first = await checks.check(frames[0]!)
  assert.ok(copies[0]!.equals(first))
  const others = await Promise.all(frames.slice(1).map((frame) => checks.check(frame)))
  for (const [index, bytes] of others.entries()) assert.ok(copies[index + 1]!.equals(bytes))
  assert.equal(frames.at(-1)!.bytes.length, 0, 'the last one was checked on this thread')
})

test('damaged frames among many are found, and only those', options, async (t) => {
  const checks = createChecks(t)
  const frames = await manyFrames()
  for (const index of [0, 20, 40, 63]) frames[index]!.bytes[5000]! ^= 1
  frames[50] = { ...frames[50]!, bytes: new Uint8Array(100) }
  const results = await Promise.allSettled(frames.map((frame) => checks.check(frame)))
  const bad = results.flatMap((result, index) => (result.status === 'rejected' ? [index] : []))
  assert.deepEqual(bad, [0, 20, 40, 50, 63])
  for (const index of bad) {
    const { reason } = results[index] as PromiseRejectedResult
    assert.equal(reason.code, 'ERR_INTEGRITY')
    assert.ok(reason.message.includes(frames[index]!.chunk.digest))
  }
})

test('closing ends what is under way, and what comes later', options, async () => {
  const checks = new FrameChecks()
  const frames = await manyFrames()
  const results = frames.map((frame) => checks.check(frame))
  const settled = Promise.allSettled(results)
  checks.close()
  const closed = (await settled).filter(
    (result) => result.status === 'rejected' && result.reason.code === 'ERR_CLOSED',
  )
  assert.ok(closed.length > 40, `${closed.length} were ended`)
  await assert.rejects(checks.check((await manyFrames(1))[0]!), { code: 'ERR_CLOSED' })
})
