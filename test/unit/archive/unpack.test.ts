import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { KIND } from '../../../src/archive/catalog.ts'
import type { CatalogRow } from '../../../src/archive/catalog.ts'
import type { Frame, FramePlace } from '../../../src/core/chunk.ts'
import { makeFrame } from '../../../src/core/chunk.ts'
import type { Manifest } from '../../../src/core/manifest.ts'
import { ArchiveTrip, failAfter } from '../../support/archive-trip.ts'
import {
  describeTree,
  makeAwkwardTree,
  settleTimes,
  temporaryFolder,
} from '../../support/file-tree.ts'
import { noise } from '../../support/noise.ts'
import { asOrdinaryUser } from '../../support/ordinary-user.ts'

const PLAIN = { pattern: 0, mode: 0o644, seconds: 5, nanos: 0, bytes: 0, target: '' }

function row(kind: CatalogRow['kind'], depth: number, name: string, more = {}): CatalogRow {
  return { ...PLAIN, kind, depth, name, ...more }
}

/** A packed tree of some files, the largest in many chunks, and a folder to restore it into. */
async function packSample(
  t: TestContext,
  largeBytes = 3_000_000,
): Promise<{ trip: ArchiveTrip; manifest: Manifest; target: string }> {
  const source = temporaryFolder(t)
  const trip = new ArchiveTrip()
  mkdirSync(join(source, 'tree/sub'), { recursive: true })
  writeFileSync(join(source, 'tree/large'), noise(largeBytes))
  writeFileSync(join(source, 'tree/small'), 'small')
  writeFileSync(join(source, 'tree/sub/other'), 'other')
  const { manifest } = await trip.pack(source, ['tree'])
  return { trip, manifest, target: temporaryFolder(t) }
}

const LARGE_ENOUGH_FOR_THREADS = 20_000_000

for (const threads of [0, 2]) {
  const bytes = threads === 0 ? 3_000_000 : LARGE_ENOUGH_FOR_THREADS

  test(`a damaged frame is an error that names it, and nothing stays (${threads} threads)`, async (t) => {
    const { trip, manifest, target } = await packSample(t, bytes)
    const plan = await trip.plan(join(target, 'new'), manifest, ['tree'], { threads })
    const bad = plan.chunks[5]!
    const frame = await makeFrame(noise(bad.bytes, 'other'))
    trip.sink.frames.set(bad.digest, { chunk: bad, bytes: frame })
    await assert.rejects(plan.write(trip.sink.open(plan.chunks)), (error: never) => {
      const { code, facts } = error as { code: string; facts: { digest: string } }
      return code === 'ERR_INTEGRITY' && facts.digest === bad.digest
    })
    await plan.close()
    assert.deepEqual(readdirSync(target), [])
  })

  test(`a missing frame is an error, and nothing stays (${threads} threads)`, async (t) => {
    const { trip, manifest, target } = await packSample(t, bytes)
    const plan = await trip.plan(target, manifest, ['tree'], { threads })
    await assert.rejects(plan.write(trip.sink.open(plan.chunks.slice(1))), {
      code: 'ERR_INTEGRITY',
      facts: { digest: plan.chunks[0]!.digest, missing: 1 },
    })
    await plan.close()
    assert.deepEqual(readdirSync(target), [])
  })

  test(`a source that fails ends writing with its error, and nothing stays (${threads} threads)`, async (t) => {
    const { trip, manifest, target } = await packSample(t, bytes)
    const plan = await trip.plan(target, manifest, ['tree'], { threads })
    const error = new Error('the peer is gone')
    await assert.rejects(plan.write(failAfter(7, trip.sink.open(plan.chunks), error)), error)
    await plan.close()
    assert.deepEqual(readdirSync(target), [])
  })

  test(`aborting removes what was made and leaves what was there (${threads} threads)`, async (t) => {
    const { trip, manifest, target } = await packSample(t, bytes)
    mkdirSync(join(target, 'tree/sub'), { recursive: true })
    writeFileSync(join(target, 'tree/sub/mine'), 'mine')
    const plan = await trip.plan(target, manifest, ['tree'], { threads })
    const controller = new AbortController()
    const reason = new Error('enough')
    const hangs = async function* (): AsyncGenerator<Frame> {
      yield* trip.sink.open(plan.chunks.slice(0, 9))
      setImmediate(() => controller.abort(reason))
      await new Promise(() => {})
    }
    await assert.rejects(plan.write(hangs(), { signal: controller.signal }), reason)
    await plan.close()
    assert.deepEqual(readdirSync(join(target, 'tree')), ['sub'])
    assert.deepEqual(readdirSync(join(target, 'tree/sub')), ['mine'])
  })

  test(`until its last piece is written, a file is never taken for complete (${threads} threads)`, async (t) => {
    const { trip, manifest, target } = await packSample(t, bytes)
    const plan = await trip.plan(target, manifest, ['tree'], { threads })
    let looks = 0
    const looking = async function* (): AsyncGenerator<Frame> {
      const last = plan.chunks[3]!
      yield* trip.sink.open(plan.chunks.filter((chunk) => chunk !== last))
      const path = join(target, 'tree/large')
      while (lstatSync(path, { throwIfNoEntry: false })?.size !== bytes) {
        await new Promise((resolve) => setImmediate(resolve))
      }
      const other = await trip.plan(target, manifest, ['tree'])
      await other.close()
      assert.ok(other.chunks.some(({ digest }) => digest === last.digest))
      assert.equal(lstatSync(path).mode & 0o777, 0o600)
      looks += 1
      yield* trip.sink.open([last])
    }
    await plan.write(looking())
    await plan.close()
    assert.equal(looks, 1)
    const after = await trip.plan(target, manifest, ['tree'])
    await after.close()
    assert.equal(after.skipped, 3)
    assert.equal(lstatSync(join(target, 'tree/large')).mode & 0o777, 0o644)
  })
}

