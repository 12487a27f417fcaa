import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { eventually } from '../../support/eventually.ts'
import { describeTree, makeAwkwardTree } from '../../support/file-tree.ts'
import { FLEET_KEY, FLEET_REPOSITORY, Fleet } from '../../support/fleet.ts'
import type { Machine, ServingNode } from '../../support/fleet.ts'

const options = { timeout: 100_000 }

test(
  'a node that listens on nothing serves its entry to another such node through the relay of a seeder',
  options,
  async (t) => {
    const fleet = new Fleet(t)
    const seeder = fleet.machine('seeder')
    const holder = fleet.machine('holder')
    const relay = await seeder.serve('--role', 'seeder')
    const hidden = await holder.serve('--listen', 'none')
    makeAwkwardTree(holder.path('tree'))
    const tree = describeTree(holder.path('tree'))
    assert.equal((await holder.save('deps-1', 'tree')).saved, true)
    await eventually('an address of the hidden node at the relay', async () => {
      const { swarms } = await holder.ask<{ swarms: { addresses: string[] }[] }>('status')
      return swarms[0]!.addresses.some((address) => address.includes('/p2p-circuit'))
    })

    const other = fleet.machine('other')
    await other.serve('--listen', 'none')
    const restored = await other.restore('deps-1', 'tree')
    assert.equal(restored.hit, 'exact')
    assert.ok(restored.bytes.peers > 3_000_000, JSON.stringify(restored.bytes))
    assert.deepEqual(describeTree(other.path('tree')), tree)
    const source = (await other.peers()).find(({ peerId }) => peerId === hidden.peerId)
    assert.equal(source?.relayed, true)
    assert.ok(source.address.includes(`/p2p/${relay.peerId}/p2p-circuit`), source.address)
    assert.ok(source.bytesReceived > 1_000_000, String(source.bytesReceived))
    assert.deepEqual((await seeder.ask('entries'))['entries'], [])

    const visitor = fleet.machine('visitor')
    // A command waits for peers for a second; the way through a relay may take a busy machine longer.
    await eventually('a visit that finds the hidden node', async () => {
      const { hit, bytes } = await visitor.restore('deps-1', '--listen', 'none', 'tree')
      if (hit === 'exact') assert.ok(bytes.peers > 3_000_000, JSON.stringify(bytes))
      return hit === 'exact'
    })
    assert.deepEqual(describeTree(visitor.path('tree')), tree)
  },
)

test(
  'a node with another key gets nothing, in both directions, and the members log its attempt',
  options,
  async (t) => {
    const { fleet, member, node } = await startGuarded(t)
    const stranger = fleet.machine('stranger', {
      SWARMCACHE_KEY: 'another key that somebody made up',
      SWARMCACHE_BOOTSTRAP: node.addresses.join(),
    })
    const missed = await stranger.restore('deps-1', '--restore-key', 'deps-', 'tree')
    assert.equal(missed.hit, 'miss')
    assert.equal(existsSync(stranger.path('tree')), false)
    assert.deepEqual(await stranger.peers(), [])

    // One that stays and lets itself be dialled learns no more.
    const staying = await stranger.serve('--role', 'seeder')
    assert.equal((await stranger.restore('deps-1', 'tree')).hit, 'miss')
    assert.deepEqual(await stranger.peers(), [])
    assert.deepEqual(await member.peers(), [])
    const log = await logOf(node)
    assert.match(log, /warning: swarm: A connection was refused\..*another swarm key/)
    assert.match(log, /address=\/ip4\/127\.0\.0\.1\/tcp\/\d+/)
    assertSecretsKept(log)
    assertSecretsKept(await logOf(staying))
  },
)

