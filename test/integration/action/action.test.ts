import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { TestContext } from 'node:test'
import { bundleAction } from '../../../.github/scripts/bundle.ts'
import { isRunning } from '../../../src/action/process-life.ts'
import { eventually } from '../../support/eventually.ts'
import { TestIssuer } from '../../support/issuer.ts'
import { callPlainClient, MAIN, startService, TOKEN } from '../../support/upstream-service.ts'
import { annotations, nodeOf, WorkflowJob } from '../../support/workflow-job.ts'

const SWARM_KEY = 'a swarm key of the tests, long enough'
const FILES = { 'kept/a.txt': 'first', 'kept/deep/b.txt': 'second\n'.repeat(1000) }
const INPUTS = { path: 'kept', key: 'npm-1', 'restore-keys': 'npm-\nother-' }

let bundle: string

before(async () => {
  bundle = await mkdtemp(join(tmpdir(), 'swarmcache-action-'))
  await bundleAction(join(bundle, 'dist'))
  await writeFile(join(bundle, 'package.json'), '{"type":"module"}')
})

after(() => rm(bundle, { recursive: true, force: true }))

test('a miss, the save after it, and the exact hit of the next job, with GitHub’s cache alone', async (t) => {
  const service = await startService(t)
  const first = await startJob(t, service.environment(TOKEN))
  const missed = await first.main(t, INPUTS)
  assert.equal(missed.code, 0, missed.log)
  assert.equal(missed.outputs['cache-hit'], undefined)
  assert.equal(missed.outputs['cache-primary-key'], 'npm-1')
  assert.equal(missed.outputs['cache-matched-key'], undefined)
  assert.match(missed.log, /^Cache not found for input keys: npm-1, npm-, other-$/m)
  assert.match(missed.summary, /Cache restore[\s\S]*npm-1[\s\S]*miss/)

  await writeTree(first)
  const saved = await first.post(missed, INPUTS)
  assert.equal(saved.code, 0, saved.log)
  assert.match(saved.log, /^Cache saved with key: npm-1$/m)
  assert.match(saved.summary, /Cache save[\s\S]*npm-1[\s\S]*yes/)

  const second = await startJob(t, service.environment(TOKEN))
  const hit = await second.main(t, INPUTS)
  assert.equal(hit.code, 0, hit.log)
  assert.equal(hit.outputs['cache-hit'], 'true')
  assert.equal(hit.outputs['cache-matched-key'], 'npm-1')
  assert.equal(hit.outputs['source'], 'upstream')
  assert.match(hit.log, /^Cache restored from key: npm-1$/m)
  await assertTree(second)

  const done = await second.post(hit, INPUTS)
  assert.equal(done.code, 0, done.log)
  assert.match(done.log, /^Cache hit occurred on the primary key npm-1, not saving cache\.$/m)
  assert.equal(service.stats().entries, 1)
})

