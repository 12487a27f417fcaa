import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { createLogger, silentLogger } from '../../../src/core/logger.ts'
import { NEVER } from '../../../src/core/peer.ts'
import type { PeerRecord } from '../../../src/core/peer.ts'
import { Rendezvous } from '../../../src/node/rendezvous.ts'
import type { RendezvousOptions, RendezvousParts } from '../../../src/node/rendezvous.ts'
import { MemoryPlace, MemoryRegistry } from '../../../src/registry/memory-registry.ts'
import type { RegistryOptions } from '../../../src/registry/registry.ts'
import { MemoryNetwork } from '../../../src/swarm/memory-network.ts'
import { MemorySwarm } from '../../../src/swarm/memory-swarm.ts'
import type { SwarmOptions, SwarmPeer } from '../../../src/swarm/swarm.ts'
import { eventually } from '../../support/eventually.ts'

const options = { timeout: 20_000 }
const FAST = { firstDiscoverMs: 5, slowestDiscoverMs: 20 }
const NEVER_MS = 1_000_000

/** Counts what is asked of it, and fails on request. */
class CountingRegistry extends MemoryRegistry {
  looks = 0
  announced: PeerRecord[] = []
  failing = false

  override async discover(options?: RegistryOptions): Promise<PeerRecord[]> {
    this.looks += 1
    if (this.failing) throw new Error('the disk is gone')
    return await super.discover(options)
  }

  override async announce(record: PeerRecord, options?: RegistryOptions): Promise<void> {
    if (this.failing) throw new Error('the disk is gone')
    this.announced.push(record)
    await super.announce(record, options)
  }
}

/** Counts its dials, and may have other addresses or none. */
class CountingSwarm extends MemorySwarm {
  dialled: string[] = []
  addressList: string[] | undefined

  override addresses(): string[] {
    return this.addressList ?? super.addresses()
  }

  override async dial(
    peerId: string,
    addresses: readonly string[],
    options?: SwarmOptions,
  ): Promise<SwarmPeer> {
    this.dialled.push(addresses.join())
    return await super.dial(peerId, addresses, options)
  }
}

class World {
  readonly network = new MemoryNetwork()
  readonly place = new MemoryPlace()
  readonly registry = new CountingRegistry({ place: this.place })
  readonly #t: TestContext

  constructor(t: TestContext) {
    this.#t = t
  }

  async join(
    more: Partial<RendezvousOptions> = {},
    parts: Partial<RendezvousParts> = {},
  ): Promise<{ swarm: CountingSwarm; rendezvous: Rendezvous }> {
    const swarm = new CountingSwarm({ network: this.network })
    await swarm.start()
    const rendezvous = new Rendezvous(
      { swarm, registries: [this.registry], logger: silentLogger, ...parts },
      { role: 'runner', ...FAST, ...more },
    )
    this.#t.after(async () => {
      await rendezvous.stop()
      await swarm.stop()
    })
    rendezvous.start()
    return { swarm, rendezvous }
  }

  /** A record of a peer that was killed and has not expired. */
  leaveDead(role: PeerRecord['role'] = 'runner'): PeerRecord {
    const { peerId } = new MemorySwarm({ network: this.network })
    const address = `/memory/gone/p2p/${peerId}`
    const record = { peerId, addresses: [address], role, expires: Date.now() + NEVER_MS }
    this.place.records.set(peerId, record)
    this.place.changed()
    return record
  }
}

test('a newcomer is connected to those it finds by the time it is ready', options, async (t) => {
  const world = new World(t)
  const first = await world.join()
  await eventually('the announcement', () => world.place.records.size === 1)
  const second = await world.join()
  await second.rendezvous.ready()
  assert.deepEqual(
    second.swarm.peers().map((peer) => peer.peerId),
    [first.swarm.peerId],
  )
})

test(
  'nodes that start together find each other when the registry tells no changes',
  options,
  async (t) => {
    const world = new World(t)
    world.registry.watch = () => () => {}
    const nodes = await Promise.all([world.join(), world.join(), world.join()])
    await eventually('the mesh', () => nodes.every(({ swarm }) => swarm.peers().length === 2))
  },
)

test(
  'a change in the registry is acted on long before the next look is due',
  options,
  async (t) => {
    const world = new World(t)
    const slow = { firstDiscoverMs: NEVER_MS, slowestDiscoverMs: NEVER_MS }
    const first = await world.join(slow)
    await first.rendezvous.ready()
    const second = new CountingSwarm({ network: world.network })
    await second.start()
    t.after(() => second.stop())
    const expires = Date.now() + NEVER_MS
    const addresses = second.addresses()
    await world.registry.announce({ peerId: second.peerId, addresses, role: 'runner', expires })
    await eventually('the connection', () => second.peers().length === 1)
  },
)

