import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { ALONE, Fleet, answerOf, assertNoStack } from '../../support/fleet.ts'
import type { RestoreResult, SaveResult } from '../../../src/cache/cache.ts'
import type { CommandResult } from '../../support/command-run.ts'

const options = { timeout: 100_000 }
const restore = ['restore', '--key', 'a', 'tree']
const TEN_MORE = Array.from({ length: 10 }, (_, index) => ['--restore-key', `k${index}`]).flat()
const PEER = '12D3KooWSEkrkNWe6t2UdzqJr4kKrXvJr45r5CLembUjozf2zGFo'

interface BadInput {
  readonly args?: string[]
  readonly env?: Readonly<Record<string, string>>
  readonly says: RegExp
}

const BAD: Readonly<Record<string, BadInput>> = {
  'eleven keys': { args: [...restore, ...TEN_MORE], says: /11 keys .*at most 10/ },
  'an empty restore key': { args: [...restore, '--restore-key', ''], says: /cache key is empty/ },
  'a restore key with a comma': {
    args: [...restore, '--restore-key', 'a,b'],
    says: /"a,b" contains a comma/,
  },
  'an empty path': { args: ['restore', '--key', 'a', ''], says: /A path is empty/ },
  'nothing but an exclusion': {
    args: ['save', '--key', 'a', '!tree'],
    says: /one path that is not an exclusion/,
  },
  'a key given twice': { args: [...restore, '--key', 'b'], says: /--key is given 2 times/ },
  'a value for a switch': {
    args: ['restore', '--lookup-only=1', '--key', 'a', 'tree'],
    says: /'--lookup-only' does not take/,
  },
  'a short swarm key': {
    env: { SWARMCACHE_KEY: 'p4ss' },
    says: /swarm key has 4 bytes, but at least 16/,
  },
  'a swarm key that differs with each job': {
    env: { SWARMCACHE_KEY: `ghs_${'p4ss'.repeat(9)}` },
    says: /GITHUB_TOKEN/,
  },
  'a listen address that is none': {
    env: { SWARMCACHE_LISTEN: '/ip4/127.0.0.1/tcp/0,/ip4/300.1.1.1/tcp/1' },
    says: /SWARMCACHE_LISTEN contains "\/ip4\/300\.1\.1\.1\/tcp\/1".*IPv4/,
  },
  'a listen address over UDP': {
    env: { SWARMCACHE_LISTEN: '/ip4/127.0.0.1/udp/0/quic-v1' },
    says: /SWARMCACHE_LISTEN.*not a multiaddr of a TCP address/,
  },
  'a bootstrap address with a port that is none': {
    env: { SWARMCACHE_BOOTSTRAP: `/ip4/127.0.0.1/tcp/65536/p2p/${PEER}` },
    says: /SWARMCACHE_BOOTSTRAP.*port is above 65535/,
  },
  'a bootstrap address with a wrong peer id': {
    env: { SWARMCACHE_BOOTSTRAP: '/ip4/127.0.0.1/tcp/1/p2p/QmWrong' },
    says: /SWARMCACHE_BOOTSTRAP.*peer id/,
  },
  'a disk limit of nothing': {
    env: { SWARMCACHE_DISK_LIMIT: '0GB' },
    says: /SWARMCACHE_DISK_LIMIT is "0GB".*10GB/,
  },
  'a memory limit without a number': {
    env: { SWARMCACHE_MEMORY_LIMIT: 'lots' },
    says: /SWARMCACHE_MEMORY_LIMIT is "lots"/,
  },
  'an upload limit in packets': {
    env: { SWARMCACHE_UPLOAD_LIMIT: '10 packets' },
    says: /SWARMCACHE_UPLOAD_LIMIT is "10 packets"/,
  },
  'a registry of another kind': {
    env: { SWARMCACHE_REGISTRY: 'dir:peers,redis://cache' },
    says: /SWARMCACHE_REGISTRY contains "redis:\/\/cache".*dir:PATH/,
  },
  'an unknown upstream policy': {
    env: { SWARMCACHE_UPSTREAM: 'maybe' },
    says: /SWARMCACHE_UPSTREAM is "maybe".*off, read or write-through/,
  },
  'a repository without an owner': {
    env: { SWARMCACHE_REPOSITORY: 'hello' },
    says: /SWARMCACHE_REPOSITORY is "hello".*owner\/name/,
  },
  'a branch where a ref belongs': {
    env: { SWARMCACHE_REF: 'main' },
    says: /SWARMCACHE_REF is "main".*refs\/heads\/main/,
  },
  'a switch that is neither on nor off': {
    env: { CACHE_ENABLE_P2P: 'perhaps' },
    says: /CACHE_ENABLE_P2P is "perhaps".*true or false/,
  },
  'a port that is none': {
    env: { P2P_LISTEN_PORT: '-1', SWARMCACHE_LISTEN: '' },
    says: /P2P_LISTEN_PORT is "-1"/,
  },
}