test('a file that is a link here is replaced, and nothing is written through it', async (t) => {
  const { trip, manifest, target } = await packSample(t)
  const outside = temporaryFolder(t)
  mkdirSync(join(target, 'tree'))
  for (const name of ['victim', 'linked']) writeFileSync(join(outside, name), 'untouched')
  symlinkSync(join(outside, 'victim'), join(target, 'tree/small'))
  linkSync(join(outside, 'linked'), join(target, 'tree/large'))
  await trip.unpack(target, manifest, ['tree'])
  assert.equal(readFileSync(join(target, 'tree/small'), 'utf8'), 'small')
  assert.equal(lstatSync(join(target, 'tree/large')).size, 3_000_000)
  for (const name of ['victim', 'linked']) {
    assert.equal(readFileSync(join(outside, name), 'utf8'), 'untouched')
  }
})

test('a folder that is a link here is replaced by a folder, and not followed', async (t) => {
  const { trip, manifest, target } = await packSample(t)
  const outside = temporaryFolder(t)
  mkdirSync(join(target, 'tree'))
  symlinkSync(outside, join(target, 'tree/sub'))
  await trip.unpack(target, manifest, ['tree'])
  assert.deepEqual(readdirSync(outside), [])
  assert.equal(readFileSync(join(target, 'tree/sub/other'), 'utf8'), 'other')

  rmSync(join(target, 'tree'), { recursive: true })
  symlinkSync(outside, join(target, 'tree'))
  await trip.unpack(target, manifest, ['tree'])
  assert.deepEqual(readdirSync(outside), [])
  assert.ok(lstatSync(join(target, 'tree')).isDirectory())
})

test('a link that appears between plan and write is not followed either', async (t) => {
  const { trip, manifest, target } = await packSample(t)
  const outside = temporaryFolder(t)
  writeFileSync(join(outside, 'victim'), 'untouched')
  mkdirSync(join(target, 'tree'))
  const plan = await trip.plan(target, manifest, ['tree'])
  symlinkSync(outside, join(target, 'tree/sub'))
  symlinkSync(join(outside, 'victim'), join(target, 'tree/small'))
  await plan.write(trip.sink.open(plan.chunks))
  await plan.close()
  assert.deepEqual(readdirSync(outside), ['victim'])
  assert.equal(readFileSync(join(outside, 'victim'), 'utf8'), 'untouched')
  assert.equal(readFileSync(join(target, 'tree/sub/other'), 'utf8'), 'other')
})

test('links above the declared path are the user’s own and are followed', async (t) => {
  const { trip, manifest, target } = await packSample(t)
  mkdirSync(join(target, 'real'))
  symlinkSync('real', join(target, 'alias'))
  await trip.unpack(join(target, 'alias'), manifest, ['tree'])
  assert.equal(readFileSync(join(target, 'real/tree/small'), 'utf8'), 'small')
  assert.ok(lstatSync(join(target, 'alias')).isSymbolicLink())
})

