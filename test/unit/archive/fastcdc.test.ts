import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  AVERAGE_CHUNK_BYTES,
  MAX_CONTENT_CHUNK_BYTES,
  MIN_CHUNK_BYTES,
  nextCut,
} from '../../../src/archive/fastcdc.ts'
import { digestOf } from '../../../src/core/digest.ts'
import { noise } from '../../support/noise.ts'

const CONTENT = noise(12 * 1024 * 1024, 'a')

const FIRST_SIZES = [
  202_326, 150_168, 197_877, 144_178, 212_947, 200_788, 154_445, 158_033, 134_464, 81_025, 216_649,
  147_100,
]

function cutAll(bytes: Uint8Array): Uint8Array[] {
  const chunks: Uint8Array[] = []
  for (let start = 0; start < bytes.length;) {
    const end = nextCut(bytes, start, bytes.length)
    chunks.push(bytes.subarray(start, end))
    start = end
  }
  return chunks
}

function newBytes(before: Uint8Array, after: Uint8Array): number {
  const known = new Set(cutAll(before).map((chunk) => digestOf(chunk)))
  let bytes = 0
  for (const chunk of cutAll(after)) if (!known.has(digestOf(chunk))) bytes += chunk.length
  return bytes
}

test('the cuts of known content never change, or nothing would deduplicate across versions', () => {
  const sizes = cutAll(CONTENT.subarray(0, 2_000_000)).map((chunk) => chunk.length)
  assert.deepEqual(sizes, FIRST_SIZES)
})

test('chunks have sizes within bounds and about the average', () => {
  const chunks = cutAll(CONTENT)
  for (const chunk of chunks.slice(0, -1)) {
    assert.ok(chunk.length >= MIN_CHUNK_BYTES, `${chunk.length} is too small`)
    assert.ok(chunk.length <= MAX_CONTENT_CHUNK_BYTES, `${chunk.length} is too large`)
  }
  const average = CONTENT.length / chunks.length
  assert.ok(
    average > AVERAGE_CHUNK_BYTES * 0.75 && average < AVERAGE_CHUNK_BYTES * 1.35,
    `${average}`,
  )
})

test('content without variety is cut at the largest size', () => {
  const sizes = cutAll(Buffer.alloc(MAX_CONTENT_CHUNK_BYTES * 2 + 5)).map((c) => c.length)
  assert.deepEqual(sizes, [MAX_CONTENT_CHUNK_BYTES, MAX_CONTENT_CHUNK_BYTES, 5])
})

test('less than the smallest size is one chunk', () => {
  assert.equal(nextCut(CONTENT, 10, 11), 11)
  assert.equal(nextCut(CONTENT, 10, 10 + MIN_CHUNK_BYTES), 10 + MIN_CHUNK_BYTES)
})

for (const inserted of [1, 2, 3, 777]) {
  test(`inserting ${inserted} bytes makes no more than a few chunks new`, () => {
    const place = 5_000_001
    const after = Buffer.concat([
      CONTENT.subarray(0, place),
      noise(inserted, 'b'),
      CONTENT.subarray(place),
    ])
    assert.ok(newBytes(CONTENT, after) <= MAX_CONTENT_CHUNK_BYTES * 3)
  })
}

test('where a chunk ends does not depend on how much follows it', () => {
  const end = nextCut(CONTENT, 1000, CONTENT.length)
  assert.equal(nextCut(CONTENT, 1000, 1000 + MAX_CONTENT_CHUNK_BYTES), end)
})
