import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { MemoryTiers } from '../../../src/cache/memory-tiers.ts'
import type { RestoreResult } from '../../../src/cache/cache.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import type { Turn } from '../../../src/lease/lease.ts'
import { ControlServer } from '../../../src/node/control-server.ts'
import { MemoryUpstream, MemoryUpstreamService } from '../../../src/store/memory-upstream.ts'
import { Crowd, makeCache, writeDeps } from '../../support/crowd.ts'
import type { CrowdRunner } from '../../support/crowd.ts'
import { describeTree, temporaryFolder } from '../../support/file-tree.ts'
import { FixedNode } from '../../support/fixed-node.ts'
import { startLeases } from '../../support/leases.ts'
import { reachNode } from '../../support/reach-node.ts'
import { MAIN, REPOSITORY, createSigner } from '../../support/sample-entries.ts'

const options = { timeout: 60_000 }
const PATHS = ['deps']

/** Puts a tree under `deps-1` into the upstream; returns what it consists of. */
async function fillUpstream(t: TestContext, service: MemoryUpstreamService): Promise<string[]> {
  const folder = temporaryFolder(t)
  writeDeps(folder)
  const upstream = new MemoryUpstream({
    service,
    repository: REPOSITORY,
    scope: MAIN,
    workingDirectory: folder,
  })
  assert.equal(await upstream.save(PATHS, 'deps-1'), true)
  return filesOf(folder)
}

/** Names and contents below `folder`, without the times of folders, which the upstream does not keep. */
function filesOf(folder: string): string[] {
  return describeTree(join(folder, 'deps')).filter((line) => line.includes(' file '))
}

async function restoreAll(
  runners: readonly CrowdRunner[],
  key = 'deps-1',
): Promise<RestoreResult[]> {
  return await Promise.all(runners.map(({ cache }) => cache.restore(PATHS, key, ['deps-'])))
}

test('a crowd that misses one key at once brings it from the upstream once', options, async (t) => {
  const crowd = new Crowd(t)
  const tree = await fillUpstream(t, crowd.service)
  const runners: CrowdRunner[] = []
  for (let index = 0; index < 8; index += 1) runners.push(await crowd.add())
  const results = await restoreAll(runners)
  assert.equal(crowd.calls('restore'), 1)
  for (const { hit, matchedKey } of results)
    assert.deepEqual([hit, matchedKey], ['exact', 'deps-1'])
  for (const { folder } of runners) assert.deepEqual(filesOf(folder), tree)
  const fromPeers = results.filter(({ bytes }) => bytes.peers > 0 && bytes.upstream === 0)
  assert.equal(fromPeers.length, 7)
})

test('a crowd that shares only a restore key brings that entry once', options, async (t) => {
  const crowd = new Crowd(t)
  const tree = await fillUpstream(t, crowd.service)
  const runners = [await crowd.add(), await crowd.add(), await crowd.add()]
  const results = await restoreAll(runners, 'deps-2')
  assert.equal(crowd.calls('restore'), 1)
  for (const { hit, matchedKey } of results) {
    assert.deepEqual([hit, matchedKey], ['prefix', 'deps-1'])
  }
  for (const { folder } of runners) assert.deepEqual(filesOf(folder), tree)
})

test('when the one that fetches is killed midway another takes over', options, async (t) => {
  const crowd = new Crowd(t)
  const tree = await fillUpstream(t, crowd.service)
  const fetching = Promise.withResolvers<CrowdRunner>()
  const runners: CrowdRunner[] = []
  const killed = Promise.withResolvers<void>()
  for (let index = 0; index < 5; index += 1) {
    const runner: CrowdRunner = await crowd.add(async (kind) => {
      if (kind !== 'restore' || crowd.calls('restore') > 1) return
      fetching.resolve(runner)
      await killed.promise
    })
    runners.push(runner)
  }
  const restoring = runners.map(async (runner) => {
    return { runner, result: await runner.cache.restore(PATHS, 'deps-1') }
  })
  const victim = await fetching.promise
  await victim.kill()
  killed.resolve()
  const results = await Promise.all(restoring)
  assert.equal(crowd.calls('restore'), 2)
  for (const { runner, result } of results) {
    if (runner === victim) continue
    assert.equal(result.hit, 'exact')
    assert.deepEqual(filesOf(runner.folder), tree)
  }
})

