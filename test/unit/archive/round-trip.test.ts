import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openFrame } from '../../../src/core/chunk.ts'
import { totalBytes } from '../../../src/core/manifest.ts'
import type { ChunkRef } from '../../../src/core/manifest.ts'
import { ArchiveTrip } from '../../support/archive-trip.ts'
import {
  describeTree,
  makeAwkwardTree,
  settleTimes,
  temporaryFolder,
} from '../../support/file-tree.ts'
import { noise } from '../../support/noise.ts'
import { SeededRandom } from '../../support/seeded-random.ts'

/** A tree large enough that threads are used. */
function makeLargeTree(folder: string): void {
  const random = new SeededRandom(3)
  for (let i = 0; i < 1700; i += 1) {
    const parent = join(folder, `d${i % 40}`, `e${i % 7}`)
    mkdirSync(parent, { recursive: true })
    writeFileSync(join(parent, `f${i}`), `file ${i} `.repeat(random.below(200)))
  }
  writeFileSync(join(folder, 'large'), noise(2_500_000))
  writeFileSync(join(folder, 'same as large'), readFileSync(join(folder, 'large')))
}

test('every kind of path comes back as it was, with modes, times to the nanosecond and links', async (t) => {
  const source = temporaryFolder(t)
  const target = temporaryFolder(t)
  const trip = new ArchiveTrip()
  makeAwkwardTree(join(source, 'tree'))
  settleTimes(join(source, 'tree'))
  const packed = await trip.pack(source, ['tree'])
  assert.deepEqual(packed.warnings, [])
  const plan = await trip.unpack(target, packed.manifest, ['tree'])
  assert.deepEqual(describeTree(join(target, 'tree')), describeTree(join(source, 'tree')))
  assert.equal(plan.files, packed.files)
  assert.equal(plan.skipped, 0)
  assert.equal(plan.contentBytes, packed.bytes.content)
})

test('times that Node cannot set come back exactly where there is perl, else within 240 nanoseconds', async (t) => {
  const source = temporaryFolder(t)
  const target = temporaryFolder(t)
  const trip = new ArchiveTrip()
  writeFileSync(join(source, 'now'), 'x')
  writeFileSync(join(source, 'long ago'), 'y')
  utimesSync(join(source, 'long ago'), new Date(-86_400_000), new Date(-86_400_000))
  const { manifest } = await trip.pack(source, ['now', 'long ago'])
  const hasPerl = process.platform === 'linux' && spawnSync('perl', ['-e', '1']).status === 0
  await trip.unpack(target, manifest, ['now', 'long ago'])
  for (const name of ['now', 'long ago']) {
    const before = lstatSync(join(source, name), { bigint: true }).mtimeNs
    const after = lstatSync(join(target, name), { bigint: true }).mtimeNs
    const off = before < after ? after - before : before - after
    assert.ok(off <= (hasPerl ? 0n : 240n), `${before} became ${after}`)
  }
  assert.equal((await trip.unpack(target, manifest, ['now', 'long ago'])).skipped, 2)
})

test('any number of threads gives the same manifest and the same tree', async (t) => {
  const source = temporaryFolder(t)
  makeLargeTree(join(source, 'tree'))
  settleTimes(join(source, 'tree'))
  const expected = describeTree(join(source, 'tree'))
  const [alone, two] = [new ArchiveTrip(), new ArchiveTrip()]
  const packedAlone = await alone.pack(source, ['tree'], { threads: 0 })
  const packedByTwo = await two.pack(source, ['tree'], { threads: 2 })
  assert.deepEqual(packedByTwo, packedAlone)
  for (const threads of [0, 1, 2]) {
    const target = temporaryFolder(t)
    const random = new SeededRandom(threads)
    const arrange = (chunks: ChunkRef[]): ChunkRef[] =>
      chunks
        .map((chunk) => ({ chunk, order: random.next() }))
        .toSorted((a, b) => a.order - b.order)
        .flatMap(({ chunk }) => [chunk, chunk])
    await two.unpack(target, packedByTwo.manifest, ['tree'], { threads, arrange })
    assert.deepEqual(describeTree(join(target, 'tree')), expected, `${threads} threads`)
  }
})

test('content that occurs twice is stored once, and packing again stores nothing', async (t) => {
  const source = temporaryFolder(t)
  const trip = new ArchiveTrip()
  makeLargeTree(join(source, 'tree'))
  const packed = await trip.pack(source, ['tree'])
  assert.ok(packed.bytes.new <= packed.bytes.content - 2_000_000)
  assert.equal(packed.bytes.content, totalBytes(packed.manifest.content))
  const again = await trip.pack(source, ['tree'])
  assert.deepEqual(again.manifest, packed.manifest)
  assert.deepEqual(again.bytes, { content: packed.bytes.content, new: 0, stored: 0 })
  assert.equal(again.chunks.new, 0)
})

test('changing one file of many makes few chunks new', async (t) => {
  const source = temporaryFolder(t)
  const trip = new ArchiveTrip()
  makeLargeTree(join(source, 'tree'))
  await trip.pack(source, ['tree'])
  writeFileSync(join(source, 'tree', 'd3', 'e3', 'added'), 'something new')
  const { bytes } = await trip.pack(source, ['tree'])
  assert.ok(bytes.new > 0 && bytes.new < 700_000, `${bytes.new} bytes are new`)
})

