import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { subscribe } from '../../../src/core/events.ts'
import type { DiskStore } from '../../../src/store/disk-store.ts'
import { openStore, recordingLogger, temporaryHome } from '../../support/disk-homes.ts'
import {
  contentOf,
  entryFor,
  MAIN,
  REPOSITORY,
  saveTo,
  VERSION,
} from '../../support/stored-content.ts'
import type { Content } from '../../support/stored-content.ts'

const query = { repository: REPOSITORY, scopes: [MAIN], restoreKeys: ['linux-'], version: VERSION }

interface Damaged {
  readonly home: string
  readonly store: DiskStore
  readonly content: Content
  readonly lines: string[]
  /** The only file that matches, below the version folder. */
  readonly file: (pattern: string) => string
}

async function withOneEntry(t: TestContext): Promise<Damaged> {
  const home = await temporaryHome(t)
  const { logger, lines } = recordingLogger()
  const store = await openStore(t, home, { logger, memoryLimitBytes: 0 })
  const content = await contentOf(['the catalog', 'the content '.repeat(500)])
  await saveTo(store, content)
  const file = (pattern: string): string => {
    const [path, ...others] = globSync(join(home, 'v1', pattern))
    assert.ok(path !== undefined && others.length === 0, `${pattern}: ${path} ${others.join()}`)
    return path
  }
  return { home, store, content, lines, file }
}

/** What can happen to the bytes of a file. */
const damages: Record<string, (bytes: Buffer) => Buffer> = {
  emptied: () => Buffer.alloc(0),
  'cut inside its header': (bytes) => bytes.subarray(0, 9),
  'cut at its end': (bytes) => bytes.subarray(0, -1),
  'with a byte too many': (bytes) => Buffer.concat([bytes, Buffer.from([0])]),
  'far too long': (bytes) => Buffer.concat([bytes, Buffer.alloc(4 * 1024 * 1024)]),
  'with another magic': (bytes) => flip(bytes, 0),
  'with a flipped bit in its plain size': (bytes) => flip(bytes, 7),
  'with a plain size over any chunk': (bytes) => flip(bytes, 4),
  'with a flipped bit in its frame size': (bytes) => flip(bytes, 11),
  'with a flipped bit in its checksum': (bytes) => flip(bytes, 13),
  'with a flipped bit in its frame': (bytes) => flip(bytes, 30),
  'full of zeros': (bytes) => Buffer.alloc(bytes.length),
}

function flip(bytes: Buffer, offset: number): Buffer {
  const changed = Buffer.from(bytes)
  changed[offset] = (changed[offset] ?? 0) ^ 0x40
  return changed
}

describe('a chunk file', () => {
  for (const [how, damage] of Object.entries(damages)) {
    test(`${how} is a miss, told once, and can be put again`, async (t) => {
      const { store, content, lines, file } = await withOneEntry(t)
      const frame = content.frames[1]
      assert.ok(frame)
      const path = file(`*/chunks/*/${frame.chunk.digest}`)
      writeFileSync(path, damage(readFileSync(path)))
      const told: string[] = []
      t.after(subscribe('chunk:corrupt', ({ where }) => told.push(where)))
      assert.equal(await store.get(frame.chunk.digest), undefined)
      assert.equal(await store.get(frame.chunk.digest), undefined)
      assert.deepEqual(told, [path])
      assert.equal(lines.length, 1)
      assert.match(lines[0] ?? '', /^warning The chunk file .+ is damaged: .+ It was removed\.$/)
      assert.ok(lines[0]?.includes(path))
      assert.deepEqual(await store.has([frame.chunk.digest]), [false])
      await store.put(frame)
      const again = await store.get(frame.chunk.digest)
      assert.deepEqual(Buffer.from(again?.bytes ?? []), Buffer.from(frame.bytes))
      assert.deepEqual((await store.verify({ deep: true })).problems, [])
    })
  }

  test("under another chunk's name is a miss", async (t) => {
    const { store, content, file } = await withOneEntry(t)
    const [catalog, other] = content.frames.map((frame) => frame.chunk.digest)
    await rename(file(`*/chunks/*/${catalog}`), file(`*/chunks/*/${other}`))
    assert.equal(await store.get(other ?? ''), undefined)
  })

  test('damaged is found by a check, which removes it and the entry that needs it', async (t) => {
    const { store, content, file } = await withOneEntry(t)
    const digest = content.frames[1]?.chunk.digest ?? ''
    truncateSync(file(`*/chunks/*/${digest}`), 40)
    const report = await store.verify()
    assert.deepEqual([report.chunks, report.entries, report.orphans], [1, 0, 2])
    assert.match(report.problems[0] ?? '', /chunk file .+ is damaged: its frame has 24 bytes/)
    assert.match(report.problems[1] ?? '', /entry "linux-npm-1" of refs\/heads\/main is incomplete/)
    assert.equal(await store.findEntry({ ...query, key: 'linux-npm-1' }), undefined)
    assert.deepEqual((await store.verify()).problems, [])
    assert.equal((await store.usage()).chunks, 1)
  })
})

