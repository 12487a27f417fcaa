import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdirSync, symlinkSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { RestoreResult, SaveResult } from '../../../src/cache/cache.ts'
import { diskLayout } from '../../../src/store/disk-layout.ts'
import { digestOf } from '../../../src/core/digest.ts'
import type { StoreReport } from '../../../src/store/store.ts'
import type { RunningCommand } from '../../support/command-run.ts'
import { describeTree, settleTimes } from '../../support/file-tree.ts'
import { ALONE, FLEET_REPOSITORY, Fleet, answerOf, assertNoStack } from '../../support/fleet.ts'
import type { Machine } from '../../support/fleet.ts'
import { noise } from '../../support/noise.ts'
import { SeededRandom } from '../../support/seeded-random.ts'

const options = { timeout: 120_000 }
const ROUNDS = 10
const SERVED_ROUNDS = 4
const NODE_ROUNDS = 5
const FILES = 40
const FILE_BYTES = 150_000

for (const served of [false, true]) {
  test(
    `two saves and two restores of one key at the same moment ${served ? 'through a node' : 'without a node'} leave one good entry`,
    options,
    async (t) => {
      const fleet = new Fleet(t)
      const home = fleet.machine('home', ALONE)
      if (served) await home.serve()
      const workers = ['a', 'b', 'c', 'd'].map((name) => home.workspace(name))
      const [left, right, ...readers] = workers as [Machine, Machine, Machine, Machine]
      const trees = [left, right].map((machine) => makeTree(machine, machine.work))
      const saving = [left, right].map((machine) => machine.save('deps-1', 'tree'))
      const restoring = readers.map((machine) => machine.restore('deps-1', 'tree'))
      const saves = await Promise.all(saving)
      const restores = await Promise.all(restoring)

      const winner = saves.findIndex(({ saved }) => saved)
      assert.equal(saves.filter(({ saved }) => saved).length, 1, JSON.stringify(saves))
      assert.match(String(saves[1 - winner]?.reason), /deps-1/)
      for (const [index, { hit }] of restores.entries()) {
        assertTreeOrMiss(readers[index]!, hit, trees[winner]!, 'at the same moment')
      }
      await assertClean(home, 'after all four', 1)
      const late = home.workspace('late')
      assert.equal((await late.restore('deps-1', 'tree')).hit, 'exact')
      assert.deepEqual(describeTree(late.path('tree')), trees[winner])
    },
  )
}

for (const [served, rounds] of [
  [false, ROUNDS],
  [true, SERVED_ROUNDS],
] as const) {
  test(
    `saves and restores killed at random points ${served ? 'through a node' : 'without a node'} leave a clean store, and the right tree or a miss`,
    options,
    async (t) => {
      const random = new SeededRandom()
      t.diagnostic(`seed ${random.seed}`)
      const home = new Fleet(t).machine('home', ALONE)
      if (served) await home.serve()
      const kept = makeTree(home, 'kept')
      const usual = await home.save('kept', 'tree')
      assert.equal(usual.saved, true)
      let complete = 0
      for (let round = 0; round < rounds; round += 1) {
        const told = `seed ${random.seed}, round ${round}`
        const key = `deps-${round}`
        const saver = home.workspace(`saver-${round}`)
        const reader = home.workspace(`reader-${round}`)
        const tree = makeTree(saver, told)
        await Promise.all([
          killAtWork(saver.start('save', '--key', key, 'tree'), store(home), usual, random),
          killAtWork(reader.start('restore', '--key', 'kept', 'tree'), reader.work, usual, random),
        ])
        await assertClean(home, told)
        const late = home.workspace(`late-${round}`)
        const [{ hit }, again] = await Promise.all([
          late.restore(key, 'tree'),
          // Over whatever the killed restore left.
          reader.restore('kept', 'tree'),
        ])
        assertTreeOrMiss(late, hit, tree, told)
        if (hit === 'exact') complete += 1
        assert.equal(again.hit, 'exact', told)
        assert.deepEqual(describeTree(reader.path('tree')), kept, told)
      }
      t.diagnostic(`${complete} of ${rounds} saves were complete`)
    },
  )
}