test('the same tree in another place, or saved under another root, has the same content', async (t) => {
  const [a, b] = [temporaryFolder(t), temporaryFolder(t)]
  const trip = new ArchiveTrip()
  makeLargeTree(join(a, 'tree'))
  makeLargeTree(join(b, 'elsewhere'))
  const first = await trip.pack(a, ['tree'])
  const second = await trip.pack(b, ['elsewhere'])
  assert.deepEqual(second.manifest.content, first.manifest.content)
})

test('what is in place is neither fetched nor written, and only what differs is', async (t) => {
  const source = temporaryFolder(t)
  const trip = new ArchiveTrip()
  makeAwkwardTree(join(source, 'tree'))
  settleTimes(join(source, 'tree'))
  const before = describeTree(source)
  const { manifest } = await trip.pack(source, ['tree'])
  const inode = lstatSync(join(source, 'tree', 'large')).ino
  const same = await trip.unpack(source, manifest, ['tree'])
  assert.equal(same.skipped, same.files)
  assert.deepEqual(same.chunks, [])

  const at = (...names: string[]): string => join(source, 'tree', ...names)
  writeFileSync(at('many', 'file-7'), 'other content')
  chmodSync(at('script.sh'), 0o644)
  utimesSync(at('secret'), 1, 1)
  rmSync(at('dangling'))
  rmSync(at('hard-2'))
  rmSync(at('deep'), { recursive: true })
  writeFileSync(at('deep'), 'a file where a folder was')
  writeFileSync(at('many', 'not in the cache'), 'stays')
  const mended = await trip.unpack(source, manifest, ['tree'])
  assert.equal(readFileSync(at('many', 'not in the cache'), 'utf8'), 'stays')
  rmSync(at('many', 'not in the cache'))
  assert.equal(mended.files - mended.skipped, 5)
  assert.equal(lstatSync(at('large')).ino, inode)
  await trip.unpack(source, manifest, ['tree'])
  settleFolder(source, before, at('many'))
  assert.deepEqual(describeTree(source).slice(1), before.slice(1))
})

/** Puts the time of a folder back that removing a file of ours has changed. */
function settleFolder(source: string, before: readonly string[], folder: string): void {
  const name = JSON.stringify(folder.slice(source.length))
  const line = before.find((text) => text.startsWith(`${name} `))!
  const nanos = BigInt(line.slice(name.length + 1).split(' ')[0]!)
  const time = Number(nanos / 1_000_000_000n) + Number(nanos % 1_000_000_000n) / 1e9
  utimesSync(folder, time, time)
}

test('globs, exclusions and single files land in their places on another machine', async (t) => {
  const [source, target] = [temporaryFolder(t), temporaryFolder(t)]
  const trip = new ArchiveTrip()
  const files = [
    'packages/a/node_modules/x',
    'packages/b/node_modules/y',
    'packages/b/src/z',
    'one',
  ]
  for (const file of [...files, 'packages/b/node_modules/.cache/c']) {
    mkdirSync(join(source, file, '..'), { recursive: true })
    writeFileSync(join(source, file), file)
  }
  symlinkSync('/nowhere', join(source, 'link'))
  const paths = ['packages/*/node_modules', '!**/.cache', 'one', 'link', 'missing']
  const { manifest, files: count } = await trip.pack(source, paths)
  assert.equal(count, 4)
  await trip.unpack(join(target, 'not/there/yet'), manifest, paths)
  const at = (path: string): string => join(target, 'not/there/yet', path)
  assert.equal(readFileSync(at('packages/a/node_modules/x'), 'utf8'), 'packages/a/node_modules/x')
  assert.equal(readFileSync(at('packages/b/node_modules/y'), 'utf8'), 'packages/b/node_modules/y')
  assert.equal(readFileSync(at('one'), 'utf8'), 'one')
  assert.ok(lstatSync(at('link')).isSymbolicLink())
  assert.equal(existsSync(at('packages/b/src')), false)
  assert.equal(existsSync(at('packages/b/node_modules/.cache')), false)
})

test('progress is told up to the whole content and the last file', async (t) => {
  const [source, target] = [temporaryFolder(t), temporaryFolder(t)]
  const trip = new ArchiveTrip()
  makeAwkwardTree(join(source, 'tree'))
  let last = { bytes: 0, files: 0 }
  const onProgress = (progress: typeof last): void => {
    assert.ok(progress.bytes >= last.bytes && progress.files >= last.files)
    last = progress
  }
  const { manifest, bytes, files } = await trip.pack(source, ['tree'], { onProgress })
  assert.equal(last.bytes, bytes.content)
  last = { bytes: 0, files: 0 }
  await trip.unpack(target, manifest, ['tree'], { onProgress })
  assert.deepEqual(last, { bytes: bytes.content, files })
})

test('a stream of bytes is cut as it comes and can be put together again', async () => {
  const trip = new ArchiveTrip()
  const content = noise(5_000_000)
  const split = async function* (step: number): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < content.length; i += step) yield content.subarray(i, i + step)
  }
  const chunks = await trip.archive.packStream(split(70_001), trip.sink)
  assert.deepEqual(await trip.archive.packStream(split(6_000_000), trip.sink), chunks)
  assert.equal(totalBytes(chunks), content.length)
  const pieces: Uint8Array[] = []
  for await (const frame of trip.sink.open(chunks)) pieces.push(await openFrame(frame))
  assert.deepEqual(Buffer.concat(pieces), content)
})
