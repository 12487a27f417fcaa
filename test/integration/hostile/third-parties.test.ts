import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { digestOf } from '../../../src/core/digest.ts'
import { MessageStream } from '../../../src/core/message.ts'
import { createPeerKey } from '../../../src/identity/identity.ts'
import { DirectoryRegistry } from '../../../src/registry/directory-registry.ts'
import { eventually } from '../../support/eventually.ts'
import { HostileSwarm } from '../../support/hostile-swarm.ts'
import { LyingDht } from '../../support/lying-dht.ts'

const options = { timeout: 60_000 }
const LIMITS = { headerBytes: 4096, bodyBytes: 0 }
// What a node spends on one host at once, and each second after that.
const HOST_BURST = 64

/** Somebody who has nothing to do with the swarm, and counts who connects. */
class ThirdParty {
  connections = 0
  readonly #started = performance.now()

  static async start(t: TestContext): Promise<ThirdParty & { port: number }> {
    const party = new ThirdParty()
    const server = createServer((socket) => {
      party.connections += 1
      socket.on('error', () => {})
      socket.destroy()
    })
    t.after(() => server.close())
    server.listen(0, 'localhost')
    await once(server, 'listening')
    return Object.assign(party, { port: (server.address() as AddressInfo).port })
  }

  /** It was not dialled more than so many nodes may dial a host where nobody answers. */
  assertSpared(nodes: number): void {
    const seconds = Math.ceil((performance.now() - this.#started) / 1000)
    assert.ok(this.connections > 0, 'nobody was led astray')
    assert.ok(
      this.connections <= nodes * (HOST_BURST + seconds),
      `${this.connections} connections in ${seconds} s`,
    )
  }
}

// More than an answer may hold, and as many as fit.
for (const [peers, isCut] of [
  [2000, true],
  [100, false],
] as const) {
  test(
    `a DHT that names ${peers} made-up peers makes no flood of a node, nor hides anything`,
    options,
    async (t) => {
      const swarm = await HostileSwarm.start(t)
      const third = await ThirdParty.start(t)
      const addresses = [`/dns4/localhost/tcp/${third.port}`]
      const lying = await LyingDht.start(swarm.keys.prologue, peers, addresses)
      t.after(() => lying.stop())
      const victim = await swarm.victim()
      const { swarms } = await victim.session.node.status()
      await lying.dial(swarms[0]!.addresses)
      // A key that nobody has sends the node to the DHT.
      await eventually('an answer of the DHT', async () => {
        const missed = await victim.session.cache.restore(['tree'], `missing-${lying.asked}`)
        assert.equal(missed.hit, 'miss')
        return lying.asked > 0 && (isCut || third.connections > 0)
      })
      await swarm.assertRestored(victim)
      await swarm.assertHonestIsKept(victim)
      if (isCut) assert.equal(third.connections, 0)
      else third.assertSpared(2)
    },
  )
}

test(
  'a registry full of records that lead to strangers makes no flood of a node',
  options,
  async (t) => {
    const swarm = await HostileSwarm.start(t)
    const third = await ThirdParty.start(t)
    const registry = new DirectoryRegistry({ keys: swarm.keys }, { path: swarm.registryPath })
    const expires = Date.now() + 60_000
    for (let record = 0; record < 60; record += 1) {
      const { peerId } = createPeerKey()
      const addresses = Array.from(
        { length: 16 },
        (_, index) => `/dns4/localhost/tcp/${third.port - (index % 2)}/p2p/${peerId}`,
      )
      await registry.announce({ peerId, addresses, role: 'seeder', expires })
    }
    const victim = await swarm.victim()
    await eventually('a connection to the third party', () => third.connections > 0)
    await swarm.assertRestored(victim)
    // The honest holder looks into the registry as well.
    third.assertSpared(2)
  },
)

test(
  'a peer that wishes to be dialled back elsewhere again and again is not',
  options,
  async (t) => {
    const swarm = await HostileSwarm.start(t)
    const third = await ThirdParty.start(t)
    const attacker = await swarm.attacker()
    const target = await swarm.attackHonest(attacker)
    const offer = {
      hosts: ['127.0.0.1'],
      port: third.port,
      fingerprint: digestOf('no certificate'),
      ticket: digestOf('no ticket'),
    }
    const wish = async (): Promise<void> => {
      const stream = await attacker.swarm.open(target, '/swarmcache/lane/1')
      const messages = new MessageStream(stream, LIMITS)
      for (let count = 0; count < 3; count += 1) {
        await messages.write({ want: 'dial-back', offer })
        assert.equal((await messages.read())?.header['dialled'], false)
      }
      messages.abort()
    }
    const wishes = await Promise.allSettled(Array.from({ length: 40 }, wish))
    assert.ok(
      wishes.some(({ status }) => status === 'fulfilled'),
      'no wish was answered',
    )
    assert.ok(third.connections <= 8, `${third.connections} connections`)
    await swarm.assertRestored(await swarm.victim(attacker))
  },
)
