import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { NodeTiers } from '../../../src/cache/node-tiers.ts'
import type { Tiers } from '../../../src/cache/cache.ts'
import { openFrame } from '../../../src/core/chunk.ts'
import { digestOf } from '../../../src/core/digest.ts'
import type { Entry, SignedEntry } from '../../../src/core/entry.ts'
import { createLogger } from '../../../src/core/logger.ts'
import { MessageStream } from '../../../src/core/message.ts'
import type { Role } from '../../../src/core/peer.ts'
import { checkSignature, createPeerKey, signEntry } from '../../../src/identity/identity.ts'
import { HandOver } from '../../../src/node/hand-over.ts'
import { HandOverKeeper } from '../../../src/node/hand-over-keeper.ts'
import { HAND_OVER_LIMITS, HAND_OVER_PROTOCOL } from '../../../src/node/hand-over-wire.ts'
import { LocalNode } from '../../../src/node/local-node.ts'
import { Member } from '../../../src/node/member.ts'
import { Rendezvous } from '../../../src/node/rendezvous.ts'
import { answersFrom, supplyFrom } from '../../../src/node/serving.ts'
import { MemoryPlace, MemoryRegistry } from '../../../src/registry/memory-registry.ts'
import { SwarmRouter } from '../../../src/router/swarm-router.ts'
import { MemoryStore } from '../../../src/store/memory-store.ts'
import { MemoryNetwork } from '../../../src/swarm/memory-network.ts'
import { MemorySwarm } from '../../../src/swarm/memory-swarm.ts'
import { SwarmTransfer } from '../../../src/transfer/swarm-transfer.ts'
import { save } from '../../contract/tiers.ts'
import { collect, eventually } from '../../support/eventually.ts'
import { REPOSITORY, askFor, makeSample } from '../../support/sample-entries.ts'
import type { Sample } from '../../support/sample-entries.ts'
import { ownAnswers } from '../../support/member-answers.ts'

const options = { timeout: 30_000 }

interface NodeSettings {
  readonly role?: Role
  readonly staysOn?: boolean
  readonly ownOnly?: boolean
  readonly limitBytes?: number
  readonly drainMs?: number
}

interface Running {
  readonly node: LocalNode
  readonly tiers: Tiers
  readonly store: MemoryStore
  readonly swarm: MemorySwarm
  /** Frames that were put into the store, by any way. */
  readonly puts: string[]
  readonly lines: string[]
}

/** Nodes of one swarm in memory, each connected to all others. */
class Fleet {
  readonly network = new MemoryNetwork()
  readonly failed: string[] = []
  readonly #place = new MemoryPlace()
  readonly #running: Running[] = []
  readonly #t: TestContext

  constructor(t: TestContext) {
    this.#t = t
  }

