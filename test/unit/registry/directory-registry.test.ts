import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { deriveSwarmKeys } from '../../../src/identity/identity.ts'
import { DirectoryRegistry } from '../../../src/registry/directory-registry.ts'
import { createRecord, registryContract } from '../../contract/registry.ts'

const keys = deriveSwarmKeys('the swarm key of a test', 'octocat/hello')
const DAY_MS = 24 * 60 * 60_000

async function createPath(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'swarmcache-registry-'))
  t.after(() => rm(path, { recursive: true, force: true }))
  return path
}

/** Makes a file look as if it had not been touched for so long. */
async function age(path: string, milliseconds: number): Promise<void> {
  const time = new Date(Date.now() - milliseconds)
  await utimes(path, time, time)
}

registryContract('DirectoryRegistry', async (t) => {
  const path = await createPath(t)
  return () => new DirectoryRegistry({ keys }, { path })
})

test('two swarms that share a folder see nothing of each other', async (t) => {
  const path = await createPath(t)
  const others = deriveSwarmKeys('the swarm key of a test', 'octocat/other')
  await new DirectoryRegistry({ keys }, { path }).announce(createRecord())
  assert.deepEqual(await new DirectoryRegistry({ keys: others }, { path }).discover(), [])
})

test('who reads the folder without the key finds no peer id, address or repository in names or content', async (t) => {
  const path = await createPath(t)
  const record = createRecord()
  await new DirectoryRegistry({ keys }, { path }).announce(record)
  const [place] = await readdir(path)
  const names = await readdir(join(path, place!))
  assert.deepEqual(names, [`${keys.recordName(record.peerId)}.jwe`])
  const sealed = await readFile(join(path, place!, names[0]!), 'utf8')
  const decoded = sealed.split('.').map((part) => Buffer.from(part, 'base64url').toString('latin1'))
  const visible = [place, ...names, sealed, ...decoded].join('\n').toLowerCase()
  for (const secret of [record.peerId, '/ip4/192.0.2.1', '/tcp/4001', 'octocat/hello', '"role"']) {
    assert.ok(!visible.includes(secret.toLowerCase()), secret)
  }
})

test('who writes to the folder without the key plants nothing', async (t) => {
  const path = await createPath(t)
  const registry = new DirectoryRegistry({ keys }, { path })
  const record = createRecord()
  await registry.announce(record)
  const folder = join(path, keys.place)
  const good = join(folder, `${keys.recordName(record.peerId)}.jwe`)
  const planted = (digit: string): string => join(folder, `${digit.repeat(64)}.jwe`)

  const foreign = deriveSwarmKeys('the key of an attacker', 'octocat/hello')
  await writeFile(planted('a'), await foreign.seal(createRecord()))
  await writeFile(planted('b'), JSON.stringify(createRecord()))
  await writeFile(planted('c'), Buffer.alloc(1024 * 1024, 'x'))
  await writeFile(planted('d'), '')
  // A good record under another name, so that it would live on after its peer withdrew.
  await writeFile(planted('e'), await readFile(good))
  await symlink(good, planted('f'))
  await writeFile(join(folder, 'README'), 'something else that was here')
  if (process.platform !== 'win32') execFileSync('mkfifo', [planted('1')])

  assert.deepEqual(await registry.discover(), [record])
  assert.equal((await readdir(folder)).length, process.platform === 'win32' ? 8 : 9)
})

test('stale records, and what cannot be opened for a day, are swept; everything else is left', async (t) => {
  const path = await createPath(t)
  const registry = new DirectoryRegistry({ keys }, { path })
  const folder = join(path, keys.place)
  const [fresh, late, stale] = [createRecord(), createRecord(-1000), createRecord(-DAY_MS)]
  for (const record of [fresh, late, stale]) await registry.announce(record)
  const fileOf = (name: string): string => `${name.repeat(64).slice(0, 64)}.jwe`
  await writeFile(join(folder, fileOf('a')), 'not ours, new')
  await writeFile(join(folder, fileOf('b')), 'not ours, old')
  const draft = `${'c'.repeat(64)}.0123456789ab.tmp`
  await writeFile(join(folder, draft), 'left by a killed process')
  await writeFile(join(folder, 'notes.txt'), 'of somebody')
  for (const name of [fileOf('b'), draft, 'notes.txt']) await age(join(folder, name), 2 * DAY_MS)
  const freshName = `${keys.recordName(fresh.peerId)}.jwe`
  // Written long ago, but it is good for long too.
  await age(join(folder, freshName), 2 * DAY_MS)

  assert.deepEqual(await registry.discover(), [fresh])
  const left = new Set(await readdir(folder))
  const lateName = `${keys.recordName(late.peerId)}.jwe`
  assert.deepEqual(left, new Set([freshName, lateName, fileOf('a'), 'notes.txt']))
})

test('of very many records the newest 512 are read', { timeout: 30_000 }, async (t) => {
  const path = await createPath(t)
  const registry = new DirectoryRegistry({ keys }, { path })
  const newest = createRecord()
  await registry.announce(newest)
  const folder = join(path, keys.place)
  for (let count = 0; count < 600; count += 1) {
    const file = join(folder, `${count.toString(16).padStart(64, '0')}.jwe`)
    await writeFile(file, 'rubbish')
    await age(file, 10_000 + count)
  }
  assert.deepEqual(await registry.discover(), [newest])
})

test(
  'a watch set up before the folder exists hears the first announcement',
  { timeout: 20_000 },
  async (t) => {
    const path = join(await createPath(t), 'not', 'yet')
    const heard = Promise.withResolvers<void>()
    t.after(new DirectoryRegistry({ keys }, { path }).watch(heard.resolve))
    await new DirectoryRegistry({ keys }, { path }).announce(createRecord())
    await heard.promise
  },
)

test('a folder that cannot be used fails the call and not the process', async (t) => {
  const path = join(await createPath(t), 'file')
  await writeFile(path, '')
  const registry = new DirectoryRegistry({ keys }, { path })
  await assert.rejects(registry.announce(createRecord()))
  await assert.rejects(registry.discover())
  registry.watch(() => {})()
})
