import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStore, temporaryHome } from '../../support/disk-homes.ts'
import { noise } from '../../support/noise.ts'
import { contentOf } from '../../support/stored-content.ts'

const options = { timeout: 30_000 }

function leftAside(home: string): string[] {
  return globSync(join(home, 'v1/*/tmp/*'))
}

test('a frame put aside is no chunk until it is kept, and then counts once', options, async (t) => {
  const home = await temporaryHome(t)
  const store = await openStore(t, home)
  const { frames } = await contentOf(['content'])
  const frame = frames[0]!
  const { digest } = frame.chunk
  const [aside, other] = [await store.putAside(frame), await store.putAside(frame)]
  const { path, position, bytes } = aside.place
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.deepEqual(
    readFileSync(path).subarray(position, position + bytes),
    Buffer.from(frame.bytes),
  )
  assert.deepEqual(await store.has([digest]), [false])
  assert.deepEqual(await store.locate([digest]), [undefined])
  assert.equal((await store.usage()).chunks, 0)
  await aside.keep()
  aside.drop()
  await other.keep()
  const [place] = (await store.locate([digest]))!
  assert.deepEqual(Buffer.from((await store.get(digest))!.bytes), Buffer.from(frame.bytes))
  assert.deepEqual(
    readFileSync(place!.path).subarray(place!.position, place!.position + place!.bytes),
    Buffer.from(frame.bytes),
  )
  assert.deepEqual(leftAside(home), [])
  const usage = await store.usage()
  assert.equal(usage.chunks, 1)
  await store.verify({ deep: true })
  assert.deepEqual(await store.usage(), usage)
})

test('frames aside count against the bound until they are dropped', options, async (t) => {
  const store = await openStore(t, await temporaryHome(t), { limitBytes: 10_000 })
  const { frames } = await contentOf([noise(6000, 'one'), noise(6000, 'two')])
  const aside = await store.putAside(frames[0]!)
  await assert.rejects(store.putAside(frames[1]!), { code: 'ERR_STORE' })
  aside.drop()
  await store.evict()
  await (await store.putAside(frames[1]!)).keep()
  assert.equal((await store.usage()).chunks, 1)
})

test('what a killed process had put aside is gone with the next opening', options, async (t) => {
  const home = await temporaryHome(t)
  const script = `
    const { DiskStore } = await import(${JSON.stringify(import.meta.resolve('../../../src/store/disk-store.ts'))})
    const { contentOf, REPOSITORY } = await import(${JSON.stringify(import.meta.resolve('../../support/stored-content.ts'))})
    const store = await DiskStore.open({ home: ${JSON.stringify(home)}, repository: REPOSITORY, limitBytes: 1e9 })
    const { frames } = await contentOf(['one', 'two'])
    for (const frame of frames) await store.putAside(frame)
    console.log('put aside')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  const beside = await openStore(t, home)
  assert.equal(leftAside(home).length, 2, 'those of a living process stay')
  assert.deepEqual((await beside.verify({ deep: true })).problems, [])
  assert.equal(leftAside(home).length, 2, 'those of a living process stay')
  child.kill('SIGKILL')
  await once(child, 'close')
  const next = await openStore(t, home)
  assert.deepEqual(leftAside(home), [])
  const report = await next.verify({ deep: true })
  assert.deepEqual(report.problems, [])
  assert.equal(report.chunks, 0)
})
