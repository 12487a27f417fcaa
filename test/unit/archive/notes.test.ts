import assert from 'node:assert/strict'
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { Manifest } from '../../../src/core/manifest.ts'
import { readNotes, writeNotes } from '../../../src/archive/segment-notes.ts'
import type { Packed } from '../../../src/archive/archive.ts'
import { ArchiveTrip } from '../../support/archive-trip.ts'
import { temporaryFolder } from '../../support/file-tree.ts'
import { noise } from '../../support/noise.ts'
import { SeededRandom } from '../../support/seeded-random.ts'

const options = { timeout: 60_000 }
const MINUTE_MS = 60_000
// Of segment-key.ts.
const TICK_MS = 100

/** Lets packing begin when all files have long been as they are. */
function lookLater(t: TestContext, now: number = Date.now() + MINUTE_MS): void {
  t.mock.timers.reset()
  t.mock.timers.enable({ apis: ['Date'], now })
}

/** A tree of several segments, the folder for notes, and a way to pack with them. */
class Workspace {
  readonly folder: string
  readonly tree: string
  readonly notes: string
  readonly trip = new ArchiveTrip()

  constructor(t: TestContext) {
    this.folder = temporaryFolder(t)
    this.tree = join(this.folder, 'tree')
    this.notes = join(this.folder, 'notes', 'of the tree')
    for (let i = 0; i < 250; i += 1) {
      if (i < 25) mkdirSync(join(this.tree, `d${i}`), { recursive: true })
      const name = Math.floor(i / 25)
      this.write(`d${i % 25}/f${name}`, noise(2000 + name * 400, `${i}`))
    }
    for (const name of ['x', 'y']) this.write(name, noise(1_100_000, name))
  }

  /** All files have one time, as some package managers give them. */
  write(name: string, content: Uint8Array): void {
    const path = join(this.tree, name)
    writeFileSync(path, content)
    utimesSync(path, 10 ** 9, 10 ** 9)
  }

  async pack(): Promise<Packed> {
    const { notes } = this
    return await this.trip.archive.pack(['tree'], this.trip.sink, {
      workingDirectory: this.folder,
      threads: 0,
      notes,
    })
  }

  /** Writes the tree as it was packed, and notes it, at a time when all of it counts as settled. */
  async restore(t: TestContext, manifest: Manifest): Promise<void> {
    t.mock.timers.reset()
    const plan = await this.trip.plan(this.folder, manifest, ['tree'])
    await plan.write(this.trip.sink.open(plan.chunks))
    lookLater(t, this.touch() + TICK_MS)
    await plan.note(this.notes)
    await plan.close()
  }

  /** Waits until a change of a file cannot have the ctime of one before this call, nor its millisecond. */
  passTick(): void {
    for (const before = this.touch(); this.touch() < before + 2;);
  }

  /** The time of the file system, in milliseconds. */
  touch(): number {
    const probe = join(this.folder, 'probe')
    writeFileSync(probe, 'x')
    return Math.ceil(Number(lstatSync(probe, { bigint: true }).ctimeNs) / 1e6)
  }
}

/** Files and folders of a tree, folders last. */
function namesIn(folder: string): { files: string[]; folders: string[] } {
  const found = { files: [] as string[], folders: [] as string[] }
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const list = entry.isDirectory() ? found.folders : found.files
    list.push(join(entry.parentPath, entry.name))
  }
  return { files: found.files.sort(), folders: found.folders.sort() }
}

function keyOf(random: SeededRandom): string {
  return `${random.below(10 ** 9)}`
}

type Edit = (random: SeededRandom, tree: string) => void

function swap(a: string, b: string): void {
  if (a === b) return
  renameSync(a, `${a}.swap`)
  renameSync(b, a)
  renameSync(`${a}.swap`, b)
}

function ofFile(edit: (path: string, random: SeededRandom) => void): Edit {
  return (random, tree) => {
    const path = random.pick(namesIn(tree).files)
    if (lstatSync(path).isFile()) edit(path, random)
  }
}

