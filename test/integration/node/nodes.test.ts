import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { NodeTiers } from '../../../src/cache/node-tiers.ts'
import type { Tiers } from '../../../src/cache/cache.ts'
import { openFrame } from '../../../src/core/chunk.ts'
import { digestOf } from '../../../src/core/digest.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import type { Role } from '../../../src/core/peer.ts'
import {
  checkSignature,
  createPeerKey,
  deriveSwarmKeys,
  signEntry,
  verifyEntry,
} from '../../../src/identity/identity.ts'
import type { PeerKey, SwarmKeys } from '../../../src/identity/identity.ts'
import { ControlServer } from '../../../src/node/control-server.ts'
import { LocalNode } from '../../../src/node/local-node.ts'
import { Member } from '../../../src/node/member.ts'
import { Rendezvous } from '../../../src/node/rendezvous.ts'
import { answersFrom, supplyFrom } from '../../../src/node/serving.ts'
import { DirectoryRegistry } from '../../../src/registry/directory-registry.ts'
import { MemoryPlace, MemoryRegistry } from '../../../src/registry/memory-registry.ts'
import type { Registry } from '../../../src/registry/registry.ts'
import { SwarmRouter } from '../../../src/router/swarm-router.ts'
import { DiskStore } from '../../../src/store/disk-store.ts'
import { Libp2pSwarm } from '../../../src/swarm/libp2p-swarm.ts'
import { MemoryNetwork } from '../../../src/swarm/memory-network.ts'
import { MemorySwarm } from '../../../src/swarm/memory-swarm.ts'
import type { Swarm } from '../../../src/swarm/swarm.ts'
import { SwarmTransfer } from '../../../src/transfer/swarm-transfer.ts'
import { save } from '../../contract/tiers.ts'
import { collect, eventually } from '../../support/eventually.ts'
import { reachNode } from '../../support/reach-node.ts'
import { REPOSITORY, askFor, makeSample } from '../../support/sample-entries.ts'
import type { Sample } from '../../support/sample-entries.ts'
import { ownAnswers } from '../../support/member-answers.ts'

const options = { timeout: 30_000 }
const SWARM_KEY = 'a key that only this test knows'

/** What a swarm and its registry are made of. */
interface Ground {
  swarm(key: PeerKey, keys: SwarmKeys, role: Role): Swarm
  registry(keys: SwarmKeys): Registry
}

interface Running {
  readonly node: LocalNode
  readonly home: string
  readonly swarm: Swarm
}

function inMemory(): Ground {
  const network = new MemoryNetwork()
  const place = new MemoryPlace()
  return {
    swarm: ({ peerId }) => new MemorySwarm({ network, peerId }),
    registry: () => new MemoryRegistry({ place }),
  }
}

async function overLoopback(t: TestContext): Promise<Ground> {
  const path = await temporaryFolder(t)
  return {
    swarm: (peerKey, { prologue }, role) => {
      const listen = ['/ip4/127.0.0.1/tcp/0']
      return new Libp2pSwarm({ peerKey, prologue, logger: silentLogger }, { role, listen })
    },
    registry: (keys) => new DirectoryRegistry({ keys }, { path }),
  }
}

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'swarmcache-node-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function startNode(t: TestContext, ground: Ground, role: Role = 'runner'): Promise<Running> {
  const home = await temporaryFolder(t)
  const keys = deriveSwarmKeys(SWARM_KEY, REPOSITORY)
  const key = createPeerKey()
  const swarm = ground.swarm(key, keys, role)
  const createMember = async (repository: string): Promise<Member> => {
    const logger = silentLogger
    const limitBytes = 1e9
    const store = await DiskStore.open({
      home,
      repository,
      limitBytes,
      memoryLimitBytes: 1e6,
      verifyEntry,
    })
    const answers = answersFrom({ store, checkEntry: checkSignature, swarm }, { role })
    const router = new SwarmRouter({ swarm, answers, checkEntry: checkSignature, logger })
    const supply = supplyFrom(store, role)
    const transfer = new SwarmTransfer({ swarm, peers: router, supply, logger })
    const registries = [ground.registry(keys)]
    const rendezvous = new Rendezvous({ swarm, registries, logger }, { role })
    const sign = (entry: Parameters<typeof signEntry>[0]) => signEntry(entry, key)
    const tiers = new NodeTiers(
      { store, peers: { router, transfer }, sign, checkEntry: checkSignature, logger },
      { repository, provides: role !== 'reader' },
    )
    const joined = { swarm, router, transfer, rendezvous }
    return new Member(
      { store, tiers, answers: ownAnswers(), joined, logger },
      { repository, peerId: key.peerId },
    )
  }
  const node = new LocalNode(
    { createMember },
    { version: '0', home, role, membership: { proof: 'key' }, registries: [] },
  )
  t.after(() => node.stop())
  await node.tiers(REPOSITORY)
  return { node, home, swarm }
}

