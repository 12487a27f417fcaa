import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { decodeFrameFile } from '../../../src/core/frame-file.ts'
import type { Inbox, WrittenFrame } from '../../../src/core/inbox.ts'
import { ArchiveTrip } from '../../support/archive-trip.ts'
import { temporaryFolder } from '../../support/file-tree.ts'
import { MemorySink } from '../../support/memory-sink.ts'
import { noise } from '../../support/noise.ts'

const options = { timeout: 30_000 }

/** Takes files over by reading them. */
class InboxSink extends MemorySink implements Inbox {
  readonly folder: string
  readonly prefix = 'save'
  taken = 0

  constructor(folder: string) {
    super()
    this.folder = folder
  }

  async inbox(): Promise<Inbox> {
    return this
  }

  async take(frames: readonly WrittenFrame[]): Promise<void> {
    for (const { chunk, name, frameBytes } of frames) {
      const path = join(this.folder, name)
      const file = decodeFrameFile(chunk.digest, readFileSync(path))
      assert.ok(typeof file !== 'string', 'the file is whole')
      assert.equal(file.frame.length, frameBytes)
      assert.equal(file.plainBytes, chunk.bytes)
      this.frames.set(chunk.digest, { chunk, bytes: file.frame })
      this.taken += 1
      rmSync(path)
    }
  }
}

/** A tree that is large enough for threads, with much that repeats. */
function largeTree(t: TestContext): string {
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'tree'))
  for (const name of ['a', 'b', 'c'])
    writeFileSync(join(folder, 'tree', name), noise(9_000_000, name))
  writeFileSync(join(folder, 'tree', 'd'), noise(9_000_000, 'a'))
  return folder
}

test(
  'threads write new chunks into the inbox, and the same tree comes back',
  options,
  async (t) => {
    const source = largeTree(t)
    const trip = new ArchiveTrip()
    const sink = new InboxSink(temporaryFolder(t))
    const packed = await trip.archive.pack(['tree'], sink, { workingDirectory: source, threads: 2 })
    assert.equal(sink.taken, packed.chunks.new)
    assert.equal(sink.puts, packed.manifest.catalog.length)
    assert.deepEqual(readdirSync(sink.folder), [])
    const here = await trip.pack(source, ['tree'])
    assert.deepEqual(packed, here)
    for (const frame of sink.frames.values()) await trip.sink.put(frame)
    const target = temporaryFolder(t)
    await trip.unpack(target, packed.manifest, ['tree'])
    for (const name of ['a', 'b', 'c', 'd']) {
      const [was, is] = [source, target].map((root) => readFileSync(join(root, 'tree', name)))
      assert.deepEqual(is, was)
    }
  },
)

test('an inbox that cannot be written to makes threads put bytes', options, async (t) => {
  const source = largeTree(t)
  const sink = new InboxSink(join(temporaryFolder(t), 'gone'))
  const trip = new ArchiveTrip()
  const packed = await trip.archive.pack(['tree'], sink, { workingDirectory: source, threads: 2 })
  assert.equal(sink.taken, 0)
  assert.equal(sink.puts, packed.chunks.new + packed.manifest.catalog.length)
})

test('a packing that fails leaves nothing in the inbox', options, async (t) => {
  const source = largeTree(t)
  const sink = new InboxSink(temporaryFolder(t))
  writeFileSync(join(sink.folder, 'other'), 'not of this save')
  sink.take = async () => {
    throw new Error('the store is full')
  }
  const work = new ArchiveTrip().archive.pack(['tree'], sink, {
    workingDirectory: source,
    threads: 2,
  })
  await assert.rejects(work, /the store is full/)
  assert.deepEqual(readdirSync(sink.folder), ['other'])
})
