import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { openStore, temporaryHome } from '../../support/disk-homes.ts'
import {
  contentOf,
  entryFor,
  MAIN,
  REPOSITORY,
  saveTo,
  VERSION,
} from '../../support/stored-content.ts'

const limits = { timeout: 30_000 }
const query = { repository: REPOSITORY, scopes: [MAIN], restoreKeys: [], version: VERSION }

test('a home that is a file, or below one, is refused naming the path and what to do', async (t) => {
  const folder = await temporaryHome(t)
  const file = join(folder, 'file')
  writeFileSync(file, '')
  for (const home of [file, join(file, 'below')]) {
    await assert.rejects(openStore(t, home), (error: Error & { code: string }) => {
      assert.equal(error.code, 'ERR_STORE')
      assert.ok(error.message.includes(home), error.message)
      assert.match(error.message, /A file is in the way: remove it, or set SWARMCACHE_HOME/)
      return true
    })
  }
})

test('folders and files are for their owner only', async (t) => {
  const home = join(await temporaryHome(t), 'new')
  const store = await openStore(t, home)
  await saveTo(store, await contentOf(['catalog', 'content']))
  const paths = globSync(join(home, '**')).filter((path) => path !== join(home, ''))
  assert.ok(paths.length > 10)
  for (const path of [home, ...paths]) {
    const stats = statSync(path)
    const expected = stats.isDirectory() ? 0o700 : 0o600
    assert.equal(stats.mode & 0o777, expected, path)
  }
})

test('what one store saves another on the same home finds at once', async (t) => {
  const home = await temporaryHome(t)
  const [one, two] = [await openStore(t, home), await openStore(t, home)]
  const content = await contentOf(['catalog', 'content'])
  assert.equal(await saveTo(one, content), true)
  assert.equal((await two.findEntry({ ...query, key: 'linux-' }))?.entry.key, 'linux-npm-1')
  assert.equal(await saveTo(two, content), false)
  await two.removeEntry(entryFor(content))
  assert.equal(await one.findEntry({ ...query, key: 'linux-npm-1' }), undefined)
})

test('what was saved is there after closing and opening again, uses included', async (t) => {
  const home = await temporaryHome(t)
  const first = await openStore(t, home)
  await saveTo(first, await contentOf(['catalog', 'content']))
  await first.findEntry({ ...query, key: 'linux-npm-1' })
  const usage = await first.usage()
  await first.close()
  const second = await openStore(t, home)
  assert.deepEqual(await second.usage(), usage)
  assert.equal((await second.entries())[0]?.uses, 1)
})

test('repositories of one home see nothing of each other', async (t) => {
  const home = await temporaryHome(t)
  const ours = await openStore(t, home)
  const theirs = await openStore(t, home, { repository: 'octo-org/other' })
  const content = await contentOf(['catalog', 'content'])
  await saveTo(ours, content)
  const digests = content.frames.map((frame) => frame.chunk.digest)
  assert.deepEqual(await theirs.has(digests), [false, false])
  assert.equal(await theirs.get(digests[0] ?? ''), undefined)
  assert.equal(await theirs.getManifest(content.manifest), undefined)
  assert.equal(await theirs.getEntry(entryFor(content)), undefined)
  assert.equal(await theirs.findEntry({ ...query, key: 'linux-npm-1' }), undefined)
  assert.deepEqual(await theirs.findNearMisses({ ...query, key: 'linux-npm-1' }), [])
  assert.deepEqual(await theirs.entries(), [])
  const usage = await theirs.usage()
  assert.deepEqual([usage.bytes, usage.chunks, usage.entries], [0, 0, 0])
  assert.equal((await theirs.verify()).chunks, 0)
  assert.equal(await saveTo(theirs, content, { repository: 'octo-org/other' }), true)
  assert.deepEqual((await ours.entries()).length, 1)
  const names = readdirSync(join(home, 'v1')).join()
  assert.ok(!names.includes('octo'), 'folder names tell the repository')
})