test('a folder with something in it is not removed for a file', async (t) => {
  const { trip, manifest, target } = await packSample(t)
  mkdirSync(join(target, 'tree/small/mine'), { recursive: true })
  await assert.rejects(trip.unpack(target, manifest, ['tree']), {
    code: 'ERR_PATH',
    message: /tree\/small: a folder with other files is in the way/,
  })
  assert.deepEqual(readdirSync(join(target, 'tree')), ['small'])
  rmSync(join(target, 'tree/small/mine'), { recursive: true })
  await trip.unpack(target, manifest, ['tree'])
  assert.equal(readFileSync(join(target, 'tree/small'), 'utf8'), 'small')
})

test('without the rights of root, closed folders and read-only files come back, and again', async (t) => {
  const [source, target] = [temporaryFolder(t), temporaryFolder(t)]
  for (const folder of [source, target]) chmodSync(folder, 0o777)
  await asOrdinaryUser(async () => {
    const trip = new ArchiveTrip()
    makeAwkwardTree(join(source, 'tree'))
    settleTimes(join(source, 'tree'))
    const expected = describeTree(join(source, 'tree'))
    const { manifest } = await trip.pack(source, ['tree'])
    await trip.unpack(target, manifest, ['tree'])
    assert.deepEqual(describeTree(join(target, 'tree')), expected)
    chmodSync(join(target, 'tree/closed'), 0o755)
    rmSync(join(target, 'tree/closed/inside'))
    chmodSync(join(target, 'tree/closed'), 0o555)
    await trip.unpack(target, manifest, ['tree'])
    assert.deepEqual(describeTree(join(target, 'tree')), expected)
  })
})

test('without the rights of root, a file in a folder that nobody may enter has its time', async (t) => {
  const target = temporaryFolder(t)
  chmodSync(target, 0o777)
  const time = { seconds: 1_700_000_000, nanos: 123_456_789 }
  const trip = new ArchiveTrip()
  const manifest = await trip.forge(
    [
      row(KIND.FOLDER, 0, '', { mode: 0o755 }),
      row(KIND.FOLDER, 1, 'shut', { mode: 0o600 }),
      row(KIND.FILE, 2, 'inside', { ...time, bytes: 1 }),
    ],
    Buffer.from('x'),
  )
  await asOrdinaryUser(async () => {
    await trip.unpack(target, manifest, ['tree'])
    chmodSync(join(target, 'tree/shut'), 0o700)
    const { mtimeMs } = lstatSync(join(target, 'tree/shut/inside'))
    assert.ok(Math.abs(mtimeMs - 1_700_000_000_123.4568) < 0.001, String(mtimeMs))
  })
})

const FILE = { bytes: 4 }
const CONTENT = Buffer.from('evil')

const OUTSIDE: Record<string, { paths: string[]; rows: CatalogRow[]; content?: Buffer }> = {
  'a file that the pattern does not match': {
    paths: ['out/*.js'],
    rows: [row(KIND.ANCESTOR, 0, ''), row(KIND.FILE, 1, 'evil.sh', FILE)],
    content: CONTENT,
  },
  'a file beside the folders that the pattern matches': {
    paths: ['out/*/lib'],
    rows: [row(KIND.ANCESTOR, 0, ''), row(KIND.ANCESTOR, 1, 'a'), row(KIND.FILE, 2, 'evil', FILE)],
    content: CONTENT,
  },
  'the literal root of a pattern with wildcards': {
    paths: ['out/*.js'],
    rows: [row(KIND.SYMLINK, 0, '', { target: '/etc' })],
  },
  'something excluded': {
    paths: ['out', '!out/evil'],
    rows: [row(KIND.FOLDER, 0, ''), row(KIND.FILE, 1, 'evil', FILE)],
    content: CONTENT,
  },
  'the root of an exclusion': {
    paths: ['out', '!evil'],
    rows: [row(KIND.FILE, 0, '', { ...FILE, pattern: 1 })],
    content: CONTENT,
  },
}

for (const [what, { paths, rows, content }] of Object.entries(OUTSIDE)) {
  test(`a catalog that names ${what} is refused before anything is written`, async (t) => {
    const target = temporaryFolder(t)
    const trip = new ArchiveTrip()
    const manifest = await trip.forge(rows, content)
    await assert.rejects(trip.unpack(target, manifest, paths), { code: 'ERR_PATH' })
    assert.deepEqual(readdirSync(target), [])
  })
}

test('a folder that is only on the way is not a way through a link', async (t) => {
  const [target, outside] = [temporaryFolder(t), temporaryFolder(t)]
  const trip = new ArchiveTrip()
  symlinkSync(outside, join(target, 'out'))
  const rows = [row(KIND.ANCESTOR, 0, ''), row(KIND.FILE, 1, 'evil', FILE)]
  await trip.unpack(target, await trip.forge(rows, CONTENT), ['out'])
  assert.deepEqual(readdirSync(outside), [])
  assert.ok(lstatSync(join(target, 'out')).isDirectory())
})

