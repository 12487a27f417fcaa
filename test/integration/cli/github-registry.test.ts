import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { startCacheService } from '../../../src/cli/demo/cache-service.ts'
import type { CacheService } from '../../../src/cli/demo/cache-service.ts'
import { eventually } from '../../support/eventually.ts'
import { describeTree, makeAwkwardTree } from '../../support/file-tree.ts'
import { Fleet, FLEET_REPOSITORY } from '../../support/fleet.ts'

const options = { timeout: 90_000 }
const MAIN = 'refs/heads/main'
const PULL = 'refs/pull/7/merge'

async function startService(t: TestContext): Promise<CacheService> {
  const main = { repository: FLEET_REPOSITORY, writeScope: MAIN, readScopes: [MAIN] }
  const pull = { ...main, writeScope: PULL, readScopes: [PULL, MAIN] }
  const service = await startCacheService({
    tokens: {
      'of-main': main,
      'of-pull': pull,
      lists: { ...main, actions: 'read' },
      deletes: { ...main, actions: 'write' },
    },
  })
  t.after(() => service.close())
  return service
}

test(
  'runners that share no disk find each other through the repository and restore from each other',
  options,
  async (t) => {
    const service = await startService(t)
    const fleet = new Fleet(t)
    const github = { SWARMCACHE_REGISTRY: 'github:', SWARMCACHE_UPSTREAM: 'off' }
    const announced = async (count: number): Promise<void> =>
      await eventually(`${count} announcements`, () => service.stats().entries === count)

    const first = fleet.machine('first', { ...github, ...service.environment('of-main') })
    await first.serve()
    await announced(1)
    makeAwkwardTree(first.path('tree'))
    const tree = describeTree(first.path('tree'))
    await first.save('deps-1', 'tree')

    // A job without any permission: it sees what its own ref and main announced.
    const pull = {
      ...service.environment('of-pull'),
      GITHUB_TOKEN: 'of-pull',
      SWARMCACHE_REF: PULL,
    }
    const second = fleet.machine('second', { ...github, ...pull, SWARMCACHE_BASE_REF: 'main' })
    await second.serve()
    await second.meets(1)
    const restored = await second.restore('deps-1', 'tree')
    assert.equal(restored.hit, 'exact')
    assert.ok(restored.bytes.peers > 3_000_000, JSON.stringify(restored.bytes))
    assert.deepEqual(describeTree(second.path('tree')), tree)
    await announced(2)

    // A step that is no action has no token for the cache service: it finds the others by the list alone.
    const listing = { GITHUB_TOKEN: 'lists', GITHUB_API_URL: service.url }
    const third = fleet.machine('third', { ...github, ...listing })
    await third.serve()
    await third.meets(2)
    assert.equal((await third.restore('deps-1', 'tree')).bytes.upstream, 0)
    assert.deepEqual(describeTree(third.path('tree')), tree)
    assert.equal(service.stats().entries, 2)
  },
)

test(
  'a runner that leaves takes its announcement back if its token may delete',
  options,
  async (t) => {
    const service = await startService(t)
    const machine = new Fleet(t).machine('leaving', {
      SWARMCACHE_REGISTRY: 'github:',
      ...service.environment('deletes'),
      GITHUB_TOKEN: 'deletes',
    })
    const { child, done } = await machine.serve()
    await eventually('the announcement', () => service.stats().entries === 1)
    child.kill('SIGTERM')
    assert.equal((await done).code, 0)
    assert.equal(service.stats().entries, 0)
  },
)

test(
  'without anything to reach GitHub with, one notice says what would help and all else works',
  options,
  async (t) => {
    const machine = new Fleet(t).machine('alone', { SWARMCACHE_REGISTRY: 'github:' })
    makeAwkwardTree(machine.path('tree'))
    const { code, stderr } = await machine.run('save', '--key', 'deps-1', 'tree')
    assert.equal(code, 0)
    assert.equal(stderr.match(/permissions: actions: read/g)?.length, 1, stderr)
  },
)