for (const [what, { args = restore, env, says }] of Object.entries(BAD)) {
  test(`${what} is wrong usage: exit 2 and one error object that names it`, options, async (t) => {
    const result = await new Fleet(t).machine('one', env).run(...args, '--json')
    assert.match(errorOf(result, 2, 'ERR_INPUT'), says)
    assert.doesNotMatch(result.stderr, /p4ss/)
  })
}

test(
  'an address that is taken or not of this machine stops a node, not a command',
  options,
  async (t) => {
    const taken = createServer().listen(0, '127.0.0.1')
    t.after(() => taken.close())
    await new Promise((listening) => taken.once('listening', listening))
    const { port } = taken.address() as AddressInfo
    const machine = new Fleet(t).machine('one')
    for (const [address, why] of [
      [`/ip4/127.0.0.1/tcp/${port}`, 'EADDRINUSE'],
      ['/ip4/203.0.113.9/tcp/0', 'EADDRNOTAVAIL'],
    ] as const) {
      const served = await machine.run('serve', '--json', '--listen', address)
      const message = errorOf(served, 2, 'ERR_INPUT')
      assert.ok(message.includes(address) && message.includes(why), message)

      const restored = await machine.run(...restore, '--json', '--listen', address)
      assert.equal(answerOf<RestoreResult>(restored).hit, 'miss')
      assert.match(
        restored.stderr,
        new RegExp(`^warning: The swarm .* cannot be joined.*${why}`, 'm'),
      )
      assertNoStack(restored)
    }
  },
)

test(
  'a home that is a file: restores miss, saves say that they are none, and the rest fails',
  options,
  async (t) => {
    const machine = new Fleet(t).machine('one', ALONE)
    const home = machine.path('file')
    writeFileSync(home, '')
    mkdirSync(machine.path('tree'))
    const at = ['--json', '--home', home]
    for (const command of [['status'], ['status', '--verify'], ['entries']]) {
      assert.match(errorOf(await machine.run(...command, ...at), 1, 'ERR_STORE'), /SWARMCACHE_HOME/)
    }
    assert.match(errorOf(await machine.run('serve', ...at), 1, 'ERR_CONTROL'), /SWARMCACHE_HOME/)

    const restored = await machine.run(...restore, ...at)
    assert.equal(answerOf<RestoreResult>(restored).hit, 'miss')
    const saved = await machine.run('save', '--key', 'a', ...at, 'tree')
    const { saved: isSaved, reason } = answerOf<SaveResult>(saved)
    assert.equal(isSaved, false)
    assert.match(String(reason), /no store on disk/)
    for (const result of [restored, saved]) {
      assert.match(result.stderr, /^warning: .*without a store on disk/m)
      assert.ok(result.stderr.includes(home))
      assertNoStack(result)
    }
  },
)

test('a registry that is a file is told and gone without', options, async (t) => {
  const machine = new Fleet(t).machine('one')
  writeFileSync(machine.path('file'), '')
  const result = await machine.run(...restore, '--json', '--registry', 'dir:file')
  assert.equal(answerOf<RestoreResult>(result).hit, 'miss')
  assert.match(result.stderr, /^warning: registry: .*dir:\/.*\/file;.*ENOTDIR/m)
  assertNoStack(result)
})

test('a file that cannot be read fails a save, which names it', options, async (t) => {
  const machine = new Fleet(t).machine('one', ALONE)
  mkdirSync(machine.path('tree', 'deep'), { recursive: true })
  writeFileSync(machine.path('tree', 'deep', 'secret'), 's')
  chmodSync(machine.path('tree', 'deep', 'secret'), 0)
  const result = await machine.asOrdinaryUser().run('save', '--json', '--key', 'a', 'tree')
  assert.match(errorOf(result, 1, 'ERR_PATH'), /tree\/deep\/secret.*permission denied/)
})

test(
  'a folder that cannot be written to is a miss with a warning that names it',
  options,
  async (t) => {
    const machine = new Fleet(t).machine('one', ALONE)
    mkdirSync(machine.path('tree'))
    writeFileSync(machine.path('tree', 'file'), 'f')
    const user = machine.asOrdinaryUser()
    assert.equal((await user.save('a', 'tree')).saved, true)
    const closed = machine.workspace('closed')
    chmodSync(closed.work, 0o555)
    const result = await closed.asOrdinaryUser().run(...restore, '--json')
    assert.equal(answerOf<RestoreResult>(result).hit, 'miss')
    assert.match(result.stderr, /^warning: .*work-closed\/tree.*permission denied/m)
    assertNoStack(result)
  },
)

/** The message of the one error object that a command ended with. */
function errorOf(result: CommandResult, exit: number, code: string): string {
  assert.equal(result.code, exit, result.stderr)
  assert.match(result.stdout, /^\{.*\}\n$/)
  const { error } = JSON.parse(result.stdout) as { error: { code: string; message: string } }
  assert.equal(error.code, code, error.message)
  assert.ok(result.stderr.includes(`error: ${error.message}`), result.stderr)
  assertNoStack(result)
  return error.message
}