/** Rewrites a file with other content of the same size, and gives it the time that it had. */
const rewriteUnseen = ofFile((path, random) => {
  const { size, atime, mtime } = lstatSync(path)
  writeFileSync(path, noise(size, keyOf(random)))
  utimesSync(path, atime, mtime)
})

const EDITS: readonly Edit[] = [
  rewriteUnseen,
  rewriteUnseen,
  ofFile((path, random) => writeFileSync(path, noise(random.below(200_000), keyOf(random)))),
  ofFile((path, random) => truncateSync(path, random.below(lstatSync(path).size + 2))),
  ofFile((path, random) => chmodSync(path, random.pick([0o644, 0o755, 0o600]))),
  ofFile((path, random) => utimesSync(path, 1, random.below(10 ** 9))),
  ofFile((path) => rmSync(path)),
  ofFile((path, random) => renameSync(path, `${path}${random.below(9)}`)),
  ofFile((path, random) => linkSync(path, `${path}-link${random.below(10 ** 6)}`)),
  ofFile((path, random) => {
    writeFileSync(`${path}.new`, noise(lstatSync(path).size, keyOf(random)))
    renameSync(`${path}.new`, path)
  }),
  ofFile((path) => {
    rmSync(path)
    symlinkSync('anywhere', path)
  }),
  (random, tree) => writeFileSync(join(tree, `new-${random.below(10 ** 6)}`), `${random.next()}`),
  (random, tree) => swap(random.pick(namesIn(tree).files), random.pick(namesIn(tree).files)),
  (random, tree) => swap(random.pick(namesIn(tree).folders), random.pick(namesIn(tree).folders)),
  (random, tree) => renameSync(random.pick(namesIn(tree).folders), join(tree, `r${random.next()}`)),
]

for (const since of ['a packing', 'a restore']) {
  test(
    `whatever changed since ${since}, packing with notes gives what reading everything gives`,
    options,
    async (t) => {
      const workspace = new Workspace(t)
      const random = new SeededRandom()
      lookLater(t)
      const first = await workspace.pack()
      const kept = new Map(workspace.trip.sink.frames)
      for (let round = 0; round < (since === 'a restore' ? 4 : 8); round += 1) {
        const why = `seed ${random.seed}, round ${round}`
        if (since === 'a restore') {
          for (const frame of kept.values()) await workspace.trip.sink.put(frame)
          rmSync(workspace.notes, { force: true })
          rmSync(workspace.tree, { recursive: true })
          await workspace.restore(t, first.manifest)
        }
        workspace.passTick()
        lookLater(t, workspace.touch() + MINUTE_MS)
        for (let i = 0; i < 3; i += 1) random.pick(EDITS)(random, workspace.tree)
        const { frames } = workspace.trip.sink
        for (let i = 0; i < 2; i += 1) frames.delete(random.pick([...frames.keys()]))
        const { manifest, files } = await workspace.pack()
        const everything = await new ArchiveTrip().pack(workspace.folder, ['tree'])
        assert.deepEqual(
          { manifest, files },
          { manifest: everything.manifest, files: everything.files },
          why,
        )
        for (const { digest } of manifest.content) assert.ok(frames.has(digest), why)
      }
    },
  )
}

/** Has the notes say that the content is another, as only notes that are believed can make it. */
function falsify(path: string): void {
  const wrong = { digest: 'ab'.repeat(32), bytes: 7 }
  const notes = readNotes(path)
  writeNotes(path, new Map([...notes.segments.keys()].map((key) => [key, [wrong]])), notes.span)
}

test('what has not changed is not read again', options, async (t) => {
  const workspace = new Workspace(t)
  const { sink } = workspace.trip
  lookLater(t)
  await workspace.pack()
  falsify(workspace.notes)
  sink.frames.set('ab'.repeat(32), [...sink.frames.values()][0]!)
  const { manifest } = await workspace.pack()
  assert.ok(manifest.content.length > 3)
  assert.ok(manifest.content.every(({ bytes }) => bytes === 7))
})