test(
  'a node killed in the middle of saves and restores fails no command, loses nothing it acknowledged and comes back as the same peer',
  options,
  async (t) => {
    const random = new SeededRandom()
    t.diagnostic(`seed ${random.seed}`)
    const home = new Fleet(t).machine('home', ALONE)
    const kept = makeTree(home, 'kept')
    const usual = await home.save('kept', 'tree')
    assert.equal(usual.saved, true)
    const outcomes: string[] = []
    const peerIds = new Set<string>()
    for (let round = 0; round < NODE_ROUNDS; round += 1) {
      const told = `seed ${random.seed}, round ${round}`
      const key = `deps-${round}`
      const node = await home.serve()
      peerIds.add(node.peerId)
      const saver = home.workspace(`saver-${round}`)
      const reader = home.workspace(`reader-${round}`)
      const tree = makeTree(saver, told)
      const saving = saver.start('save', '--json', '--key', key, 'tree')
      const restoring = reader.start('restore', '--json', '--key', 'kept', 'tree')
      await killAtWork(node, round % 2 === 0 ? store(home) : reader.work, usual, random)
      const [saveEnd, restoreEnd] = await Promise.all([saving.done, restoring.done])
      for (const end of [saveEnd, restoreEnd]) assertNoStack(end)
      const { saved } = answerOf<SaveResult>(saveEnd)
      const restored = answerOf<RestoreResult>(restoreEnd)
      assertTreeOrMiss(reader, restored.hit, kept, told)
      outcomes.push(`${saved ? 'saved' : 'not saved'} and ${restored.hit}`)

      await assertClean(home, told)
      const late = home.workspace(`late-${round}`)
      const { hit } = await late.restore(key, 'tree')
      if (saved) assert.equal(hit, 'exact', told)
      assertTreeOrMiss(late, hit, tree, told)
    }
    assert.equal(peerIds.size, 1)
    t.diagnostic(outcomes.join(', '))
  },
)

/** Where the store of a home writes what is not yet whole. */
function store({ home }: Machine): string {
  return diskLayout(home, FLEET_REPOSITORY).temporary
}

/** Kills a command while it starts or, three times of four, soon after something has changed in `folder`. */
async function killAtWork(
  { child, done }: RunningCommand,
  folder: string,
  { milliseconds }: SaveResult,
  random: SeededRandom,
): Promise<void> {
  const waitMs = random.next() * milliseconds
  const watched = new AbortController()
  const ended = done.finally(() => watched.abort())
  if (random.below(4) > 0) await change(folder, watched.signal)
  await pause(waitMs)
  child.kill('SIGKILL')
  await ended
}

/** Resolves with the first change in a folder, or when the signal aborts. */
async function change(folder: string, signal: AbortSignal): Promise<void> {
  const watcher = watch(folder, { signal })
  try {
    await once(watcher, 'change', { signal })
  } catch {
    // Whatever was to make the change has ended without it.
  } finally {
    watcher.close()
  }
}

/** Files of a few hundred kilobytes that only `name` has; described. */
function makeTree(machine: Machine, name: string): string[] {
  const folder = machine.path('tree')
  mkdirSync(join(folder, 'deep', 'empty'), { recursive: true })
  for (let index = 0; index < FILES; index += 1) {
    const path = join(folder, index % 2 === 0 ? `file ${index}` : `deep/file ${index}`)
    writeFileSync(path, noise(FILE_BYTES, digestOf(`${name} ${index}`).slice(0, 16)))
  }
  symlinkSync('file 0', join(folder, 'link'))
  // A restore that is killed may leave good files whose times are off by a hundred nanoseconds.
  settleTimes(folder)
  return describeTree(folder)
}

function assertTreeOrMiss(machine: Machine, hit: string, tree: string[], told: string): void {
  if (hit === 'miss') assert.equal(existsSync(machine.path('tree')), false, told)
  else assert.deepEqual(describeTree(machine.path('tree')), tree, told)
}

async function assertClean(machine: Machine, told: string, entries?: number): Promise<void> {
  const { verify } = await machine.ask<{ verify: StoreReport }>('status', '--verify')
  assert.deepEqual(verify.problems, [], told)
  if (entries !== undefined) assert.equal(verify.entries, entries, told)
}
