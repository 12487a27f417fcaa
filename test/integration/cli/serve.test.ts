import assert from 'node:assert/strict'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { test } from 'node:test'
import { describeTree, makeAwkwardTree } from '../../support/file-tree.ts'
import { Fleet } from '../../support/fleet.ts'

const options = { timeout: 100_000 }

test(
  'two nodes find each other and restore from each other; after the first is killed a third gets it from the second',
  options,
  async (t) => {
    const fleet = new Fleet(t)
    const first = fleet.machine('first')
    const second = fleet.machine('second')
    const [killed] = await Promise.all([first.serve(), second.serve()])
    await Promise.all([first.meets(1), second.meets(1)])

    makeAwkwardTree(first.path('tree'))
    const tree = describeTree(first.path('tree'))
    const saved = await first.save('deps-1', 'tree')
    assert.equal(saved.saved, true)
    const restored = await second.restore('deps-1', 'tree')
    assert.equal(restored.hit, 'exact')
    assert.equal(restored.files, saved.files)
    assert.equal(restored.peers, 1)
    assert.equal(restored.bytes.upstream, 0)
    assert.ok(restored.bytes.peers > 3_000_000, JSON.stringify(restored.bytes))
    assert.deepEqual(describeTree(second.path('tree')), tree)

    const gone = once(killed.child, 'exit')
    killed.child.kill('SIGKILL')
    await gone
    const third = fleet.machine('third')
    await third.serve()
    const again = await third.restore('deps-1', 'tree')
    assert.equal(again.hit, 'exact')
    assert.ok(again.bytes.peers > 3_000_000, JSON.stringify(again.bytes))
    assert.equal(again.bytes.upstream, 0)
    assert.deepEqual(describeTree(third.path('tree')), tree)
  },
)

test(
  'commands without a running node: what one saved another restores at home, and a node that stays gives it away',
  options,
  async (t) => {
    const fleet = new Fleet(t)
    const first = fleet.machine('first')
    makeAwkwardTree(first.path('tree'))
    const tree = describeTree(first.path('tree'))
    assert.equal((await first.save('deps-1', 'tree')).saved, true)
    rmSync(first.path('tree'), { recursive: true })
    const local = await first.restore('deps-1', 'tree')
    assert.equal(local.bytes.peers, 0)
    assert.ok(local.bytes.disk > 3_000_000, JSON.stringify(local.bytes))
    assert.deepEqual(describeTree(first.path('tree')), tree)

    await first.serve()
    const visitor = fleet.machine('visitor')
    const fetched = await visitor.restore('deps-1', 'tree')
    assert.equal(fetched.hit, 'exact')
    assert.equal(fetched.peers, 1)
    assert.ok(fetched.bytes.peers > 3_000_000, JSON.stringify(fetched.bytes))
    assert.deepEqual(describeTree(visitor.path('tree')), tree)
  },
)

test(
  'a second restore touches nothing, and a changed file alone is fetched again',
  options,
  async (t) => {
    const fleet = new Fleet(t)
    const machine = fleet.machine('one')
    await machine.serve()
    makeAwkwardTree(machine.path('tree'))
    const tree = describeTree(machine.path('tree'))
    const saved = await machine.save('deps-1', 'tree')
    const untouched = await machine.restore('deps-1', 'tree')
    assert.equal(untouched.skipped, saved.files)
    assert.deepEqual(describeTree(machine.path('tree')), tree)
    rmSync(machine.path('tree/script.sh'))
    const mended = await machine.restore('deps-1', 'tree')
    assert.equal(mended.skipped, saved.files - 1)
    assert.deepEqual(describeTree(machine.path('tree')), tree)
  },
)