test('a damaged manifest file is a miss, and a check removes the entry that needs it', async (t) => {
  const { store, content, lines, file } = await withOneEntry(t)
  const path = file(`*/manifests/*/${content.manifest}`)
  writeFileSync(path, flip(readFileSync(path), 20))
  assert.equal(await store.getManifest(content.manifest), undefined)
  assert.ok(lines[0]?.includes(path))
  const report = await store.verify()
  assert.match(report.problems.join(), /its manifest [0-9a-f]{64} is not stored\. It was removed/)
  assert.deepEqual(await store.entries(), [])
})

describe('an entry file', () => {
  const texts: Record<string, (text: string) => string> = {
    emptied: () => '',
    cut: (text) => text.slice(0, -5),
    'of another form': () => '[]',
    'with a field of the wrong type': (text) => text.replace('"created":1000000', '"created":"1"'),
    'of another key': (text) => text.replace('linux-npm-1', 'linux-npm-2'),
    'of another repository': (text) => text.replace(REPOSITORY, 'octo-org/other'),
    'whose signature fails': (text) => text.replace('c2lnbmF0dXJl', 'Zm9yZ2Vk'),
    'far too long': (text) => text + ' '.repeat(200_000),
  }
  for (const [how, damage] of Object.entries(texts)) {
    test(`${how} is set aside with a warning that names it, and others are still found`, async (t) => {
      const home = await temporaryHome(t)
      const { logger, lines } = recordingLogger()
      const verifyEntry = (entry: { signature: string }): boolean => entry.signature !== 'Zm9yZ2Vk'
      const store = await openStore(t, home, { logger, verifyEntry })
      const content = await contentOf(['catalog'])
      await saveTo(store, content)
      const [path = ''] = globSync(join(home, 'v1/*/entries/*.json'))
      await saveTo(store, content, { key: 'linux-npm-0', created: 1 })
      writeFileSync(path, damage(readFileSync(path, 'utf8')))
      const match = await store.findEntry({ ...query, key: 'linux-npm-1' })
      assert.equal(match?.entry.key, 'linux-npm-0')
      assert.equal(lines.length, 1)
      assert.ok(lines[0]?.startsWith(`warning The entry file ${path} is damaged: `), lines[0])
      assert.equal(globSync(join(home, 'v1/*/damaged/*.json')).length, 1)
      assert.equal((await store.entries()).length, 1)
      // The name is free again.
      assert.equal(await saveTo(store, content), true)
      assert.equal((await store.findEntry({ ...query, key: 'linux-npm-1' }))?.hit, 'exact')
    })
  }
})

