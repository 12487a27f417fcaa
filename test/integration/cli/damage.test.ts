import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { RestoreResult } from '../../../src/cache/cache.ts'
import { diskLayout } from '../../../src/store/disk-layout.ts'
import type { DiskLayout } from '../../../src/store/disk-layout.ts'
import { describeTree, settleTimes } from '../../support/file-tree.ts'
import { ALONE, FLEET_REPOSITORY, Fleet, answerOf, assertNoStack } from '../../support/fleet.ts'
import type { Machine } from '../../support/fleet.ts'
import { noise } from '../../support/noise.ts'

const options = { timeout: 100_000 }

for (const [what, damage] of [
  ['chunk', (layout: DiskLayout) => flip(largestFile(layout.chunks))],
  ['manifest', (layout: DiskLayout) => flip(largestFile(layout.manifests))],
  ['entry', (layout: DiskLayout) => flip(largestFile(layout.entries))],
] as const) {
  test(
    `a damaged ${what} file is a miss with a warning that names it, and the key can be saved again`,
    options,
    async (t) => {
      const { machine, tree, layout } = await withEntry(t)
      const path = damage(layout)
      const reader = machine.workspace('reader')
      const missed = await reader.run('restore', '--json', '--key', 'a', 'tree')
      assert.equal(answerOf<RestoreResult>(missed).hit, 'miss')
      assert.match(missed.stderr, new RegExp(`^warning: .*${what} file .* is damaged`, 'm'))
      assert.ok(missed.stderr.includes(path), missed.stderr)
      assertNoStack(missed)
      assert.equal(existsSync(reader.path('tree')), false)

      assert.equal((await machine.save('a', 'tree')).saved, true)
      assert.equal((await reader.restore('a', 'tree')).hit, 'exact')
      assert.deepEqual(describeTree(reader.path('tree')), tree)
    },
  )

  test(
    `a check finds a damaged ${what} file, fails naming it, and leaves a clean store`,
    options,
    async (t) => {
      const { machine, layout } = await withEntry(t)
      const path = damage(layout)
      const found = await machine.run('status', '--verify', '--json')
      assert.equal(found.code, 1, found.stderr)
      const { verify } = JSON.parse(found.stdout) as { verify: { problems: string[] } }
      assert.ok(verify.problems.join('\n').includes(path), found.stdout)
      assertNoStack(found)
      const after = await machine.run('status', '--verify')
      assert.equal(after.code, 0, after.stdout)
      assert.match(after.stdout, /^Verified: 0 entries, .* 0 problems$/m)
    },
  )
}

test(
  'a damaged index is named, moved aside and rebuilt, and the entry is found',
  options,
  async (t) => {
    const { machine, tree, layout } = await withEntry(t)
    const index = join(layout.versionFolder, 'index', 'index.db')
    writeFileSync(index, noise(50_000))
    const reader = machine.workspace('reader')
    const restored = await reader.run('restore', '--json', '--key', 'a', 'tree')
    assert.equal(answerOf<RestoreResult>(restored).hit, 'exact')
    assert.match(restored.stderr, /^warning: store: The index .* is damaged.*rebuilt/m)
    assert.ok(restored.stderr.includes(index))
    assertNoStack(restored)
    assert.deepEqual(describeTree(reader.path('tree')), tree)
    assert.equal((await machine.run('status', '--verify')).code, 0)
  },
)

test(
  'a node whose chunk is damaged gets it from a peer, and holds a good one again',
  options,
  async (t) => {
    const fleet = new Fleet(t)
    const { machine: first, tree } = await withEntry(t, fleet)
    await first.serve()
    const second = fleet.machine('second')
    assert.ok((await second.restore('a', 'tree')).bytes.peers > 0)
    flip(largestFile(layoutOf(second).chunks))
    rmSync(second.path('tree'), { recursive: true })
    const mended = await second.restore('a', 'tree')
    assert.equal(mended.hit, 'exact')
    assert.ok(mended.bytes.disk > 0 && mended.bytes.peers > 0, JSON.stringify(mended.bytes))
    assert.deepEqual(describeTree(second.path('tree')), tree)
    assert.equal((await second.run('status', '--verify')).code, 0)
  },
)

test('damaged bytes of a node that serves do not reach the one who asks', options, async (t) => {
  const fleet = new Fleet(t)
  const { machine: first, layout } = await withEntry(t, fleet)
  const node = await first.serve()
  const path = flip(largestFile(layout.chunks))
  const second = fleet.machine('second')
  const missed = await second.run('restore', '--json', '--key', 'a', 'tree')
  assert.equal(answerOf<RestoreResult>(missed).hit, 'miss')
  assertNoStack(missed)
  assert.equal(existsSync(second.path('tree')), false)
  node.child.kill('SIGTERM')
  const { stderr } = await node.done
  assert.ok(stderr.includes(path), stderr)
})

/** A machine whose home holds the entry `a`; without a swarm unless it is one of a fleet. */
async function withEntry(
  t: TestContext,
  fleet?: Fleet,
): Promise<{ machine: Machine; tree: string[]; layout: DiskLayout }> {
  const machine = fleet?.machine('first') ?? new Fleet(t).machine('one', ALONE)
  mkdirSync(machine.path('tree'))
  writeFileSync(machine.path('tree', 'large'), noise(2_000_000))
  writeFileSync(machine.path('tree', 'small'), 's')
  settleTimes(machine.path('tree'))
  assert.equal((await machine.save('a', 'tree')).saved, true)
  return { machine, tree: describeTree(machine.path('tree')), layout: layoutOf(machine) }
}

function layoutOf({ home }: Machine): DiskLayout {
  return diskLayout(home, FLEET_REPOSITORY)
}

/** Flips a bit in the middle of a file; returns its path. */
function flip(path: string): string {
  const bytes = readFileSync(path)
  const middle = Math.floor(bytes.length / 2)
  bytes[middle] = bytes[middle]! ^ 0x10
  writeFileSync(path, bytes)
  return path
}

function largestFile(folder: string): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((item) => item.isFile())
    .map((item) => join(item.parentPath, item.name))
  return files.toSorted((a, b) => readFileSync(b).length - readFileSync(a).length)[0]!
}
