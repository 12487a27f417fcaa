import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import type { CacheServiceFault } from '../../../src/cli/demo/cache-service-faults.ts'
import { describeTree, makeAwkwardTree } from '../../support/file-tree.ts'
import { ALONE, Fleet, answerOf, assertNoStack } from '../../support/fleet.ts'
import type { Machine } from '../../support/fleet.ts'
import { noise } from '../../support/noise.ts'
import { TOKEN, callPlainClient, startService } from '../../support/upstream-service.ts'
import type { RestoreResult, SaveResult } from '../../../src/cache/cache.ts'

const options = { timeout: 120_000 }
const FIND = 'GetCacheEntryDownloadURL'
// What tar --exclude takes grows with the cube of the depth: four seconds for 300.
const TAR_DEPTH = 50

test(
  'what plain @actions/cache saved is restored, offered to the peers, and not asked of the upstream again',
  options,
  async (t) => {
    const service = await startService(t)
    const env = { ...service.environment(TOKEN), SWARMCACHE_UPSTREAM: 'read' }
    const fleet = new Fleet(t)
    const plain = fleet.machine('plain')
    makeAwkwardTree(plain.path('tree'), TAR_DEPTH)
    const tree = describeTree(plain.path('tree'))
    await callPlainClient('save', plain.work, ['tree'], 'npm-1', service.environment(TOKEN))

    const first = fleet.machine('first', env)
    await first.serve()
    const fromUpstream = await first.restore('npm-1', 'tree')
    assert.equal(fromUpstream.hit, 'exact')
    assert.equal(fromUpstream.bytes.peers, 0)
    assert.ok(fromUpstream.bytes.upstream > 1_000_000, JSON.stringify(fromUpstream.bytes))
    assert.deepEqual(describeTree(first.path('tree')), tree)
    const downloaded = service.stats().bytesDown

    const exact = fleet.machine('exact', env)
    const fromPeers = await exact.restore('npm-1', 'tree')
    assert.equal(fromPeers.hit, 'exact')
    assert.ok(fromPeers.bytes.peers > 3_000_000, JSON.stringify(fromPeers.bytes))
    assert.equal(fromPeers.bytes.upstream, 0)
    assert.deepEqual(describeTree(exact.path('tree')), tree)

    const prefix = fleet.machine('prefix', env)
    const newer = await prefix.restore('npm-2', '--restore-key', 'npm-', 'tree')
    assert.equal(newer.hit, 'prefix')
    assert.equal(newer.matchedKey, 'npm-1')
    assert.ok(newer.bytes.peers > 3_000_000, JSON.stringify(newer.bytes))
    assert.equal(newer.bytes.upstream, 0)
    assert.deepEqual(describeTree(prefix.path('tree')), tree)
    assert.equal(service.stats().bytesDown, downloaded)
  },
)

test(
  'what a prefix brought from the upstream comes from the peers for the next, prefix or exact',
  options,
  async (t) => {
    const service = await startService(t)
    const env = { ...service.environment(TOKEN), SWARMCACHE_UPSTREAM: 'read' }
    const fleet = new Fleet(t)
    const plain = fleet.machine('plain')
    writeFiles(plain)
    await callPlainClient('save', plain.work, ['tree'], 'npm-1', service.environment(TOKEN))
    const first = fleet.machine('first', env)
    await first.serve()
    const prefix = ['--restore-key', 'other-', '--restore-key', 'npm-', 'tree']
    const fromUpstream = await first.restore('npm-2', ...prefix)
    assert.equal(fromUpstream.matchedKey, 'npm-1')
    assert.ok(fromUpstream.bytes.upstream > 0)
    const downloaded = service.stats().bytesDown

    for (const [name, key] of [
      ['second', 'npm-3'],
      ['third', 'npm-1'],
    ] as const) {
      const machine = fleet.machine(name, env)
      const restored = await machine.restore(key, ...prefix)
      assert.equal(restored.hit, key === 'npm-1' ? 'exact' : 'prefix')
      assert.equal(restored.matchedKey, 'npm-1')
      assert.equal(restored.bytes.upstream, 0)
      assert.ok(restored.bytes.peers > 0)
      assert.deepEqual(describeTree(machine.path('tree')), describeTree(plain.path('tree')))
    }
    assert.equal(service.stats().bytesDown, downloaded)
  },
)

test(
  'a command without a running node keeps what the upstream gave for the next one of its home',
  options,
  async (t) => {
    const service = await startService(t)
    const fleet = new Fleet(t)
    const plain = fleet.machine('plain')
    writeFiles(plain)
    await callPlainClient('save', plain.work, ['tree'], 'npm-1', service.environment(TOKEN))
    const env = { ...service.environment(TOKEN), SWARMCACHE_UPSTREAM: 'read' }
    const machine = fleet.machine('one', { ...env, ...ALONE })
    assert.ok((await machine.restore('npm-1', 'tree')).bytes.upstream > 0)
    const again = await machine.restore('npm-1', 'tree')
    assert.equal(again.hit, 'exact')
    assert.equal(again.bytes.upstream, 0)
    assert.equal(again.skipped, again.files)
  },
)

