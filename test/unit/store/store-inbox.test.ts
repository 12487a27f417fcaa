import assert from 'node:assert/strict'
import { existsSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { clearInbox } from '../../../src/core/inbox.ts'
import { openStore, temporaryHome } from '../../support/disk-homes.ts'
import { writeFrames } from '../../support/inbox.ts'
import { noise } from '../../support/noise.ts'
import { contentOf } from '../../support/stored-content.ts'

const options = { timeout: 20_000 }

test('files in the inbox become chunks, counted as if they had been put', options, async (t) => {
  const { frames } = await contentOf(['one', 'two', noise(50_000)])
  const byPut = await openStore(t, await temporaryHome(t))
  for (const frame of frames) await byPut.put(frame)
  const store = await openStore(t, await temporaryHome(t))
  const inbox = await store.inbox()
  await inbox.take(writeFrames(inbox, frames))
  for (const { chunk, bytes } of frames) {
    assert.deepEqual(Buffer.from((await store.get(chunk.digest))!.bytes), Buffer.from(bytes))
  }
  assert.deepEqual(await store.usage(), await byPut.usage())
  assert.deepEqual(readdirSync(inbox.folder), [])
  assert.deepEqual((await store.verify({ deep: true })).problems, [])
})

test('a file of a chunk that is held is removed and not counted again', options, async (t) => {
  const { frames } = await contentOf(['one'])
  const store = await openStore(t, await temporaryHome(t))
  await store.put(frames[0]!)
  const before = await store.usage()
  const inbox = await store.inbox()
  await inbox.take(writeFrames(inbox, frames))
  assert.deepEqual(await store.usage(), before)
  assert.deepEqual(readdirSync(inbox.folder), [])
})

test(
  'a file of another size, a missing one and a name elsewhere are refused',
  options,
  async (t) => {
    const home = await temporaryHome(t)
    const { frames } = await contentOf(['one'])
    const store = await openStore(t, home)
    const before = await store.usage()
    const inbox = await store.inbox()
    const [written] = writeFrames(inbox, frames)
    writeFileSync(join(inbox.folder, written!.name), 'cut')
    await assert.rejects(inbox.take([written!]), { code: 'ERR_STORE' })
    assert.deepEqual(readdirSync(inbox.folder), [])
    await assert.rejects(inbox.take([written!]), { code: 'ERR_STORE' })
    writeFileSync(join(home, 'elsewhere'), 'mine')
    const name = '../../../elsewhere'
    await assert.rejects(inbox.take([{ ...written!, name }]), { code: 'ERR_STORE' })
    assert.ok(existsSync(join(home, 'elsewhere')))
    assert.deepEqual(await store.has([frames[0]!.chunk.digest]), [false])
    assert.deepEqual(await store.usage(), before)
  },
)

test('a damaged file is a miss once it is read', options, async (t) => {
  const { frames } = await contentOf(['one'])
  const store = await openStore(t, await temporaryHome(t))
  const inbox = await store.inbox()
  const [written] = writeFrames(inbox, frames)
  const size = 16 + frames[0]!.bytes.length
  writeFileSync(join(inbox.folder, written!.name), Buffer.alloc(size, 'x'))
  await inbox.take([written!])
  assert.equal(await store.get(frames[0]!.chunk.digest), undefined)
  assert.deepEqual(await store.has([frames[0]!.chunk.digest]), [false])
})

test('a full store takes no file', options, async (t) => {
  const { frames } = await contentOf([noise(60_000, 'a'), noise(60_000, 'b')])
  const store = await openStore(t, await temporaryHome(t), { limitBytes: 100_000 })
  const inbox = await store.inbox()
  const written = writeFrames(inbox, frames)
  await assert.rejects(inbox.take(written), { code: 'ERR_STORE', message: /is full/ })
  assert.ok((await store.usage()).bytes <= 100_000)
  clearInbox(inbox)
  assert.deepEqual(readdirSync(inbox.folder), [])
})

test(
  'what a killed process left in an inbox goes when it is old, and nothing younger',
  options,
  async (t) => {
    const { frames } = await contentOf(['one', 'two'])
    const store = await openStore(t, await temporaryHome(t))
    const left = await store.inbox()
    const [old, young] = writeFrames(left, frames)
    const anHourAgo = Date.now() / 1000 - 3600
    utimesSync(join(left.folder, old!.name), anHourAgo, anHourAgo)
    await store.inbox()
    assert.deepEqual(readdirSync(left.folder), [young!.name])
  },
)
