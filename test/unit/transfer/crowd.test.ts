import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualCrowd } from '../../support/virtual-crowd.ts'
import type { VirtualHost } from '../../support/virtual-crowd.ts'

const OPTIONS = { timeout: 30_000 }
// Bytes per millisecond of 100 Mbit/s.
const RATE = 12_500
const LINK: VirtualHost = { up: RATE, down: RATE }
const HOLDER: VirtualHost = { ...LINK, isHolder: true }
const CHUNK_BYTES = 128 * 1024

function runners(count: number, link = LINK): VirtualHost[] {
  return Array.from({ length: count }, () => link)
}

test(
  'eight that start together get everything about as fast as one could, from little more than one copy',
  OPTIONS,
  async () => {
    const crowd = new VirtualCrowd([HOLDER, ...runners(8)], 256, CHUNK_BYTES)
    crowd.start()
    const [holder, ...others] = await crowd.run()
    const boundMs = crowd.bytes / RATE
    for (const { error, endedMs } of others) {
      assert.equal(error, undefined)
      assert.ok(endedMs! < 1.15 * boundMs, `${endedMs} ms, the bound is ${boundMs} ms`)
    }
    assert.ok(holder!.sentBytes < 1.05 * crowd.bytes, `${holder!.sentBytes / crowd.bytes} F`)
  },
)

test('one at a tenth of the rate holds nobody up', OPTIONS, async () => {
  const slow = { up: RATE / 10, down: RATE / 10 }
  const crowd = new VirtualCrowd([HOLDER, ...runners(7), slow], 256, CHUNK_BYTES)
  crowd.start()
  const [, ...others] = await crowd.run()
  const boundMs = crowd.bytes / RATE
  for (const { error, endedMs } of others.slice(0, -1)) {
    assert.equal(error, undefined)
    assert.ok(endedMs! < 1.5 * boundMs, `${endedMs} ms, the bound is ${boundMs} ms`)
  }
  assert.ok(others.at(-1)!.endedMs! < 12 * boundMs)
})

test(
  'when the holder is gone after its last chunk they finish from each other',
  OPTIONS,
  async () => {
    const crowd = new VirtualCrowd([HOLDER, ...runners(8)], 256, CHUNK_BYTES)
    const [holder] = crowd.nodes
    crowd.start()
    await crowd.time.run(() => {
      const held = new Set(crowd.nodes.slice(1).flatMap((node) => [...node.held]))
      return held.size === crowd.chunks.length
    }, 60_000)
    assert.ok(crowd.nodes.slice(1).every((node) => !node.hasEnded))
    holder!.kill()
    const [, ...others] = await crowd.run()
    for (const { error } of others) assert.equal(error, undefined)
  },
)

test(
  'when the holder is gone halfway they share what there is and say soon that the rest is nowhere',
  OPTIONS,
  async () => {
    const crowd = new VirtualCrowd([HOLDER, ...runners(8)], 256, CHUNK_BYTES)
    const [holder, ...others] = crowd.nodes
    crowd.start()
    await crowd.time.run(() => holder!.sentBytes > crowd.bytes / 2, 60_000)
    const killedMs = crowd.time.now
    holder!.kill()
    const outcomes = (await crowd.run()).slice(1)
    for (const { error, endedMs } of outcomes) {
      assert.equal((error as { code?: string }).code, 'ERR_PEER')
      assert.ok(endedMs! - killedMs < 2500, `only after ${endedMs! - killedMs} ms`)
    }
    const union = new Set(others.flatMap((node) => [...node.held]))
    for (const node of others) assert.equal(node.held.size, union.size)
  },
)

test('two holders share a crowd between them', OPTIONS, async () => {
  const crowd = new VirtualCrowd([HOLDER, HOLDER, ...runners(6)], 256, CHUNK_BYTES)
  crowd.start()
  const [a, b, ...others] = await crowd.run()
  for (const { error } of others) assert.equal(error, undefined)
  const share = a!.sentBytes / (a!.sentBytes + b!.sentBytes)
  assert.ok(share > 0.35 && share < 0.65, `one sent ${share} of it`)
  const sent = (a!.sentBytes + b!.sentBytes) / crowd.bytes
  assert.ok(sent < 1.9, `they sent ${sent} F`)
})