test('a dead record is dialled once and then left alone for a while', options, async (t) => {
  const world = new World(t)
  world.leaveDead()
  const { swarm, rendezvous } = await world.join({
    backoffMs: NEVER_MS,
    longestBackoffMs: NEVER_MS,
  })
  await rendezvous.ready()
  const looks = world.registry.looks
  await eventually('more looks', () => world.registry.looks > looks + 20)
  assert.equal(swarm.dialled.length, 1)
})

test(
  'a given address that leads nowhere is one warning, a dead record none',
  options,
  async (t) => {
    const world = new World(t)
    world.leaveDead()
    const given = { ...world.leaveDead(), expires: NEVER }
    world.place.records.set(given.peerId, given)
    const warnings: string[] = []
    const logger = createLogger((_level, line) => warnings.push(line), 'warning')
    const { swarm } = await world.join({ backoffMs: 5, longestBackoffMs: 10 }, { logger })
    const dials = (): string[] => swarm.dialled.filter((to) => to.includes(given.peerId))
    await eventually('further attempts', () => dials().length > 3)
    assert.equal(warnings.length, 1, warnings.join('\n'))
    assert.match(warnings[0]!, new RegExp(`Could not connect to ${given.peerId}`))
  },
)

test(
  'a peer that failed is tried again after its backoff, and at once under a new address',
  options,
  async (t) => {
    const world = new World(t)
    const dead = world.leaveDead()
    const retried = await world.join({ backoffMs: 5, longestBackoffMs: 10 })
    await eventually('further attempts', () => retried.swarm.dialled.length > 3)
    const patient = await world.join({ backoffMs: NEVER_MS, longestBackoffMs: NEVER_MS })
    const dials = (): string[] => patient.swarm.dialled.filter((to) => to.includes(dead.peerId))
    await eventually('the first attempt', () => dials().length === 1)
    const moved = `/memory/moved/p2p/${dead.peerId}`
    world.place.records.set(dead.peerId, { ...dead, addresses: [moved] })
    await eventually('an attempt at the new address', () => dials().includes(moved))
    assert.equal(dials().length, 2)
  },
)

test('a living peer is reached although many records are dead', options, async (t) => {
  const world = new World(t)
  for (let count = 0; count < 60; count += 1) world.leaveDead()
  await world.join()
  await eventually('the announcement', () => world.place.records.size === 61)
  const { swarm } = await world.join()
  await eventually('the connection', () => swarm.peers().length === 1)
})

test('beyond enough peers only seeders are dialled', options, async (t) => {
  const world = new World(t)
  const alone = { enoughPeers: 0 }
  await Promise.all([world.join(alone), world.join(alone), world.join(alone)])
  await eventually('the runners', () => world.place.records.size === 3)
  const seeder = await world.join({ ...alone, role: 'seeder' })
  await eventually('the seeder', () => seeder.swarm.peers().length === 3)
  const looks = world.registry.looks
  await eventually('more looks', () => world.registry.looks > looks + 20)
  assert.equal(seeder.swarm.dialled.length, 0)
})

test('a seeder that was lost is dialled again', options, async (t) => {
  const world = new World(t)
  const seeder = await world.join({ role: 'seeder', enoughPeers: 0 })
  const runner = await world.join()
  await eventually('the connection', () => runner.swarm.peers().length === 1)
  world.network.cut(runner.swarm.peerId, seeder.swarm.peerId)
  await eventually('the connection again', () => seeder.swarm.peers().length === 1)
})

test(
  'a record is renewed before it expires, with the addresses of the moment',
  options,
  async (t) => {
    const world = new World(t)
    const { swarm } = await world.join({ heartbeatMs: 10, expiryMs: 1000 })
    await eventually('heartbeats', () => world.registry.announced.length > 3)
    const expiries = world.registry.announced.map((record) => record.expires)
    assert.deepEqual(
      expiries,
      expiries.toSorted((a, b) => a - b),
    )
    swarm.addressList = [`/memory/other/p2p/${swarm.peerId}`]
    await eventually('the new address', () => {
      return world.place.records.get(swarm.peerId)?.addresses[0] === swarm.addressList?.[0]
    })
  },
)

test(
  'addresses that change are announced at once; without any, the record goes',
  options,
  async (t) => {
    const world = new World(t)
    const { swarm } = await world.join({ heartbeatMs: NEVER_MS })
    await eventually('the record', () => world.place.records.size === 1)
    swarm.addressList = []
    // The swarm tells its listeners when it starts.
    await swarm.start()
    await eventually('the withdrawal', () => world.place.records.size === 0)
    swarm.addressList = [`/memory/other/p2p/${swarm.peerId}`]
    await swarm.start()
    await eventually('the record', () => world.place.records.size === 1)
  },
)

test('a reader finds others and stays unannounced', options, async (t) => {
  const world = new World(t)
  await world.join()
  const reader = await world.join({ role: 'reader' })
  await eventually('the connection', () => reader.swarm.peers().length === 1)
  assert.deepEqual(
    world.registry.announced.filter((record) => record.peerId === reader.swarm.peerId),
    [],
  )
})