test(
  'what was saved with write-through plain @actions/cache restores, and the upstream is left alone without it',
  options,
  async (t) => {
    const service = await startService(t)
    const fleet = new Fleet(t)
    const env = service.environment(TOKEN)
    const reading = fleet.machine('reading', { ...env, SWARMCACHE_UPSTREAM: 'read' })
    writeFiles(reading)
    assert.equal((await reading.save('npm-0', 'tree')).saved, true)
    assert.equal(service.stats().entries, 0)

    const writing = fleet.machine('writing', { ...env, SWARMCACHE_UPSTREAM: 'write-through' })
    makeAwkwardTree(writing.path('tree'), TAR_DEPTH)
    assert.equal((await writing.save('npm-1', 'tree')).saved, true)
    assert.equal(service.stats().entries, 1)
    const plain = fleet.machine('plain')
    assert.equal(await callPlainClient('restore', plain.work, ['tree'], 'npm-1', env), 'npm-1')
    assert.deepEqual(describeTree(plain.path('tree')), describeTree(writing.path('tree')))

    const again = await writing.save('npm-1', 'tree')
    assert.equal(again.saved, false)
    assert.match(String(again.reason), /npm-1.*already/)
    assert.equal(service.stats().entries, 1)
  },
)

test(
  'a key that only the upstream knows is saved for the peers all the same, and left as it is there',
  options,
  async (t) => {
    const service = await startService(t)
    const fleet = new Fleet(t)
    const env = service.environment(TOKEN)
    const plain = fleet.machine('plain')
    writeFiles(plain)
    await callPlainClient('save', plain.work, ['tree'], 'npm-1', env)
    const machine = fleet.machine('one', { ...env, ...ALONE, SWARMCACHE_UPSTREAM: 'write-through' })
    writeFiles(machine)
    assert.equal((await machine.save('npm-1', 'tree')).saved, true)
    assert.equal(service.stats().entries, 1)
  },
)

test('a miss asks the upstream once', options, async (t) => {
  const service = await startService(t)
  const env = { ...service.environment(TOKEN), ...ALONE, SWARMCACHE_UPSTREAM: 'read' }
  const machine = new Fleet(t).machine('one', env)
  assert.equal((await machine.restore('npm-1', 'tree')).hit, 'miss')
  assert.deepEqual(service.stats().requests, { [FIND]: 1 })
})

interface Trouble {
  readonly call?: string
  readonly fault?: CacheServiceFault
  readonly protocol?: 'v1'
  readonly says: RegExp
}

const CLOSED_PORT = 'http://127.0.0.1:1/'
const RESTORE_TROUBLES: Readonly<Record<string, Trouble>> = {
  'cannot be reached': { says: /cannot be reached.*ECONNREFUSED/ },
  'never answers': { call: FIND, fault: { kind: 'silence' }, says: /no answer within 10000 ms/ },
  'answers 500': {
    call: FIND,
    fault: { kind: 'status', status: 500 },
    says: /no answer within 10000 ms .*fault.*\(500\)/,
  },
  'answers 500 as GitHub Enterprise Server does': {
    call: 'find',
    fault: { kind: 'status', status: 500 },
    protocol: 'v1',
    says: /responded with 500/,
  },
  'refuses the token': {
    call: FIND,
    fault: { kind: 'status', status: 403 },
    says: /refuses this job's token/,
  },
  'answers a web page': {
    call: 'find',
    fault: { kind: 'rubbish' },
    protocol: 'v1',
    says: /does not speak/,
  },
  'resets the connection': { call: FIND, fault: { kind: 'reset' }, says: /cannot be reached/ },
  'cuts the download': {
    call: 'download',
    fault: { kind: 'truncate', afterBytes: 70_000 },
    says: /broke off/,
  },
  'sends a damaged archive': {
    call: 'download',
    fault: { kind: 'corrupt' },
    says: /archive is damaged.*some files may have been written/,
  },
}

suite('a restore is a miss with a warning and exit 0 when the upstream', { concurrency: 3 }, () => {
  for (const [what, { call, fault, protocol, says }] of Object.entries(RESTORE_TROUBLES)) {
    test(what, options, async (t) => {
      const service = await startService(t, {
        fault: (request) => (request.call === call ? fault : undefined),
      })
      const fleet = new Fleet(t)
      const env = service.environment(TOKEN, protocol)
      if (call === 'download') {
        const plain = fleet.machine('plain')
        writeFiles(plain)
        await callPlainClient('save', plain.work, ['tree'], 'npm-1', env)
      }
      const machine = fleet.machine('one', {
        ...env,
        ...ALONE,
        ...(fault === undefined && { ACTIONS_RESULTS_URL: CLOSED_PORT }),
        SWARMCACHE_UPSTREAM: 'read',
      })
      const result = await machine.run('restore', '--json', '--key', 'npm-1', 'tree')
      const { hit, bytes } = answerOf<RestoreResult>(result)
      assert.equal(hit, 'miss')
      assert.equal(bytes.upstream, 0)
      assert.match(result.stderr, says)
      assert.equal(result.stderr.match(/^warning: /gm)?.length, 1, result.stderr)
      assertNoStack(result)
      assert.deepEqual((await machine.ask('entries'))['entries'], [])
    })
  }
})

test(
  'a save that the upstream refuses is saved for the peers, with a warning',
  options,
  async (t) => {
    const service = await startService(t, {
      fault: ({ call }) => (call === 'upload' ? { kind: 'status', status: 403 } : undefined),
    })
    const env = { ...service.environment(TOKEN), ...ALONE, SWARMCACHE_UPSTREAM: 'write-through' }
    const machine = new Fleet(t).machine('one', env)
    writeFiles(machine)
    const result = await machine.run('save', '--json', '--key', 'npm-1', 'tree')
    assert.equal(answerOf<SaveResult>(result).saved, true)
    assert.match(result.stderr, /^warning: Saving "npm-1" to the upstream failed: /m)
    assertNoStack(result)
    assert.equal((await machine.restore('npm-1', 'tree')).hit, 'exact')
  },
)

function writeFiles(machine: Machine): void {
  const folder = machine.path('tree')
  mkdirSync(folder)
  writeFileSync(join(folder, 'one'), noise(200_000, 'one'))
  writeFileSync(join(folder, 'two'), 'two\n'.repeat(1000))
}