  async add(settings: NodeSettings = {}): Promise<Running> {
    const { role = 'runner', staysOn = true, ownOnly = false, limitBytes = 1e8 } = settings
    const key = createPeerKey()
    const lines: string[] = []
    const puts: string[] = []
    const logger = createLogger((level, line) => lines.push(`${level}: ${line}`))
    const store = new MemoryStore({ repository: REPOSITORY, limitBytes })
    const put = store.put.bind(store)
    store.put = async (frame, putOptions) => {
      puts.push(frame.chunk.digest)
      await put(frame, putOptions)
    }
    const swarm = new MemorySwarm({ network: this.network, peerId: key.peerId })
    const answers = answersFrom({ store, checkEntry: checkSignature, swarm }, { role })
    const router = new SwarmRouter(
      { swarm, answers, checkEntry: checkSignature, logger },
      { initialTimeoutMs: 2000 },
    )
    const failed = router.failed.bind(router)
    router.failed = (peerId, reason, misbehaved) => {
      if (misbehaved === true) this.failed.push(peerId)
      failed(peerId, reason, misbehaved)
    }
    const supply = supplyFrom(store, role)
    const transfer = new SwarmTransfer({ swarm, peers: router, supply, logger })
    const registries = [new MemoryRegistry({ place: this.#place })]
    const rendezvous = new Rendezvous({ swarm, registries, logger }, { role, firstDiscoverMs: 10 })
    const keeper = new HandOverKeeper(
      { store, transfer, router, checkEntry: checkSignature, logger },
      { repository: REPOSITORY, role, staysOn },
    )
    const handOver = new HandOver({ swarm, store, router, keeper, logger }, { role, ownOnly })
    const sign = (entry: Omit<Entry, 'writer'>): SignedEntry => signEntry(entry, key)
    const peers = { router, transfer }
    const tiers = new NodeTiers(
      { store, peers, sign, checkEntry: checkSignature, logger },
      { repository: REPOSITORY },
    )
    const joined = { swarm, router, transfer, rendezvous, handOver }
    const node = new LocalNode(
      {
        createMember: async (repository) =>
          new Member(
            { store, tiers, answers: ownAnswers(), joined, logger },
            { repository, peerId: key.peerId },
          ),
      },
      {
        version: '0',
        home: '/nowhere',
        role,
        membership: { proof: 'key' },
        registries: [],
        drainMs: settings.drainMs,
      },
    )
    this.#t.after(() => node.stop())
    await node.tiers(REPOSITORY)
    for (const other of this.#running) {
      if (other.swarm.addresses().length === 0) continue
      await swarm.dial(other.swarm.peerId, other.swarm.addresses())
    }
    const running = { node, tiers, store, swarm, puts, lines }
    this.#running.push(running)
    return running
  }

  /** A member that answers peers which leave in its own way. */
  async addRaw(answer?: (messages: MessageStream) => Promise<void>): Promise<MemorySwarm> {
    const swarm = new MemorySwarm({ network: this.network })
    if (answer !== undefined) {
      swarm.handle(HAND_OVER_PROTOCOL, (stream) =>
        answer(new MessageStream(stream, HAND_OVER_LIMITS)),
      )
    }
    await swarm.start()
    this.#t.after(() => swarm.stop())
    for (const { swarm: other } of this.#running) await swarm.dial(other.peerId, other.addresses())
    return swarm
  }
}

/** Reads all of an entry that a node finds; returns who served it. */
async function readAll({ tiers }: Running, key: string, sample: Sample): Promise<Set<string>> {
  const { match } = await tiers.find(askFor(key))
  assert.equal(match?.hit, 'exact')
  await tiers.readManifest(match.entry)
  const chunks = sample.frames.map((frame) => frame.chunk)
  const frames = await collect(tiers.readChunks(match.entry, chunks))
  assert.equal(frames.length, chunks.length)
  for (const frame of frames) await openFrame(frame)
  return new Set(frames.flatMap((frame) => frame.peer ?? []))
}

test('what a runner saved is had from the seeder once it has left', options, async (t) => {
  const fleet = new Fleet(t)
  const seeder = await fleet.add({ role: 'seeder' })
  const runner = await fleet.add()
  const other = await fleet.add()
  const sample = await makeSample('deps-1', { count: 20 })
  const saved = await save(runner.tiers, sample)
  await runner.node.stop()
  assert.deepEqual(runner.swarm.peers(), [])
  assert.deepEqual(await seeder.store.getEntry(saved), saved)
  assert.equal(await other.store.getEntry(saved), undefined)
  assert.ok(runner.lines.some((line) => /^info: Handed 1 entry .* over to 1 peer\.$/.test(line)))
  const newcomer = await fleet.add()
  assert.deepEqual(await readAll(newcomer, 'deps-1', sample), new Set([seeder.swarm.peerId]))
})

test('without a seeder the one that has been there longest keeps it', options, async (t) => {
  const fleet = new Fleet(t)
  const session = await fleet.add({ staysOn: false })
  const elder = await fleet.add()
  const runner = await fleet.add()
  const younger = await fleet.add()
  const saved = await save(runner.tiers, await makeSample('deps-1'))
  await runner.node.stop()
  assert.deepEqual(await elder.store.getEntry(saved), saved)
  for (const { store } of [session, younger]) assert.equal(await store.getEntry(saved), undefined)
})

test('what a seeder has is not handed over again', options, async (t) => {
  const fleet = new Fleet(t)
  const seeder = await fleet.add({ role: 'seeder' })
  const runner = await fleet.add()
  const sample = await makeSample('deps-1')
  await save(runner.tiers, sample)
  await readAll(seeder, 'deps-1', sample)
  const puts = seeder.puts.length
  await runner.node.stop()
  assert.equal(seeder.puts.length, puts)
  assert.ok(!runner.lines.some((line) => line.includes('Handed')))
})

test('runners that leave together with the same hand it over once', options, async (t) => {
  const fleet = new Fleet(t)
  const seeder = await fleet.add({ role: 'seeder' })
  const crowd = [await fleet.add(), await fleet.add(), await fleet.add(), await fleet.add()]
  const sample = await makeSample('deps-1', { count: 40, bytes: 50_000 })
  const saved = await save(crowd[0]!.tiers, sample)
  for (const runner of crowd.slice(1)) await readAll(runner, 'deps-1', sample)
  await Promise.all(crowd.map(({ node }) => node.stop()))
  assert.deepEqual(await seeder.store.getEntry(saved), saved)
  assert.equal(seeder.puts.length, sample.frames.length)
})

test('the newest is handed over first', options, async (t) => {
  const fleet = new Fleet(t)
  const order: unknown[] = []
  const runner = await fleet.add()
  await fleet.addRaw(async (messages) => {
    for (;;) {
      const said = await messages.read()
      if (said === undefined) return
      const { leaving, holds, offer } = said.header
      if (leaving === true) {
        await messages.write({ role: 'seeder', uptimeSeconds: 9, accepts: true })
      } else if (holds !== undefined) await messages.write({ held: false })
      else {
        order.push((offer as Entry).key)
        await messages.write({ taken: true })
      }
    }
  })
  for (const [key, created] of [
    ['old', 1000],
    ['new', 3000],
    ['middle', 2000],
  ] as const) {
    await save(runner.tiers, await makeSample(key, { created }))
  }
  await runner.node.stop()
  assert.deepEqual(order, ['new', 'middle', 'old'])
})

test('a full seeder refuses, and another one keeps it', options, async (t) => {
  const fleet = new Fleet(t)
  const full = await fleet.add({ role: 'seeder', limitBytes: 20_000 })
  const runner = await fleet.add()
  const roomy = await fleet.add({ role: 'seeder' })
  const saved = await save(runner.tiers, await makeSample('deps-1', { count: 4, bytes: 10_000 }))
  await runner.node.stop()
  assert.equal(await full.store.getEntry(saved), undefined)
  assert.deepEqual(await roomy.store.getEntry(saved), saved)
})

test('where nobody has room the runner says so and leaves', options, async (t) => {
  const fleet = new Fleet(t)
  await fleet.add({ role: 'seeder', limitBytes: 20_000 })
  const runner = await fleet.add()
  await save(runner.tiers, await makeSample('deps-1', { count: 4, bytes: 10_000 }))
  await runner.node.stop()
  assert.deepEqual(runner.swarm.peers(), [])
  assert.ok(runner.lines.includes('info: No other peer has 1 entry of this node.'))
})

test('a seeder that never answers keeps nobody longer than the budget', options, async (t) => {
  const fleet = new Fleet(t)
  const runner = await fleet.add({ drainMs: 300 })
  await fleet.addRaw(async (messages) => {
    await messages.read()
    await messages.write({ role: 'seeder', uptimeSeconds: 9, accepts: true })
    await messages.read()
    await messages.write({ held: false })
    await new Promise(() => {})
  })
  await save(runner.tiers, await makeSample('deps-1'))
  await runner.node.stop()
  assert.deepEqual(runner.swarm.peers(), [])
  assert.ok(runner.lines.includes('info: No other peer has 1 entry of this node.'))
})

test('a seeder that dies in the middle does not keep a runner from leaving', options, async (t) => {
  const fleet = new Fleet(t)
  const runner = await fleet.add()
  const dying = await fleet.addRaw(async (messages) => {
    await messages.read()
    await messages.write({ role: 'seeder', uptimeSeconds: 9, accepts: true })
    await messages.read()
    void dying.stop()
  })
  await save(runner.tiers, await makeSample('deps-1'))
  await runner.node.stop()
  assert.deepEqual(runner.swarm.peers(), [])
})

test('a session hands over what it wrote, and nothing else of its home', options, async (t) => {
  const fleet = new Fleet(t)
  const writer = await fleet.add()
  const session = await fleet.add({ ownOnly: true, staysOn: false })
  const sample = await makeSample('deps-1')
  const foreign = await save(writer.tiers, sample)
  await readAll(session, 'deps-1', sample)
  const own = await save(session.tiers, await makeSample('deps-2'))
  const seeder = await fleet.add({ role: 'seeder' })
  await session.node.stop()
  assert.deepEqual(await seeder.store.getEntry(own), own)
  assert.equal(await seeder.store.getEntry(foreign), undefined)
})

test('a seeder does not fill the disks of jobs while it restarts', options, async (t) => {
  const fleet = new Fleet(t)
  const runner = await fleet.add()
  const seeder = await fleet.add({ role: 'seeder' })
  const saved = await save(seeder.tiers, await makeSample('deps-1'))
  await seeder.node.stop()
  assert.equal(await runner.store.getEntry(saved), undefined)
})

test('a reader in the middle of a fetch goes on with another holder', options, async (t) => {
  const fleet = new Fleet(t)
  const leaving = await fleet.add({ drainMs: 1 })
  const staying = await fleet.add()
  const sample = await makeSample('deps-1', { count: 400, bytes: 100_000 })
  await save(leaving.tiers, sample)
  await readAll(staying, 'deps-1', sample)
  const reader = await fleet.add()
  const { match } = await reader.tiers.find(askFor('deps-1'))
  await reader.tiers.readManifest(match!.entry)
  const chunks = sample.frames.map((frame) => frame.chunk)
  const servers: string[] = []
  let left = false
  for await (const { peer } of reader.tiers.readChunks(match!.entry, chunks)) {
    servers.push(peer!)
    if (left || peer !== leaving.swarm.peerId) continue
    left = true
    // Most of the entry does not fit into what is buffered while nobody reads.
    await leaving.node.stop()
  }
  assert.ok(left, 'the one that left had served some')
  assert.equal(servers.length, chunks.length)
  assert.equal(servers.at(-1), staying.swarm.peerId)
})

test('an entry with a wrong signature is refused and its bringer blamed', options, async (t) => {
  const fleet = new Fleet(t)
  const seeder = await fleet.add({ role: 'seeder' })
  const liar = await fleet.addRaw()
  const { entry } = await makeSample('deps-1')
  const offer = { ...signEntry(entry, createPeerKey()), manifest: digestOf('other') }
  const stream = await liar.open(seeder.swarm.peerId, HAND_OVER_PROTOCOL)
  const messages = new MessageStream(stream, HAND_OVER_LIMITS)
  await messages.write({ offer })
  // It is banned at once, so the refusal may not reach it any more.
  const answer = await messages.read().catch(() => undefined)
  assert.notEqual(answer?.header['taken'], true)
  assert.deepEqual(fleet.failed, [liar.peerId])
  assert.deepEqual(await seeder.store.entries(), [])
})

const REFUSED: Record<string, Partial<Entry>> = {
  'of another repository': { repository: 'octo/other' },
  'whose manifest is beyond the bound': { manifestBytes: 2 ** 40 },
  'that says it fills the disk': { contentBytes: 2 ** 40 },
  'whose bytes its bringer does not have': {},
}
for (const [what, more] of Object.entries(REFUSED)) {
  test(`an entry ${what} is refused`, options, async (t) => {
    const fleet = new Fleet(t)
    const seeder = await fleet.add({ role: 'seeder' })
    const other = await fleet.addRaw()
    const { entry } = await makeSample('deps-1')
    const offer = signEntry({ ...entry, ...more }, createPeerKey())
    const stream = await other.open(seeder.swarm.peerId, HAND_OVER_PROTOCOL)
    const messages = new MessageStream(stream, HAND_OVER_LIMITS)
    await messages.write({ offer })
    assert.ok(typeof (await messages.read())?.header['refused'] === 'string')
    assert.deepEqual(await seeder.store.entries(), [])
  })
}

test('who says nonsense while leaving is blamed', options, async (t) => {
  const fleet = new Fleet(t)
  const seeder = await fleet.add({ role: 'seeder' })
  const attacker = await fleet.addRaw()
  const stream = await attacker.open(seeder.swarm.peerId, HAND_OVER_PROTOCOL)
  await new MessageStream(stream, HAND_OVER_LIMITS).write({ holds: { repository: 7 } })
  await eventually('the blame', () => fleet.failed.includes(attacker.peerId))
})
