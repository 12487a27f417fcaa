import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Digest } from '../../../src/core/digest.ts'
import { ArchiveTrip } from '../../support/archive-trip.ts'
import { temporaryFolder } from '../../support/file-tree.ts'
import { MemorySink } from '../../support/memory-sink.ts'
import { noise } from '../../support/noise.ts'
import { asOrdinaryUser } from '../../support/ordinary-user.ts'

const CHUNKY_BYTES = 9_000_000

/** Does something to the tree when it is asked for the first time: while the tree is being read. */
class MeddlingSink extends MemorySink {
  #meddle: (() => void) | undefined

  constructor(meddle: () => void) {
    super()
    this.#meddle = meddle
  }

  override has(digests: readonly Digest[]): Promise<boolean[]> {
    this.#meddle?.()
    this.#meddle = undefined
    return super.has(digests)
  }
}

for (const [what, meddle] of [
  ['grows', (path: string) => appendFileSync(path, 'more '.repeat(300_000))],
  ['shrinks', (path: string) => truncateSync(path, CHUNKY_BYTES - 1_000_000)],
] as const) {
  test(`a file that ${what} while it is read is saved as it was read, with a warning`, async (t) => {
    const [source, target] = [temporaryFolder(t), temporaryFolder(t)]
    const trip = new ArchiveTrip()
    const path = join(source, 'tree', 'log')
    mkdirSync(join(source, 'tree'))
    writeFileSync(path, noise(CHUNKY_BYTES))
    writeFileSync(join(source, 'tree', 'next'), 'comes after it')
    const sink = new MeddlingSink(() => meddle(path))
    const packed = await trip.archive.pack(['tree'], sink, { workingDirectory: source, threads: 0 })
    assert.equal(packed.warnings.length, 1)
    assert.match(packed.warnings[0]!, /tree\/log changed while it was read/)
    for (const frame of sink.frames.values()) await trip.sink.put(frame)
    await trip.unpack(target, packed.manifest, ['tree'])
    assert.deepEqual(readFileSync(join(target, 'tree', 'log')), readFileSync(path))
    assert.equal(readFileSync(join(target, 'tree', 'next'), 'utf8'), 'comes after it')
  })
}

test('a file that vanishes before it is read is left out with a warning, and so are its links', async (t) => {
  const [source, target] = [temporaryFolder(t), temporaryFolder(t)]
  const trip = new ArchiveTrip()
  const at = (name: string): string => join(source, name)
  writeFileSync(at('a'), noise(CHUNKY_BYTES))
  mkdirSync(at('b/c'), { recursive: true })
  writeFileSync(at('b/c/vanishes'), 'v')
  writeFileSync(at('d'), 'stays')
  const sink = new MeddlingSink(() => unlinkSync(at('b/c/vanishes')))
  const paths = ['*', '!b', 'b/c/v*']
  const packed = await trip.archive.pack(paths, sink, { workingDirectory: source, threads: 0 })
  assert.match(packed.warnings.join(), /b\/c\/vanishes vanished/)
  for (const frame of sink.frames.values()) await trip.sink.put(frame)
  await trip.unpack(target, packed.manifest, paths)
  assert.equal(readFileSync(join(target, 'd'), 'utf8'), 'stays')
  assert.equal(lstatSync(join(target, 'b'), { throwIfNoEntry: false }), undefined)
})

test('sockets and pipes are left out with a warning', async (t) => {
  const source = temporaryFolder(t)
  execFileSync('mkfifo', [join(source, 'pipe')])
  const server = createServer().listen(join(source, 'socket'))
  t.after(() => server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  writeFileSync(join(source, 'file'), 'x')
  const packed = await new ArchiveTrip().pack(source, ['.'])
  assert.equal(packed.files, 1)
  assert.deepEqual(
    packed.warnings.map((text) => /(\w+) is neither/.exec(text)?.[1]),
    ['pipe', 'socket'],
  )
})

test('nothing found is an error that names the patterns', async (t) => {
  await assert.rejects(new ArchiveTrip().pack(temporaryFolder(t), ['missing', 'also/*', '!x']), {
    code: 'ERR_PATH',
    message: /missing, also\/\*, !x/,
  })
})

for (const kind of ['folder', 'file']) {
  test(`a ${kind} that may not be read is an error that names it`, async (t) => {
    const source = temporaryFolder(t)
    chmodSync(source, 0o755)
    const path = join(source, 'locked')
    if (kind === 'folder') mkdirSync(path)
    else writeFileSync(path, 'x')
    chmodSync(path, 0)
    await assert.rejects(
      asOrdinaryUser(() => new ArchiveTrip().pack(source, ['.'])),
      { code: 'ERR_PATH', message: new RegExp(`${path}: permission denied`) },
    )
  })
}

test('a sink that fails ends packing with its error, on threads too', async (t) => {
  const source = temporaryFolder(t)
  writeFileSync(join(source, 'large'), noise(20_000_000))
  const failure = new Error('the store is gone')
  for (const threads of [0, 2]) {
    const trip = new ArchiveTrip()
    trip.sink.put = () => Promise.reject(failure)
    await assert.rejects(trip.pack(source, ['large'], { threads }), failure)
  }
})

test('aborting ends packing with the reason, on threads too', async (t) => {
  const source = temporaryFolder(t)
  writeFileSync(join(source, 'large'), noise(20_000_000))
  for (const threads of [0, 2]) {
    const trip = new ArchiveTrip()
    const reason = new Error('enough')
    const controller = new AbortController()
    trip.sink.put = async () => controller.abort(reason)
    await assert.rejects(
      trip.pack(source, ['large'], { threads, signal: controller.signal }),
      reason,
    )
    await assert.rejects(trip.pack(source, ['large'], { signal: controller.signal }), reason)
  }
})

test('a tree that must not have changed is packed if it has not, and otherwise is an error', async (t) => {
  const source = temporaryFolder(t)
  const trip = new ArchiveTrip()
  writeFileSync(join(source, 'file'), 'x')
  const pack = (unchangedSince: number): Promise<unknown> =>
    trip.archive.pack(['file'], trip.sink, { workingDirectory: source, unchangedSince })
  const changed = Number(lstatSync(join(source, 'file'), { bigint: true }).ctimeMs)
  await pack(changed)
  await assert.rejects(pack(changed - 1), { code: 'ERR_PATH', message: /file has changed/ })
})