test('declared paths that meet cannot be used to write through a link of the same catalog', async (t) => {
  const [target, outside] = [temporaryFolder(t), temporaryFolder(t)]
  const trip = new ArchiveTrip()
  const link = row(KIND.SYMLINK, 0, '', { target: outside })
  const below = row(KIND.FILE, 0, '', { ...FILE, pattern: 1 })
  const paths = ['out', 'out/below']
  const forged = await trip.forge([link, below], CONTENT)
  await assert.rejects(trip.unpack(target, forged, paths), { code: 'ERR_PATH' })
  symlinkSync(outside, join(target, 'out'))
  const only = await trip.forge([below], CONTENT)
  await trip.unpack(target, only, paths).catch(() => {})
  assert.deepEqual(readdirSync(outside), [])
})

test('paths that lie in each other come back through the first that covers them', async (t) => {
  const [source, target] = [temporaryFolder(t), temporaryFolder(t)]
  const trip = new ArchiveTrip()
  for (const file of ['node_modules/a/f', 'p/node_modules/b/f']) {
    mkdirSync(join(source, file, '..'), { recursive: true })
    writeFileSync(join(source, file), file)
  }
  const paths = ['node_modules', '**/node_modules', 'p/node_modules/b']
  const { manifest, files } = await trip.pack(source, paths)
  assert.equal(files, 2)
  await trip.unpack(target, manifest, paths)
  assert.equal(readFileSync(join(target, 'p/node_modules/b/f'), 'utf8'), 'p/node_modules/b/f')
  assert.equal(readFileSync(join(target, 'node_modules/a/f'), 'utf8'), 'node_modules/a/f')
})

test('a catalog that is missing, cut short or swapped is refused', async (t) => {
  const { trip, manifest, target } = await packSample(t)
  const plan = (catalog: Manifest['catalog'], source = catalog): Promise<unknown> =>
    trip.archive.plan({ ...manifest, catalog }, trip.sink.open(source), ['tree'], {
      workingDirectory: target,
    })
  await assert.rejects(plan([]), { code: 'ERR_INTEGRITY' })
  await assert.rejects(plan(manifest.catalog, []), { code: 'ERR_INTEGRITY' })
  await assert.rejects(plan(manifest.catalog, manifest.content), { code: 'ERR_INTEGRITY' })
  const other = { catalog: manifest.catalog, content: manifest.content.slice(1) }
  await assert.rejects(trip.plan(target, other, ['tree']), { code: 'ERR_INTEGRITY' })
})

test('a plan is carried out once, and closing it without that is fine', async (t) => {
  const { trip, manifest, target } = await packSample(t, LARGE_ENOUGH_FOR_THREADS)
  const plan = await trip.plan(target, manifest, ['tree'], { threads: 2 })
  await plan.close()
  await assert.rejects(plan.write(trip.sink.open(plan.chunks)), { code: 'ERR_CLOSED' })
  assert.equal(existsSync(join(target, 'tree')), false)
})

test('a file moved away while the rest is written does not stop it', async (t) => {
  const { trip, manifest, target } = await packSample(t)
  const plan = await trip.plan(target, manifest, ['tree'])
  const moving = async function* (): AsyncGenerator<Frame> {
    yield* trip.sink.open(plan.chunks.slice(0, -1))
    const small = join(target, 'tree/small')
    if (existsSync(small)) renameSync(small, join(target, 'tree/moved'))
    yield* trip.sink.open(plan.chunks.slice(-1))
  }
  await plan.write(moving())
  await plan.close()
  assert.equal(lstatSync(join(target, 'tree/large')).size, 3_000_000)
})

test('when one file is gone before its time is set, the others have theirs', async (t) => {
  const { trip, manifest, target } = await packSample(t)
  const plan = await trip.plan(target, manifest, ['tree'])
  const gone = join(target, 'tree/sub/other')
  const removing = async function* (): AsyncGenerator<Frame> {
    const [first, ...rest] = plan.chunks.toReversed()
    yield* trip.sink.open([first!])
    while (!existsSync(gone)) await new Promise((resolve) => setImmediate(resolve))
    rmSync(gone)
    yield* trip.sink.open(rest)
  }
  await plan.write(removing())
  await plan.close()
  const after = await trip.plan(target, manifest, ['tree'])
  await after.close()
  assert.equal(after.files - after.skipped, 1)
})

