import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryShelf } from '../../../src/api-cache/memory-shelf.ts'
import { digestOf } from '../../../src/core/digest.ts'
import { answerShelfContract, makeAnswer } from '../../contract/answer-shelf.ts'

answerShelfContract('MemoryShelf', async () => new MemoryShelf())

test('memory is bounded in bytes, and what does not fit at all is not kept', async () => {
  const limitBytes = 100_000
  const shelf = new MemoryShelf({ limitBytes })
  for (let at = 0; at < 50; at += 1) {
    await shelf.put(makeAnswer('x'.repeat(10_000), { key: digestOf(`${at}`) }))
    assert.ok(shelf.usage().bytes <= limitBytes)
  }
  assert.ok(shelf.usage().answers > 5)
  assert.equal((await shelf.get(digestOf('49'))).length, 1)
  await shelf.put(makeAnswer('x'.repeat(limitBytes), { key: digestOf('large') }))
  assert.deepEqual(await shelf.get(digestOf('large')), [])
})