describe('the index', () => {
  /** Damages the closed index of a home with 200 entries and opens it again. */
  async function reopened(
    t: TestContext,
    damage: (path: string) => void | Promise<void>,
  ): Promise<{
    store: DiskStore
    lines: string[]
    path: string
    home: string
  }> {
    const home = await temporaryHome(t)
    const first = await openStore(t, home)
    const content = await contentOf(['catalog', 'content'])
    for (let count = 0; count < 200; count += 1) {
      await saveTo(first, content, { key: `linux-${count}`, created: count })
    }
    await first.close()
    const path = join(home, 'v1/index/index.db')
    await damage(path)
    const { logger, lines } = recordingLogger()
    return { store: await openStore(t, home, { logger }), lines, path, home }
  }

  async function assertNothingLost(store: DiskStore): Promise<void> {
    const usage = await store.usage()
    assert.deepEqual([usage.entries, usage.chunks], [200, 2])
    assert.ok(usage.bytes > 0)
    const match = await store.findEntry({ ...query, key: 'linux-x' })
    assert.equal(match?.entry.key, 'linux-199')
    assert.deepEqual((await store.verify()).problems, [])
  }

  test('full of garbage is moved aside with a warning and rebuilt', async (t) => {
    const { store, lines, path, home } = await reopened(t, (file) =>
      writeFileSync(file, 'garbage '.repeat(1000)),
    )
    await assertNothingLost(store)
    assert.equal(lines.length, 1)
    assert.match(lines[0] ?? '', /warning The index .+ is damaged .+ rebuilt from the entry files/)
    assert.ok(lines[0]?.includes(path))
    const aside = (await readdir(join(home, 'v1'))).filter((name) => name.startsWith('index.'))
    assert.equal(aside.length, 1)
    assert.equal(existsSync(join(home, 'v1', aside[0] ?? '', 'index.db')), true)
  })

  test('with bad pages is moved aside and rebuilt', async (t) => {
    const { store, lines } = await reopened(t, (file) => {
      const bytes = readFileSync(file)
      assert.ok(bytes.length > 3 * 4096)
      // All pages but the first, which holds the schema.
      bytes.fill(0xa5, 4096)
      writeFileSync(file, bytes)
    })
    await assertNothingLost(store)
    assert.equal(lines.length, 1)
  })

  test('cut in the middle is moved aside and rebuilt', async (t) => {
    const { store, lines } = await reopened(t, (file) => truncateSync(file, 3 * 4096))
    await assertNothingLost(store)
    assert.equal(lines.length, 1)
  })

  test('of an unknown version is moved aside and rebuilt', async (t) => {
    const { store, lines } = await reopened(t, (file) => {
      const bytes = readFileSync(file)
      bytes.writeUInt32BE(77, 60)
      writeFileSync(file, bytes)
    })
    await assertNothingLost(store)
    assert.match(lines[0] ?? '', /unknown version 77/)
  })

  test('that is gone is rebuilt without a word', async (t) => {
    const { store, lines } = await reopened(t, (file) => rm(file, { force: true }))
    await assertNothingLost(store)
    assert.deepEqual(lines, [])
  })

  test('damaged while two stores use it is rebuilt by one of them, and both go on', async (t) => {
    const { store, lines, path, home } = await reopened(t, () => {})
    const { logger, lines: otherLines } = recordingLogger()
    const other = await openStore(t, home, { logger })
    const bytes = readFileSync(path)
    writeFileSync(path, Buffer.alloc(bytes.length, 0xa5))
    await rm(`${path}-wal`)
    await rm(`${path}-shm`)
    const content = await contentOf(['catalog', 'content'])
    for (let count = 200; count < 210; count += 1) {
      const key = `linux-${count}`
      assert.equal(
        await saveTo(count % 2 === 0 ? store : other, content, { key, created: count }),
        true,
      )
    }
    for (const one of [store, other]) {
      assert.equal((await one.usage()).entries, 210)
      assert.equal((await one.findEntry({ ...query, key: 'linux-x' }))?.entry.key, 'linux-209')
    }
    assert.equal([...lines, ...otherLines].length, 1)
  })

  test('that lags behind the entry files finds a key by name, and all after the next opening', async (t) => {
    const { home, store, content, file } = await withOneEntry(t)
    const path = file('*/entries/*.json')
    const text = readFileSync(path, 'utf8')
    await store.removeEntry(entryFor(content))
    // As if the writer had died between the file and the index.
    writeFileSync(path, text)
    assert.equal((await store.findEntry({ ...query, key: 'linux-npm-1' }))?.hit, 'exact')
    await store.removeEntry(entryFor(content))
    writeFileSync(path, text)
    const reopenedStore = await openStore(t, home)
    assert.equal((await reopenedStore.findEntry({ ...query, key: 'linux-n' }))?.hit, 'prefix')
  })

  test('that still names an entry whose file is gone does not find it', async (t) => {
    const { store, file } = await withOneEntry(t)
    await rm(file('*/entries/*.json'))
    assert.equal(await store.findEntry({ ...query, key: 'linux-n' }), undefined)
    assert.equal((await store.usage()).entries, 0)
  })
})
