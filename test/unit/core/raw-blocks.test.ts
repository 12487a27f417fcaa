import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { checkFrameSync, makeFrameSync, openFrameSync } from '../../../src/core/chunk.ts'
import { digestOf } from '../../../src/core/digest.ts'
import { rawBlocks, rawFrame } from '../../../src/core/raw-blocks.ts'

const SIZES = [9, 100, 255, 256, 300, 65_791, 65_792, 100_000, 131_072, 131_073, 400_000, 1_048_576]

test('content that does not compress is found as it is in its frame, at every size', () => {
  for (const size of SIZES) {
    const plain = randomBytes(size)
    const blocks = rawBlocks(makeFrameSync(plain), size)
    assert.ok(blocks !== undefined, `${size} bytes`)
    assert.ok(Buffer.concat(blocks).equals(plain), `${size} bytes`)
  }
})

test('a frame that is made without compressing is one like any other, at every size', () => {
  for (const size of [1, ...SIZES]) {
    const plain = randomBytes(size)
    const frame = rawFrame(plain)
    const opened = openFrameSync({ chunk: { digest: digestOf(plain), bytes: size }, bytes: frame })
    assert.ok(plain.equals(opened), `${size} bytes`)
    assert.ok(Buffer.concat(rawBlocks(frame, size) ?? []).equals(plain), `${size} bytes`)
  }
})

test('content that compresses has to be decompressed', () => {
  assert.equal(rawBlocks(makeFrameSync(Buffer.alloc(100_000, 'abc')), 100_000), undefined)
  const half = Buffer.concat([randomBytes(131_072), Buffer.alloc(131_072)])
  assert.equal(rawBlocks(makeFrameSync(half), half.length), undefined)
})

test('a frame passes the check if and only if it can be opened, wherever a bit of it is changed', () => {
  for (const size of [300, 600_000]) {
    const plain = randomBytes(size)
    const chunk = { digest: digestOf(plain), bytes: plain.length }
    const frame = makeFrameSync(plain)
    const variants = [
      frame,
      frame.subarray(0, -1),
      frame.subarray(0, 8),
      Buffer.concat([frame, frame]),
    ]
    for (let bit = 0; bit < 8 * 40; bit += 1) {
      const changed = Buffer.from(frame)
      changed[bit >> 3]! ^= 1 << (bit & 7)
      variants.push(changed)
    }
    for (const [index, bytes] of variants.entries()) {
      const passes = succeeds(() => checkFrameSync({ chunk, bytes }))
      const opens = succeeds(() => openFrameSync({ chunk, bytes }))
      assert.equal(passes, opens, `variant ${index} of ${size} bytes`)
    }
  }
})

function succeeds(work: () => unknown): boolean {
  try {
    work()
    return true
  } catch {
    return false
  }
}