test('a plan that is never closed does not keep the process alive', async (t) => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'large'), noise(LARGE_ENOUGH_FOR_THREADS))
  const script = `
    import { ArchiveTrip } from ${JSON.stringify(import.meta.resolve('../../support/archive-trip.ts'))}
    const trip = new ArchiveTrip()
    const folder = ${JSON.stringify(folder)}
    const { manifest } = await trip.pack(folder, ['large'], { threads: 2 })
    const plan = await trip.plan(folder + '/elsewhere', manifest, ['large'], { threads: 2 })
    console.log(plan.files)`
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', script],
    { timeout: 30_000 },
  )
  assert.equal(stdout, '1\n')
})

for (const threads of [0, 2]) {
  test(`a bad frame is refused, and the tree is made from the good one that comes after (${threads} threads)`, async (t) => {
    const { trip, manifest, target } = await packSample(t, LARGE_ENOUGH_FOR_THREADS)
    const plan = await trip.plan(target, manifest, ['tree'], { threads })
    t.after(() => plan.close())
    const [first] = plan.chunks
    const verdicts: boolean[] = []
    const refused = Promise.withResolvers<void>()
    const open = new Set(plan.chunks.map(({ digest }) => digest))
    const allGood = Promise.withResolvers<void>()
    const settle = (digest: string) => (good: boolean) => {
      verdicts.push(good)
      if (!good) refused.resolve()
      else if (open.delete(digest) && open.size === 0) allGood.resolve()
    }
    async function* frames(): AsyncGenerator<Frame> {
      const { digest } = first!
      yield {
        chunk: first!,
        bytes: await makeFrame(Buffer.alloc(first!.bytes, 'bad')),
        settle: settle(digest),
      }
      for await (const frame of trip.sink.open(plan.chunks.slice(1))) {
        yield { ...frame, settle: settle(frame.chunk.digest) }
      }
      await refused.promise
      for await (const frame of trip.sink.open([first!])) yield { ...frame, settle: settle(digest) }
      await allGood.promise
    }
    await plan.write(frames())
    assert.equal(verdicts.filter((good) => !good).length, 1)
    assert.equal(verdicts.filter((good) => good).length, plan.chunks.length)
    assert.ok(readFileSync(join(target, 'tree/large')).equals(noise(LARGE_ENOUGH_FOR_THREADS)))
  })
}

for (const threads of [0, 2]) {
  test(`frames are read from their files, and come as bytes where that cannot be done (${threads} threads)`, async (t) => {
    const { trip, manifest, target } = await packSample(t, LARGE_ENOUGH_FOR_THREADS)
    const store = temporaryFolder(t)
    const plan = await trip.plan(target, manifest, ['tree'], { threads })
    t.after(() => plan.close())
    const unusable = [
      (place: FramePlace) => ({ ...place, path: `${place.path}.gone` }),
      (place: FramePlace) => ({ ...place, bytes: place.bytes + 1 }),
      (place: FramePlace) => ({ ...place, position: place.position - 1 }),
      (place: FramePlace) => {
        symlinkSync(place.path, `${place.path}.link`)
        return { ...place, path: `${place.path}.link` }
      },
      (place: FramePlace) => ({ ...place, path: store }),
      (place: FramePlace) => {
        execFileSync('mkfifo', [`${place.path}.pipe`])
        return { ...place, path: `${place.path}.pipe` }
      },
    ]
    const unread: Frame[] = []
    const settled = Promise.withResolvers<void>()
    let left = plan.chunks.length
    async function* frames(): AsyncGenerator<Frame> {
      let index = 0
      for await (const frame of trip.sink.open(plan.chunks)) {
        const path = join(store, frame.chunk.digest)
        writeFileSync(path, Buffer.concat([Buffer.alloc(16), frame.bytes]))
        const place = { path, position: 16, bytes: frame.bytes.length }
        const given = unusable[index]?.(place) ?? place
        index += 1
        const settle = (good: boolean): void => {
          if (!good) unread.push(frame)
          left -= 1
          if (left === 0) settled.resolve()
        }
        yield { chunk: frame.chunk, bytes: new Uint8Array(), place: given, settle }
      }
      await settled.promise
      yield* unread
    }
    await plan.write(frames())
    assert.equal(unread.length, unusable.length)
    assert.ok(readFileSync(join(target, 'tree/large')).equals(noise(LARGE_ENOUGH_FOR_THREADS)))
  })
}