/** Reads an entry as a restore does; resolves to how many frames came from which tier. */
async function restore(tiers: Tiers, sample: Sample): Promise<Record<string, number>> {
  const { match } = await tiers.find(askFor(sample.entry.key))
  assert.ok(match, 'the entry is found')
  const manifest = await tiers.readManifest(match.entry)
  assert.equal(digestOf(manifest), sample.entry.manifest)
  const counts: Record<string, number> = {}
  const [catalog, ...content] = sample.frames.map((frame) => frame.chunk)
  for (const chunks of [[catalog!], content]) {
    for (const frame of await collect(tiers.readChunks(match.entry, chunks))) {
      await openFrame(frame)
      counts[frame.tier] = (counts[frame.tier] ?? 0) + 1
    }
  }
  return counts
}

async function connected(running: Running, count: number): Promise<void> {
  await eventually('the connection', async () => {
    return (await running.node.peers(REPOSITORY)).length === count
  })
}

for (const [name, ground] of [
  ['in memory', async () => inMemory()],
  ['over loopback', overLoopback],
] as const) {
  test(
    `${name}: a newcomer gets what the first saved, and a third gets it from the newcomer when the first is gone`,
    options,
    async (t) => {
      const shared = await ground(t)
      const first = await startNode(t, shared)
      const second = await startNode(t, shared)
      await connected(first, 1)
      await connected(second, 1)
      const sample = await makeSample('deps-1', { count: 40, bytes: 100_000 })
      const saved = await save(await first.node.tiers(REPOSITORY), sample)
      assert.deepEqual(await restore(await second.node.tiers(REPOSITORY), sample), { peers: 40 })
      const [adopted] = await second.node.entries(REPOSITORY)
      assert.equal(adopted?.writer, saved.writer)
      assert.equal(adopted?.signature, saved.signature)
      const [peer] = await second.node.peers(REPOSITORY)
      assert.ok(peer!.bytesReceived >= 40 * 100_000, 'the bytes are counted')

      // Gone without a word: its record stays in the registry.
      await first.swarm.stop()
      await connected(second, 0)
      const third = await startNode(t, shared)
      await connected(third, 1)
      assert.deepEqual(await restore(await third.node.tiers(REPOSITORY), sample), { peers: 40 })
      const again = await restore(await third.node.tiers(REPOSITORY), sample)
      assert.equal(again['peers'], undefined)
    },
  )

  test(
    `${name}: what was saved before a node came is found as soon as it is ready`,
    options,
    async (t) => {
      const shared = await ground(t)
      const first = await startNode(t, shared)
      const sample = await makeSample('deps-1', { count: 5 })
      await save(await first.node.tiers(REPOSITORY), sample)
      await eventually('the record', async () => {
        const records = await shared.registry(deriveSwarmKeys(SWARM_KEY, REPOSITORY)).discover()
        return records.length === 1
      })
      const second = await startNode(t, shared)
      assert.deepEqual(await restore(await second.node.tiers(REPOSITORY), sample), { peers: 5 })
    },
  )

  test(`${name}: a node that drains leaves no record behind`, options, async (t) => {
    const shared = await ground(t)
    const registry = shared.registry(deriveSwarmKeys(SWARM_KEY, REPOSITORY))
    const { node } = await startNode(t, shared)
    await eventually('the record', async () => (await registry.discover()).length === 1)
    await node.stop()
    assert.deepEqual(await registry.discover(), [])
  })
}

test('a reader gets what others hold and gives nothing', options, async (t) => {
  const ground = inMemory()
  const first = await startNode(t, ground)
  const reader = await startNode(t, ground, 'reader')
  await connected(first, 1)
  const sample = await makeSample('deps-1', { count: 5 })
  await save(await first.node.tiers(REPOSITORY), sample)
  assert.deepEqual(await restore(await reader.node.tiers(REPOSITORY), sample), { peers: 5 })
  await first.node.stop()
  const third = await startNode(t, ground)
  await connected(third, 1)
  const { match } = await (await third.node.tiers(REPOSITORY)).find(askFor('deps-1'))
  assert.equal(match, undefined)
})

test('another process uses the swarm through the control socket of a node', options, async (t) => {
  const ground = inMemory()
  const first = await startNode(t, ground)
  const second = await startNode(t, ground)
  await connected(second, 1)
  const sample = await makeSample('deps-1', { count: 20 })
  const server = new ControlServer(
    { node: second.node, logger: silentLogger },
    { home: second.home },
  )
  await server.start()
  t.after(() => server.stop())
  const remote = await reachNode(second.home)
  t.after(() => remote.stop())
  const tiers = await remote.tiers(REPOSITORY)
  await save(await first.node.tiers(REPOSITORY), sample)
  assert.deepEqual(await restore(tiers, sample), { peers: 20 })
  const status = await remote.status()
  assert.equal(status.swarms[0]?.peers, 1)
  assert.equal((await remote.verify(REPOSITORY, { deep: true })).problems.length, 0)
})