test(
  'stopping withdraws the record, also while an announcement is under way',
  options,
  async (t) => {
    const world = new World(t)
    const { rendezvous } = await world.join({ heartbeatMs: 1 })
    await eventually('the record', () => world.place.records.size === 1)
    await rendezvous.stop()
    assert.equal(world.place.records.size, 0)
    const looks = world.registry.looks
    world.leaveDead()
    assert.equal(world.registry.looks, looks)
  },
)

test(
  'a registry that fails is one warning, holds up nobody, and is used again when it works',
  options,
  async (t) => {
    const lines: string[] = []
    const logger = createLogger((level, line) => lines.push(`${level} ${line}`))
    const world = new World(t)
    const broken = new CountingRegistry({ place: new MemoryPlace() })
    broken.failing = true
    await world.join()
    const registries = [broken, world.registry]
    const { swarm, rendezvous } = await world.join({ heartbeatMs: 5 }, { registries, logger })
    await rendezvous.ready()
    await eventually('the connection', () => swarm.peers().length === 1)
    const looks = broken.looks
    await eventually('more looks', () => broken.looks > looks + 10)
    const warnings = lines.filter((line) => line.startsWith('warning'))
    assert.equal(warnings.length, 2, 'one for announcing, one for discovering')
    assert.match(warnings.join(), /the disk is gone/)
    broken.failing = false
    await eventually('its use', () => broken.announced.length > 0)
  },
)

test('being ready does not wait for a registry that hangs', options, async (t) => {
  const world = new World(t)
  world.registry.discover = () => new Promise(() => {})
  const { rendezvous } = await world.join({ readyMs: 30 })
  await rendezvous.ready()
  const reason = new Error('no time')
  const { rendezvous: other } = await world.join({ readyMs: NEVER_MS })
  await assert.rejects(other.ready({ signal: AbortSignal.abort(reason) }), reason)
})

test(
  'a registry that takes its time holds up neither the others nor being ready',
  options,
  async (t) => {
    const world = new World(t)
    const slow = new CountingRegistry({ place: new MemoryPlace() })
    const never = new Promise<never>(() => {})
    slow.discover = async () => await never
    slow.announce = async () => await never
    const first = await world.join()
    await eventually('the announcement', () => world.place.records.size === 1)
    const second = await world.join({ readyMs: 50 }, { registries: [slow, world.registry] })
    await eventually('the connection', () => first.swarm.peers().length === 1)
    await eventually('its announcement elsewhere', () => world.place.records.size === 2)
    await second.rendezvous.ready()
  },
)

test(
  'a registry is announced in at its own pace, and told who is connected',
  options,
  async (t) => {
    const world = new World(t)
    const place = new MemoryPlace()
    const told: (ReadonlySet<string> | undefined)[] = []
    class CostlyRegistry extends CountingRegistry {
      readonly pace = {
        expiryMs: NEVER_MS,
        heartbeatMs: NEVER_MS,
        settleMs: NEVER_MS,
        spreadMs: 20,
        deadlineMs: 1000,
      }

      override async discover(how?: RegistryOptions): Promise<PeerRecord[]> {
        told.push(how?.connected)
        return await super.discover(how)
      }
    }
    const costly = new CostlyRegistry({ place })
    const other = await world.join()
    await eventually('the announcement', () => world.place.records.size === 1)
    const { swarm } = await world.join({ heartbeatMs: 5 }, { registries: [costly, world.registry] })
    swarm.addressList = [`/memory/other/p2p/${swarm.peerId}`]
    const heartbeats = (): number =>
      world.registry.announced.filter(({ peerId }) => peerId === swarm.peerId).length
    await eventually('heartbeats elsewhere', () => heartbeats() > 20 && place.records.size === 1)
    assert.equal(costly.announced.length, 1)
    assert.ok(costly.announced[0]!.expires > Date.now() + NEVER_MS / 2)
    await eventually('the news of a peer', () => told.at(-1)?.has(other.swarm.peerId) === true)
  },
)

test(
  'the records of one peer in several registries count as one, with all its addresses',
  options,
  async (t) => {
    const world = new World(t)
    const elsewhere = new CountingRegistry({ place: new MemoryPlace() })
    const dead = world.leaveDead()
    const other = { ...dead, addresses: [`/memory/elsewhere/p2p/${dead.peerId}`] }
    await elsewhere.announce(other)
    const backoff = { backoffMs: NEVER_MS, longestBackoffMs: NEVER_MS }
    const registries = [elsewhere, world.registry]
    const { swarm } = await world.join(backoff, { registries })
    await eventually('a dial to both addresses', () =>
      swarm.dialled.some((to) => to.includes('elsewhere') && to.includes('gone')),
    )
  },
)