test('a frame that is read again soon is kept in memory, within its bound, and then nobody’s own', async (t) => {
  const home = await temporaryHome(t)
  const store = await openStore(t, home, { memoryLimitBytes: 40_000 })
  const content = await contentOf(Array.from({ length: 4 }, (_, index) => randomText(index)))
  await saveTo(store, content)
  const read = async (index: number): Promise<string> => {
    const { tier, isOwned } = (await store.get(content.frames[index]!.chunk.digest))!
    return `${tier}${isOwned === true ? ', owned' : ''}`
  }
  const once = [await read(0), await read(1), await read(2), await read(3)]
  assert.deepEqual(once, Array(4).fill('disk, owned'))
  assert.deepEqual([await read(3), await read(2)], ['disk', 'disk'])
  assert.deepEqual([await read(3), await read(2)], ['memory', 'memory'])
  // So long ago that memory would have been given to others since.
  assert.equal(await read(0), 'disk, owned')
})

test('old leftovers of writers are swept at the next opening, fresh ones are not', async (t) => {
  const home = await temporaryHome(t)
  const store = await openStore(t, home)
  const folder = globSync(join(home, 'v1/*/tmp'))[0] ?? ''
  const [old, fresh] = [join(folder, 'old'), join(folder, 'fresh')]
  for (const path of [old, fresh]) writeFileSync(path, 'half a chunk')
  const hourAgo = Date.now() / 1000 - 3600
  utimesSync(old, hourAgo, hourAgo)
  assert.equal((await store.usage()).chunks, 0)
  await openStore(t, home)
  assert.deepEqual(readdirSync(folder), ['fresh'])
})

test(
  'a write that the disk refuses midway is an error and leaves nothing visible',
  limits,
  async (t) => {
    const home = await temporaryHome(t)
    // A bound on file sizes stands in for a full disk: the write is cut short in the same way.
    const script = `
    const { DiskStore } = await import(${JSON.stringify(import.meta.resolve('../../../src/store/disk-store.ts'))})
    const { digestOf } = await import(${JSON.stringify(import.meta.resolve('../../../src/core/digest.ts'))})
    const store = await DiskStore.open({ home: ${JSON.stringify(home)}, repository: 'a/b', limitBytes: 1e9 })
    const chunk = { digest: digestOf('x'), bytes: 500_000 }
    const error = await store.put({ chunk, bytes: new Uint8Array(400_000) }).catch((error) => error)
    const held = await store.has([chunk.digest])
    console.log(JSON.stringify({ code: error?.code, message: error?.message, held }))
    await store.close()`
    const node = JSON.stringify(process.execPath)
    const limited = `trap '' XFSZ; ulimit -f 200; exec ${node} --input-type=module -`
    const child = spawn('sh', ['-c', limited], { stdio: ['pipe', 'pipe', 'inherit'] })
    t.after(() => child.kill('SIGKILL'))
    child.stdin.end(script)
    let text = ''
    child.stdout.on('data', (bytes: Buffer) => (text += bytes.toString('utf8')))
    await once(child, 'close')
    const answer = JSON.parse(text) as { code: string; message: string; held: boolean[] }
    assert.equal(answer.code, 'ERR_STORE')
    assert.match(answer.message, /^Writing failed at .+\/chunks\/.+EFBIG/)
    assert.deepEqual(answer.held, [false])
    assert.deepEqual(globSync(join(home, 'v1/*/{tmp,chunks/*}/*')), [])
  },
)

test('closing a store whose home was removed does not bring the home back', async (t) => {
  const home = await temporaryHome(t)
  const store = await openStore(t, home)
  await store.put((await contentOf(['one'])).frames[0] ?? assert.fail())
  await rm(home, { recursive: true })
  await store.close()
  assert.equal(statSync(home, { throwIfNoEntry: false }), undefined)
})

test('a home that is removed while it is in use fills again', async (t) => {
  const home = await temporaryHome(t)
  const store = await openStore(t, home)
  const content = await contentOf(['catalog', 'content'])
  await saveTo(store, content)
  const folder = dirname(globSync(join(home, 'v1/*/entries'))[0] ?? '')
  await rm(folder, { recursive: true })
  assert.equal(await store.findEntry({ ...query, key: 'linux-npm-1' }), undefined)
  await assert.rejects(saveTo(store, content), { code: 'ERR_STORE' })
  const reopened = await openStore(t, home)
  assert.equal(await saveTo(reopened, content), true)
})

function randomText(seed: number): Buffer {
  const bytes = Buffer.alloc(12_000)
  let state = seed + 1
  for (let at = 0; at < bytes.length; at += 1) {
    state = (state * 48_271) % 2_147_483_647
    bytes[at] = state & 0xff
  }
  return bytes
}