test('when the upstream fails for one the next one tries', options, async (t) => {
  const crowd = new Crowd(t)
  const tree = await fillUpstream(t, crowd.service)
  let failures = 0
  const runners: CrowdRunner[] = []
  for (let index = 0; index < 4; index += 1) {
    const runner = await crowd.add((kind) => {
      if (kind !== 'restore' || failures >= 2) return
      failures += 1
      throw new Error('the service is not available')
    })
    runners.push(runner)
  }
  const results = await restoreAll(runners)
  assert.equal(crowd.calls('restore'), 3)
  const hits = results.map(({ hit }) => hit)
  assert.deepEqual(hits.toSorted(), ['exact', 'exact', 'miss', 'miss'])
  for (const [index, { folder }] of runners.entries()) {
    if (hits[index] === 'exact') assert.deepEqual(filesOf(folder), tree)
  }
})

test('who cannot get what another brought goes to the upstream after all', options, async (t) => {
  class ForgetfulTiers extends MemoryTiers {
    override async takeTurn(): Promise<Turn> {
      return { kind: 'done', by: 'a peer that has left since' }
    }
  }
  const service = new MemoryUpstreamService()
  const tree = await fillUpstream(t, service)
  const job = makeCache(t, new ForgetfulTiers({ sign: createSigner() }), { service })
  t.after(() => job.cache.settle())
  const { hit, bytes } = await job.cache.restore(PATHS, 'deps-1')
  assert.equal(hit, 'exact')
  assert.ok(bytes.upstream > 0)
  assert.deepEqual(filesOf(job.folder), tree)
})

test('a crowd that saves one key at once uploads it once', options, async (t) => {
  const crowd = new Crowd(t)
  const runners: CrowdRunner[] = []
  for (let index = 0; index < 6; index += 1) runners.push(await crowd.add())
  for (const { folder } of runners) writeDeps(folder)
  const results = await Promise.all(runners.map(({ cache }) => cache.save(PATHS, 'deps-1')))
  assert.equal(crowd.calls('save'), 1)
  assert.equal(crowd.service.entries.length, 1)
  const unsaved = results.filter(({ saved }) => !saved)
  assert.equal(unsaved.length, 5)
  for (const { reason } of unsaved) assert.match(reason ?? '', /exists in this scope already/)
})

test('a save that fails leaves its turn to the next', options, async (t) => {
  const crowd = new Crowd(t)
  const [broken, good] = [await crowd.add(), await crowd.add()]
  await assert.rejects(broken.cache.save(PATHS, 'deps-1'), { code: 'ERR_PATH' })
  writeDeps(good.folder)
  assert.equal((await good.cache.save(PATHS, 'deps-1')).saved, true)
  assert.equal(crowd.service.entries.length, 1)
})

test('processes that share one node through its socket are a crowd', options, async (t) => {
  const service = new MemoryUpstreamService()
  const tree = await fillUpstream(t, service)
  const home = await mkdtemp(join(tmpdir(), 'swarmcache-home-'))
  t.after(() => rm(home, { recursive: true, force: true }))
  const shared = new MemoryTiers({ sign: createSigner(), leases: startLeases(t) })
  const server = new ControlServer({ node: new FixedNode(shared), logger: silentLogger }, { home })
  await server.start()
  t.after(() => server.stop())
  const jobs = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const node = await reachNode(home)
      const job = makeCache(t, await node.tiers(REPOSITORY), { service })
      t.after(async () => {
        await job.cache.settle()
        await node.stop()
      })
      return job
    }),
  )
  const results = await Promise.all(jobs.map(({ cache }) => cache.restore(PATHS, 'deps-1')))
  for (const { hit } of results) assert.equal(hit, 'exact')
  for (const { folder } of jobs) assert.deepEqual(filesOf(folder), tree)
  assert.equal(
    jobs.reduce((total, { upstream }) => total + upstream.calls.restore, 0),
    1,
  )
})