test(
  'what has been restored is not read again, but for what was in place already',
  options,
  async (t) => {
    const workspace = new Workspace(t)
    const { sink } = workspace.trip
    lookLater(t)
    const { manifest } = await workspace.pack()
    rmSync(workspace.notes)
    rmSync(join(workspace.tree, 'd7'), { recursive: true })
    rmSync(join(workspace.tree, 'x'))
    await workspace.restore(t, manifest)
    falsify(`${workspace.notes}-restored`)
    sink.frames.set('ab'.repeat(32), [...sink.frames.values()][0]!)
    lookLater(t)
    const after = await workspace.pack()
    const known = after.manifest.content.filter(({ bytes }) => bytes === 7)
    assert.equal(known.length > 0, process.platform === 'linux')
    assert.ok(known.length < after.manifest.content.length)
    assert.deepEqual((await workspace.pack()).manifest, after.manifest)
  },
)

test(
  'a file that a restore left in place, though it only looks like the saved one, is read',
  options,
  async (t) => {
    const workspace = new Workspace(t)
    const { manifest } = await workspace.pack()
    rmSync(join(workspace.tree, 'd7'), { recursive: true })
    workspace.write('x', noise(1_100_000, 'another'))
    await workspace.restore(t, manifest)
    lookLater(t)
    const after = await workspace.pack()
    assert.notDeepEqual(after.manifest, manifest)
    assert.deepEqual(
      after.manifest,
      (await new ArchiveTrip().pack(workspace.folder, ['tree'])).manifest,
    )
  },
)

const SPOILERS: readonly (readonly [string, (path: string) => void])[] = [
  // The size of the first chunk, behind its digest and 60 bytes before that.
  ['damaged', (path) => writeFileSync(path, readFileSync(path).fill(9, 92, 93))],
  ['cut short', (path) => truncateSync(path, lstatSync(path).size - 1)],
  ['empty', (path) => truncateSync(path, 0)],
  ['writable by others', (path) => chmodSync(path, 0o622)],
  [
    'a link',
    (path) => {
      renameSync(path, `${path}.elsewhere`)
      symlinkSync(`${path}.elsewhere`, path)
    },
  ],
  [
    'a folder',
    (path) => {
      rmSync(path)
      mkdirSync(path)
    },
  ],
]

test('notes that are damaged, or may be of others, are ignored', options, async (t) => {
  const workspace = new Workspace(t)
  const { sink } = workspace.trip
  lookLater(t)
  const { manifest } = await workspace.pack()
  sink.frames.set('ab'.repeat(32), [...sink.frames.values()][0]!)
  for (const [what, spoil] of SPOILERS) {
    falsify(workspace.notes)
    spoil(workspace.notes)
    assert.deepEqual((await workspace.pack()).manifest, manifest, what)
  }
})

test(
  'a file that changed just before is not noted until its file system can tell a further change',
  options,
  async (t) => {
    const workspace = new Workspace(t)
    workspace.passTick()
    writeFileSync(join(workspace.tree, 'x'), noise(1_100_000, 'z'))
    const changedMs = Number(lstatSync(join(workspace.tree, 'x'), { bigint: true }).ctimeMs)
    lookLater(t, changedMs + 50)
    await workspace.pack()
    const early = readNotes(workspace.notes).segments.size
    lookLater(t)
    await workspace.pack()
    assert.ok(readNotes(workspace.notes).segments.size > early)
  },
)

test('notes are kept for a bounded number of trees, those saved last', options, async (t) => {
  const folder = join(temporaryFolder(t), 'notes')
  const key = 'cd'.repeat(32)
  for (let i = 0; i < 40; i += 1) {
    const path = join(folder, `${i}`)
    writeNotes(path, new Map([[key, [{ digest: key, bytes: i + 1 }]]]))
    utimesSync(path, i, i)
  }
  assert.equal(readdirSync(folder).length, 32)
  assert.equal(readNotes(join(folder, '39')).segments.get(key)?.[0]?.bytes, 40)
  assert.equal(readNotes(join(folder, '7')).segments.size, 0)
})
