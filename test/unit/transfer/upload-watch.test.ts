import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Crowds } from '../../../src/transfer/crowds.ts'
import { UploadWatch } from '../../../src/transfer/upload-watch.ts'

const parts = {
  peerId: 'a',
  crowds: new Crowds(() => 0),
  has: async (digests: readonly string[]) => digests.map((digest) => digest !== 'lacking'),
}
const many = Array.from({ length: 100 }, (_, index) => `${index}`)

async function isSpared(digests: readonly string[], grows: boolean): Promise<boolean> {
  const watch = new UploadWatch(parts, { manifest: 'm', digests, grows })
  await watch.start(() => {})
  watch.close()
  return watch.isSpared
}

test('a holder of all is spared by who wants much, or little at a time', async () => {
  assert.equal(await isSpared(many, false), true)
  assert.equal(await isSpared(['1'], true), true)
  assert.equal(await isSpared(['1'], false), false)
  assert.equal(await isSpared([...many, 'lacking'], true), false)
})

test('a holder of all stays spared while a reader asks about more', async () => {
  const before = new UploadWatch(parts, { manifest: 'm', digests: many, grows: true })
  await before.start(() => {})
  const watch = new UploadWatch(parts, { manifest: 'm', digests: ['1'], grows: true }, before)
  assert.equal(watch.isSpared, true)
})
