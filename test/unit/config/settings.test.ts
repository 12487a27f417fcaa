import assert from 'node:assert/strict'
import { homedir } from 'node:os'
import { test } from 'node:test'
import { loadConfig } from '../../../src/config.ts'
import type { Config, ConfigFlags } from '../../../src/config.ts'

type Settings = Readonly<Record<string, string>>

function load(env: Settings = {}, flags: ConfigFlags = {}): Config {
  return loadConfig({ env: { HOME: '/home/octo', ...env }, flags, cwd: '/work place' })
}

/** What each variable is called as a flag, two values for it, and where the setting ends up. */
const SETTINGS: readonly [
  variable: string,
  flag: keyof ConfigFlags,
  values: readonly [string, string],
  read: (config: Config) => unknown,
  expected: readonly [unknown, unknown],
][] = [
  ['SWARMCACHE_HOME', 'home', ['/a', 'b'], (config) => config.home, ['/a', '/work place/b']],
  ['SWARMCACHE_KEY', 'key', ['one', 'two'], (config) => config.swarmKey, ['one', 'two']],
  [
    'SWARMCACHE_REPOSITORY',
    'repository',
    ['Octo/A', 'octo/b'],
    (config) => config.request.repository,
    ['octo/a', 'octo/b'],
  ],
  [
    'SWARMCACHE_REF',
    'ref',
    ['refs/heads/a', 'refs/pull/7/merge'],
    (config) => config.request.scope,
    ['refs/heads/a', 'refs/pull/7/merge'],
  ],
  [
    'SWARMCACHE_BASE_REF',
    'baseRef',
    ['a', 'b'],
    (config) => config.request.readable,
    [
      ['refs/heads/main', 'refs/heads/a'],
      ['refs/heads/main', 'refs/heads/b'],
    ],
  ],
  [
    'SWARMCACHE_DEFAULT_BRANCH',
    'defaultBranch',
    ['a', 'b'],
    (config) => config.request.defaultScope,
    ['refs/heads/a', 'refs/heads/b'],
  ],
  [
    'SWARMCACHE_REGISTRY',
    'registry',
    ['dir:/a, github:', 'dir:~/b'],
    (config) => config.registries,
    [[{ kind: 'dir', path: '/a' }, { kind: 'github' }], [{ kind: 'dir', path: `${homedir()}/b` }]],
  ],
  [
    'SWARMCACHE_UPSTREAM',
    'upstream',
    ['read', 'off'],
    (config) => config.upstream,
    ['read', 'off'],
  ],
  [
    'SWARMCACHE_DISK_LIMIT',
    'diskLimit',
    ['2GB', '1GiB'],
    (config) => config.diskLimitBytes,
    [2e9, 2 ** 30],
  ],
  [
    'SWARMCACHE_MEMORY_LIMIT',
    'memoryLimit',
    ['64 MB', '1.5KiB'],
    (config) => config.memoryLimitBytes,
    [64e6, 1536],
  ],
]

for (const [variable, flag, [first, second], read, expected] of SETTINGS) {
  test(`${variable} is taken from the environment, and from its flag where both are given`, () => {
    assert.deepEqual(read(load({ [variable]: first })), expected[0])
    assert.deepEqual(read(load({ [variable]: first }, { [flag]: second })), expected[1])
  })
}

test('without any setting a node is alone at home, on a port of its own', () => {
  const config = load()
  assert.equal(config.home, '/home/octo/.cache/swarmcache')
  assert.deepEqual(config.registries, [{ kind: 'dir', path: '/home/octo/.cache/swarmcache-peers' }])
  assert.deepEqual(config.listen, ['/ip4/0.0.0.0/tcp/0'])
  assert.deepEqual(config.bootstrap, [])
  assert.equal(config.upstream, 'off')
  assert.equal(config.swarmKey, undefined)
  assert.equal(config.request.scope, 'refs/heads/main')
  assert.equal(load({ XDG_CACHE_HOME: '/cache' }).home, '/cache/swarmcache')
})

test('a job has its repository, scopes and upstream from GitHub’s variables', () => {
  const { request, upstream, registries } = load({
    GITHUB_ACTIONS: 'true',
    GITHUB_REPOSITORY: 'octo/hello',
    GITHUB_REF: 'refs/pull/7/merge',
    GITHUB_BASE_REF: 'release',
    GITHUB_EVENT_NAME: 'pull_request',
    ACTIONS_RUNTIME_TOKEN: 'a token',
  })
  assert.equal(request.repository, 'octo/hello')
  assert.equal(request.scope, 'refs/pull/7/merge')
  assert.deepEqual(request.readable, ['refs/pull/7/merge', 'refs/heads/release'])
  assert.equal(upstream, 'write-through')
  assert.deepEqual(
    registries.map(({ kind }) => kind),
    ['dir', 'github'],
  )
})

test('older names of settings still count, and the newer ones win over them', () => {
  const peer = '/ip4/192.0.2.7/tcp/4001/p2p/12D3KooWSEkrkNWe6t2UdzqJr4kKrXvJr45r5CLembUjozf2zGFo'
  const older = {
    CACHE_ENABLE_P2P: 'false',
    P2P_LISTEN_PORT: '4001',
    P2P_BOOTSTRAP_PEERS: `${peer}, ${peer}`,
  }
  const { peers, listen, bootstrap } = load(older)
  assert.equal(peers, false)
  assert.deepEqual(listen, ['/ip4/0.0.0.0/tcp/4001'])
  assert.deepEqual(bootstrap, [peer, peer])
  assert.equal(load({ CACHE_ENABLE_P2P: '1' }).peers, true)

  const newer = load({ ...older, SWARMCACHE_LISTEN: 'none', SWARMCACHE_BOOTSTRAP: peer })
  assert.deepEqual(newer.listen, [])
  assert.deepEqual(newer.bootstrap, [peer])
})

for (const name of ['SWARMCACHE_BOOTSTRAP', 'P2P_BOOTSTRAP_PEERS']) {
  test(`a malformed address in ${name} is wrong input under that name`, () => {
    assert.throws(() => load({ [name]: '1.2.3.4:5' }), {
      code: 'ERR_INPUT',
      message: new RegExp(`^${name} contains "1\\.2\\.3\\.4:5"`),
    })
  })
}