test('a node without a key says so, tries nothing and gets nothing', options, async (t) => {
  const { fleet, node } = await startGuarded(t)
  const stranger = fleet.machine('stranger', {
    SWARMCACHE_KEY: '',
    SWARMCACHE_BOOTSTRAP: node.addresses.join(),
  })
  const missed = await stranger.run('restore', '--json', '--key', 'deps-1', 'tree')
  assert.equal(missed.code, 0, missed.stderr)
  assert.equal((JSON.parse(missed.stdout) as { hit: string }).hit, 'miss')
  assert.match(missed.stderr, /notice: There is no swarm key.*SWARMCACHE_KEY/)
  assert.deepEqual(await stranger.peers(), [])
  // It does not even try; somebody who does is noticed.
  const port = Number(/\/tcp\/(\d+)/.exec(node.addresses[0]!)![1])
  const socket = connect(port, '127.0.0.1', () => socket.end('GET / HTTP/1.1\r\n\r\n'))
  await once(socket.resume(), 'close')
  const refused = (await logOf(node)).match(/A connection was refused/g)
  assert.equal(refused?.length, 1)
})

test('a node with the key of another repository gets nothing of this one', options, async (t) => {
  const { fleet, node } = await startGuarded(t)
  const other = fleet.machine('other', {
    SWARMCACHE_REPOSITORY: 'octo/other',
    SWARMCACHE_BOOTSTRAP: node.addresses.join(),
  })
  assert.equal((await other.restore('deps-1', 'tree')).hit, 'miss')
  assert.deepEqual(await other.peers(), [])
  assert.match(await logOf(node), /A connection was refused/)
})

test(
  'the registry tells who can read it neither peers nor repository, and what others plant there is ignored',
  options,
  async (t) => {
    const { fleet, member, node } = await startGuarded(t)
    const found = readEverything(fleet.registry)
    assert.ok(found.length > 0)
    const port = /\/tcp\/(\d+)/.exec(node.addresses[0]!)![1]!
    const secrets = [FLEET_KEY, FLEET_REPOSITORY, node.peerId, '127.0.0.1', `/tcp/${port}`]
    for (const [path, content] of found) {
      for (const secret of secrets) {
        assert.ok(!path.includes(secret), `${path} names ${secret}`)
        assert.ok(!content.includes(secret), `${path} holds ${secret}`)
      }
      for (const part of content.split('.')) {
        const plain = Buffer.from(part, 'base64url').toString('latin1')
        assert.doesNotMatch(plain, /12D3Koo|tcp|octo/)
      }
    }
    // A copy under another name, and rubbish of every kind, beside the good record.
    const [path, content] = found[0]!
    for (const [index, planted] of [content, content.slice(0, -9), '{}', '', '\0'].entries()) {
      writeFileSync(join(path, '..', `${index}`.repeat(32)), planted)
    }
    const visitor = fleet.machine('visitor')
    assert.equal((await visitor.restore('deps-1', 'tree')).hit, 'exact')
    assert.deepEqual(describeTree(visitor.path('tree')), describeTree(member.path('tree')))
  },
)

/** A member that runs and holds `deps-1`. */
async function startGuarded(
  t: TestContext,
): Promise<{ fleet: Fleet; member: Machine; node: ServingNode }> {
  const fleet = new Fleet(t)
  const member = fleet.machine('member')
  const node = await member.serve()
  writeFiles(member.path('tree'))
  assert.equal((await member.save('deps-1', 'tree')).saved, true)
  return { fleet, member, node }
}

function writeFiles(folder: string): void {
  mkdirSync(folder)
  writeFileSync(join(folder, 'one'), 'one\n'.repeat(1000))
  writeFileSync(join(folder, 'two'), 'two')
}

/** Everything a node has said until it was asked to leave. */
async function logOf({ child, done }: ServingNode): Promise<string> {
  child.kill('SIGTERM')
  const { code, stderr } = await done
  assert.equal(code, 0, stderr)
  return stderr
}

function assertSecretsKept(text: string): void {
  assert.ok(!text.includes(FLEET_KEY))
  assert.ok(!text.includes('another key that somebody made up'))
}

/** Path and content of every file below a folder. */
function readEverything(folder: string): [path: string, content: string][] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((item) => item.isFile())
    .map((item) => join(item.parentPath, item.name))
    .map((path) => [path, readFileSync(path, 'latin1')])
}