test('what the action saved, plain @actions/cache restores', async (t) => {
  const service = await startService(t)
  const job = await startJob(t, service.environment(TOKEN))
  await writeTree(job)
  const saved = await job.main(t, { ...INPUTS, mode: 'save' })
  assert.match(saved.log, /^Cache saved with key: npm-1$/m)
  const folder = await mkdtemp(join(tmpdir(), 'swarmcache-plain-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const env = service.environment(TOKEN)
  assert.equal(await callPlainClient('restore', folder, ['kept'], 'npm-1', env), 'npm-1')
  assert.equal(await readFile(join(folder, 'kept/a.txt'), 'utf8'), 'first')
})

test('a job restores from the node of another job, which leaves with its job', async (t) => {
  const swarm = await swarmSettings(t)
  const first = await startJob(t)
  await writeTree(first)
  const inputs = { ...INPUTS, ...swarm }
  const saved = await first.main(t, { ...inputs, mode: 'save' })
  assert.equal(saved.code, 0, saved.log)
  const node = nodeOf(saved)
  assert.ok(node !== undefined && isRunning(node), saved.log)

  const second = await startJob(t)
  const hit = await second.main(t, inputs)
  assert.equal(hit.code, 0, hit.log)
  assert.equal(hit.outputs['cache-hit'], 'true', hit.log)
  assert.equal(hit.outputs['source'], 'peers')
  assert.ok(Number(hit.outputs['bytes-peers']) > 0)
  assert.equal(hit.outputs['bytes-upstream'], '0')
  await assertTree(second)

  // The first job's machine is gone; the second one has the entry by now.
  await first.post(saved, { ...inputs, mode: 'save' })
  assert.equal(isRunning(node), false)
  const third = await startJob(t)
  const again = await third.main(t, inputs)
  assert.equal(again.outputs['source'], 'peers', again.log)
  await assertTree(third)
})

test('jobs that share no folder find each other through the repository, and their tokens stay out of the logs', async (t) => {
  const listing = { repository: 'octo/cache', readScopes: [], actions: 'read' } as const
  const main = { repository: 'octo/cache', writeScope: MAIN, readScopes: [MAIN] }
  const service = await startService(t, { tokens: { [TOKEN]: main, ghs_secret: listing } })
  const inputs = { ...INPUTS, 'swarm-key': SWARM_KEY, upstream: 'off', token: 'ghs_secret' }
  const first = await startJob(t, service.environment(TOKEN))
  await writeTree(first)
  const saved = await first.main(t, { ...inputs, mode: 'save' })
  assert.equal(saved.code, 0, saved.log)
  await eventually('the announcement', () => service.stats().entries === 1)

  const second = await startJob(t, service.environment(TOKEN))
  let hit = await second.main(t, { ...inputs, mode: 'restore' })
  const log = [saved.log, hit.log].join()
  // The node is ready after a second at the latest, whether it knows somebody yet or not.
  await eventually('a restore from the first job', async () => {
    if (hit.outputs['cache-hit'] !== 'true') {
      hit = await second.main(t, { ...inputs, mode: 'restore' })
    }
    return hit.outputs['cache-hit'] === 'true'
  })
  assert.equal(hit.outputs['source'], 'peers', hit.log)
  await assertTree(second)
  const lines = log.split('\n').filter((line) => line.includes(TOKEN) || line.includes('ghs_'))
  assert.deepEqual(new Set(lines), new Set(['::add-mask::ghs_secret']))
})

test('two steps of a job share one node, and the step that started it stops it', async (t) => {
  const inputs = { ...INPUTS, ...(await swarmSettings(t)) }
  const job = await startJob(t)
  const first = await job.main(t, inputs)
  const second = await job.main(t, { ...inputs, key: 'other-1' })
  const node = nodeOf(first)
  assert.ok(node !== undefined && isRunning(node), first.log)
  assert.equal(nodeOf(second), undefined, second.log)
  await writeTree(job)
  const secondDone = await job.post(second, { ...inputs, key: 'other-1' })
  assert.match(secondDone.log, /^Cache saved with key: other-1$/m)
  assert.ok(isRunning(node))
  const firstDone = await job.post(first, inputs)
  assert.match(firstDone.log, /^Cache saved with key: npm-1$/m)
  assert.equal(isRunning(node), false)
  assert.deepEqual(annotations(firstDone, 'warning'), [])
})

test('a prefix hit restores and is followed by a save under the key itself', async (t) => {
  const service = await startService(t)
  const first = await startJob(t, service.environment(TOKEN))
  await writeTree(first)
  await first.main(t, { ...INPUTS, mode: 'save' })

  const second = await startJob(t, service.environment(TOKEN))
  const inputs = { ...INPUTS, key: 'npm-2' }
  const hit = await second.main(t, inputs)
  assert.equal(hit.outputs['cache-hit'], 'false', hit.log)
  assert.equal(hit.outputs['cache-matched-key'], 'npm-1')
  assert.match(hit.log, /^Cache restored from key: npm-1$/m)
  await assertTree(second)
  const saved = await second.post(hit, inputs)
  assert.match(saved.log, /^Cache saved with key: npm-2$/m)
  assert.equal(service.stats().entries, 2)
})

test('lookup-only tells of an entry and writes nothing', async (t) => {
  const service = await startService(t)
  const first = await startJob(t, service.environment(TOKEN))
  await writeTree(first)
  await first.main(t, { ...INPUTS, mode: 'save' })

  const second = await startJob(t, service.environment(TOKEN))
  const found = await second.main(t, { ...INPUTS, 'lookup-only': 'true' })
  assert.equal(found.outputs['cache-hit'], 'true', found.log)
  assert.equal(found.outputs['source'], '')
  assert.match(found.log, /^Cache found and can be restored from key: npm-1$/m)
  assert.equal(existsSync(join(second.workspace, 'kept')), false)
})

test('fail-on-cache-miss fails the step with the message of actions/cache', async (t) => {
  const job = await startJob(t)
  const missed = await job.main(t, { ...INPUTS, 'fail-on-cache-miss': 'true' })
  assert.equal(missed.code, 1)
  assert.deepEqual(annotations(missed, 'error'), [
    'Failed to restore cache entry. Exiting as fail-on-cache-miss is set. Input key: npm-1',
  ])
  assert.equal(missed.outputs['cache-hit'], undefined)
})

test('a pull request from a fork has neither key nor ID token: it works without peers and says so once', async (t) => {
  const service = await startService(t)
  const job = await startJob(t, service.environment(TOKEN))
  const missed = await job.main(t, INPUTS)
  assert.equal(nodeOf(missed), undefined)
  assert.equal(annotations(missed, 'notice').length, 1, missed.log)
  const [notice] = annotations(missed, 'notice')
  assert.match(notice!, /swarm-key.*permissions:%0A {2}id-token: write$/)
  await writeTree(job)
  const saved = await job.post(missed, INPUTS)
  assert.match(saved.log, /^Cache saved with key: npm-1$/m)
  assert.deepEqual(annotations(saved, 'notice'), [])
})

test('jobs with the permission id-token: write share without any other setting', async (t) => {
  const issuer = await TestIssuer.start(t)
  const service = await startService(t)
  const { registry } = await swarmSettings(t)
  const start = async (): Promise<WorkflowJob> => {
    const { url, secret } = issuer.job({ repository: 'octo/cache' })
    return await startJob(t, {
      ...service.environment(TOKEN),
      SWARMCACHE_OIDC_ISSUER: issuer.url,
      ACTIONS_ID_TOKEN_REQUEST_URL: url,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: secret,
    })
  }
  const inputs = { ...INPUTS, registry: registry!, upstream: 'off' }
  const first = await start()
  await writeTree(first)
  const saved = await first.main(t, { ...inputs, mode: 'save' })
  assert.match(saved.log, /^Cache saved with key: npm-1$/m)
  assert.deepEqual(annotations(saved, 'notice'), [])
  assert.doesNotMatch(saved.log, /eyJ/)
  if (process.platform === 'linux') {
    const environment = await readFile(`/proc/${nodeOf(saved)}/environ`, 'utf8')
    assert.match(environment, /ACTIONS_ID_TOKEN_REQUEST_TOKEN=/)
    assert.doesNotMatch(environment, /ACTIONS_RUNTIME_TOKEN/)
  }
  const second = await start()
  const hit = await second.main(t, inputs)
  assert.equal(hit.outputs['source'], 'peers', hit.log)
  await assertTree(second)
})

test('an upstream that is down is a warning and a miss, and the save still reaches the peers', async (t) => {
  const service = await startService(t)
  const env = service.environment(TOKEN)
  await service.close()
  const swarm = await swarmSettings(t)
  const inputs = { ...INPUTS, ...swarm, upstream: 'write-through' }
  const job = await startJob(t, env)
  const missed = await job.main(t, inputs)
  assert.equal(missed.code, 0, missed.log)
  assert.equal(missed.outputs['cache-hit'], undefined)
  assert.ok(annotations(missed, 'warning').length > 0, missed.log)
  await writeTree(job)
  const other = await startJob(t)
  const otherMain = await other.main(t, { ...swarm, mode: 'serve' })
  assert.equal(otherMain.code, 0, otherMain.log)
  const saved = await job.post(missed, inputs)
  assert.equal(saved.code, 0, saved.log)
  assert.match(saved.log, /^Cache saved with key: npm-1$/m)
})

test('a save does not happen after a failed job, unless save-always asks for it', async (t) => {
  const job = await startJob(t)
  const missed = await job.main(t, INPUTS)
  await writeTree(job)
  const failed = await job.post(missed, INPUTS, 'failure')
  assert.match(failed.log, /status is failure, not saving cache/)
  assert.equal(failed.summary, '')
  const always = await job.post(missed, { ...INPUTS, 'save-always': 'true' }, 'failure')
  assert.match(always.log, /^Cache saved with key: npm-1$/m)
})

test('an event without a ref is told, and nothing is looked up or saved', async (t) => {
  const job = await startJob(t, { GITHUB_REF: '', GITHUB_EVENT_NAME: 'repository_dispatch' })
  const main = await job.main(t, INPUTS)
  const message =
    "[warning]Event Validation Error: The event type repository_dispatch is not supported because it's not tied to a branch or tag ref."
  assert.ok(main.log.split('\n').includes(message), main.log)
  assert.equal(main.code, 0)
  assert.deepEqual(main.outputs, {})
  await writeTree(job)
  assert.equal((await job.post(main, INPUTS)).summary, '')
})

test('saving paths that match nothing is a warning', async (t) => {
  const job = await startJob(t)
  const saved = await job.main(t, { ...INPUTS, mode: 'save' })
  assert.equal(saved.code, 0, saved.log)
  assert.match(annotations(saved, 'warning').join('\n'), /kept/)
})

const BAD: readonly [what: string, inputs: Record<string, string>, message: RegExp][] = [
  ['a key with a comma', { key: 'a,b' }, /"a,b" contains a comma/],
  ['no path', { path: '' }, /Input required and not supplied: path/],
  ['an unknown mode', { mode: 'both' }, /mode is "both"/],
  ['an unknown upstream policy', { upstream: 'maybe' }, /"maybe"/],
  ['an address that is none', { listen: '1.2.3.4:80' }, /"1\.2\.3\.4:80"/],
  ['a GITHUB_TOKEN as swarm key', { 'swarm-key': `ghs_${'x'.repeat(36)}` }, /GITHUB_TOKEN/],
  ['a short swarm key', { 'swarm-key': 'short' }, /16/],
]

for (const [what, inputs, message] of BAD) {
  test(`${what} fails the step at once and starts no node`, async (t) => {
    const job = await startJob(t)
    const result = await job.main(t, { ...INPUTS, ...inputs })
    assert.equal(result.code, 1, result.log)
    assert.match(annotations(result, 'error').join('\n'), message)
    assert.doesNotMatch(result.log, /^\s+at .*:\d+/m)
    assert.equal(nodeOf(result), undefined)
  })
}

test('the swarm key is masked, and the node gets no token of the job', async (t) => {
  const service = await startService(t)
  const swarm = await swarmSettings(t)
  const job = await startJob(t, { ...service.environment(TOKEN), GITHUB_TOKEN: 'ghs_secret' })
  const main = await job.main(t, { ...INPUTS, ...swarm })
  const lines = main.log.split('\n').filter((line) => line.includes(SWARM_KEY))
  assert.deepEqual(lines, [`::add-mask::${SWARM_KEY}`])
  if (process.platform !== 'linux') return
  const environment = await readFile(`/proc/${nodeOf(main)}/environ`, 'utf8')
  assert.match(environment, /SWARMCACHE_KEY=/)
  assert.doesNotMatch(environment, /ACTIONS_RUNTIME_TOKEN|GITHUB_TOKEN|ghs_secret/)
})

test('a node that ended early is a warning at the end, and the save still happens', async (t) => {
  const inputs = { ...INPUTS, ...(await swarmSettings(t)) }
  const job = await startJob(t)
  const main = await job.main(t, inputs)
  const node = nodeOf(main)!
  process.kill(node, 'SIGKILL')
  await eventually('the end of the node', () => !isRunning(node))
  await writeTree(job)
  const post = await job.post(main, inputs)
  assert.equal(post.code, 0, post.log)
  assert.match(post.log, /^Cache saved with key: npm-1$/m)
  assert.match(annotations(post, 'warning').join('\n'), /ended before the job did/)
})

test('on a machine that stays, the node of each job is another peer and leaves no key behind', async (t) => {
  const inputs = { mode: 'serve', ...(await swarmSettings(t)) }
  const machine = await startJob(t)
  const peers = new Set<string | undefined>()
  for (let job = 0; job < 2; job += 1) {
    const main = await machine.main(t, inputs)
    const log = await readFile(main.state['SWARMCACHE_NODE_LOG']!, 'utf8')
    peers.add(/\/p2p\/(12D3Koo\w+)/.exec(log)?.[1])
    await machine.post(main, inputs)
  }
  assert.ok(peers.size === 2 && !peers.has(undefined), [...peers].join())
  const kept = await readdir(join(machine.home, '.cache/swarmcache'), { recursive: true })
  assert.deepEqual(
    kept.filter((path) => path.startsWith('keys')),
    [],
  )
})

test('a node leaves by itself when the runner of its job is gone', async (t) => {
  const job = await WorkflowJob.start(t, { bundle: join(bundle, 'dist'), runnerEnds: true })
  const main = await job.main(t, { mode: 'serve', ...(await swarmSettings(t)) })
  assert.equal(main.code, 0, main.log)
  const node = nodeOf(main)
  assert.ok(node !== undefined, main.log)
  await eventually('the end of the node', () => !isRunning(node))
  assert.match(await readFile(main.state['SWARMCACHE_NODE_LOG']!, 'utf8'), /job is gone/)
})

test('starting the action loads neither libp2p nor the client of the upstream', async () => {
  for (const entry of ['main.js', 'post.js']) {
    const loaded = await staticImports(join(bundle, 'dist'), entry)
    assert.ok(loaded.has('actions-core.js'), [...loaded].join())
    assert.ok(!loaded.has('libp2p.js') && !loaded.has('actions-cache.js'), [...loaded].join())
  }
})

async function startJob(t: TestContext, env: Record<string, string> = {}): Promise<WorkflowJob> {
  return await WorkflowJob.start(t, { bundle: join(bundle, 'dist'), env })
}

/** Inputs of a swarm of this test's own. */
async function swarmSettings(t: TestContext): Promise<Record<string, string>> {
  const registry = await mkdtemp(join(tmpdir(), 'swarmcache-registry-'))
  t.after(() => rm(registry, { recursive: true, force: true, maxRetries: 5 }))
  return { 'swarm-key': SWARM_KEY, registry: `dir:${registry}` }
}

async function writeTree({ workspace }: WorkflowJob): Promise<void> {
  for (const [path, content] of Object.entries(FILES)) {
    await mkdir(join(workspace, path, '..'), { recursive: true })
    await writeFile(join(workspace, path), content)
  }
}

async function assertTree({ workspace }: WorkflowJob): Promise<void> {
  for (const [path, content] of Object.entries(FILES)) {
    assert.equal(await readFile(join(workspace, path), 'utf8'), content, path)
  }
}

/** The files that are loaded with an entry, before it runs. */
async function staticImports(folder: string, entry: string): Promise<Set<string>> {
  const found = new Set<string>()
  const open = [entry]
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (found.has(name)) continue
    found.add(name)
    const text = await readFile(join(folder, name), 'utf8')
    const imports = text.matchAll(/^(?:import|export)\b[^;]*?"\.\/([^"]+)";$/gm)
    open.push(...[...imports].map((match) => match[1]!))
  }
  return found
}
