import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NodeTiers } from '../../../src/cache/node-tiers.ts'
import { publish } from '../../../src/core/events.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { LocalNode } from '../../../src/node/local-node.ts'
import type { LocalNodeOptions } from '../../../src/node/local-node.ts'
import { NO_REQUESTS } from '../../../src/node/member-answers.ts'
import { Member } from '../../../src/node/member.ts'
import type { MemberOptions, MemberSwarm } from '../../../src/node/member.ts'
import { checkSignature } from '../../../src/identity/identity.ts'
import { MemoryStore } from '../../../src/store/memory-store.ts'
import { MemoryRouter } from '../../../src/router/memory-router.ts'
import { MemoryPlace, MemoryRegistry } from '../../../src/registry/memory-registry.ts'
import { Rendezvous } from '../../../src/node/rendezvous.ts'
import { MemoryNetwork } from '../../../src/swarm/memory-network.ts'
import { MemorySwarm } from '../../../src/swarm/memory-swarm.ts'
import type { TransferOptions } from '../../../src/transfer/transfer.ts'
import { save } from '../../contract/tiers.ts'
import { eventually } from '../../support/eventually.ts'
import { REPOSITORY, askFor, createSigner, makeSample } from '../../support/sample-entries.ts'
import { ownAnswers } from '../../support/member-answers.ts'

const options = { timeout: 20_000 }
const ABOUT: LocalNodeOptions = {
  version: '0.1.0',
  home: '/home/octo',
  role: 'runner',
  membership: { proof: 'key' },
  registries: ['memory:'],
}

/** Remembers in which order its parts were started and stopped. */
class Steps {
  readonly done: string[] = []
  drainSignal: AbortSignal | undefined
  failStart = false

  swarm(network: MemoryNetwork, place = new MemoryPlace()): MemberSwarm & { swarm: MemorySwarm } {
    const note = (step: string): void => void this.done.push(step)
    const mayStart = (): boolean => !this.failStart
    const drainsUntil = (signal: AbortSignal | undefined): void => void (this.drainSignal = signal)
    class NotingSwarm extends MemorySwarm {
      override async start(): Promise<void> {
        note('swarm starts')
        if (!mayStart()) throw new Error('the port is in use')
        await super.start()
      }
      override async stop(): Promise<void> {
        note(`swarm stops with ${place.records.size} records left`)
        await super.stop()
      }
    }
    const swarm = new NotingSwarm({ network })
    const answers = { find: async () => ({ nearMisses: [] }), holds: async () => false }
    const router = new MemoryRouter({ peerId: swarm.peerId, group: new Map(), answers })
    const transfer = {
      async start(): Promise<void> {
        note('transfer starts')
      },
      async stop({ signal }: TransferOptions = {}): Promise<void> {
        note('transfer stops')
        drainsUntil(signal)
      },
      fetchManifest: async () => await Promise.reject(new Error('nobody')),
      async *fetchChunks() {
        yield* []
      },
    }
    const registries = [new MemoryRegistry({ place })]
    const rendezvous = new Rendezvous(
      { swarm, registries, logger: silentLogger },
      { role: 'runner', firstDiscoverMs: 5 },
    )
    return { swarm, router, transfer, rendezvous }
  }
}

function makeMember(
  repository: string,
  joined?: MemberSwarm,
  more: Partial<MemberOptions> = {},
): Member {
  const store = new MemoryStore({ repository, limitBytes: 1e8 })
  const tiers = new NodeTiers(
    {
      store,
      peers: joined,
      sign: createSigner(),
      checkEntry: checkSignature,
      logger: silentLogger,
    },
    { repository },
  )
  const peerId = joined?.swarm.peerId ?? 'peer-of-nobody'
  return new Member(
    { store, tiers, answers: ownAnswers(), joined, logger: silentLogger },
    { repository, peerId, ...more },
  )
}

test(
  'each repository has its own tiers, made once however many ask at once',
  options,
  async (t) => {
    const created: string[] = []
    const createMember = async (repository: string): Promise<Member> => {
      created.push(repository)
      return makeMember(repository)
    }
    const node = new LocalNode({ createMember }, ABOUT)
    t.after(() => node.stop())
    const [first, again, other] = await Promise.all([
      node.tiers(REPOSITORY),
      node.tiers(REPOSITORY),
      node.tiers('octo/other'),
    ])
    assert.equal(first, again)
    assert.deepEqual(created, [REPOSITORY, 'octo/other'])
    const saved = await save(first, await makeSample('deps-1'))
    const query = askFor('deps-1', { repository: 'octo/other' })
    assert.deepEqual(await other.find(query), { nearMisses: [] })
    const entries = await node.entries(REPOSITORY)
    assert.deepEqual(
      entries.map((entry) => entry.manifest),
      [saved.manifest],
    )
    assert.deepEqual(await node.entries('octo/other'), [])
    assert.equal((await node.verify(REPOSITORY, { deep: true })).chunks, 3)
    assert.deepEqual(await node.peers(REPOSITORY), [])
  },
)

test('the status tells of every repository that is taken part in', options, async (t) => {
  const node = new LocalNode({ createMember: async (name) => makeMember(name) }, ABOUT)
  t.after(() => node.stop())
  await node.tiers(REPOSITORY)
  const status = await node.status()
  assert.equal(status.pid, process.pid)
  assert.ok(status.uptimeSeconds >= 0)
  const { version, home, role, membership, registries } = status
  assert.deepEqual({ version, home, role, membership, registries }, ABOUT)
  const usage = { bytes: 0, limitBytes: 1e8, chunks: 0, entries: 0 }
  const swarm = { peerId: 'peer-of-nobody', addresses: [], peers: 0, store: usage }
  assert.deepEqual(status.swarms, [{ repository: REPOSITORY, ...swarm, api: NO_REQUESTS }])
})

test('more repositories than the bound are refused, those joined go on', options, async (t) => {
  const createMember = async (name: string): Promise<Member> => makeMember(name)
  const node = new LocalNode({ createMember }, { ...ABOUT, maxMembers: 2 })
  t.after(() => node.stop())
  await node.tiers('octo/a')
  await node.tiers('octo/b')
  await assert.rejects(node.tiers('octo/c'), { code: 'ERR_LIMIT', message: /2 repositories/ })
  await node.tiers('octo/a')
})

test('a repository that could not be joined can be tried again', options, async (t) => {
  let attempts = 0
  const createMember = async (name: string): Promise<Member> => {
    attempts += 1
    if (attempts === 1) throw new Error('no disk')
    return makeMember(name)
  }
  const node = new LocalNode({ createMember }, { ...ABOUT, maxMembers: 1 })
  t.after(() => node.stop())
  await assert.rejects(node.tiers(REPOSITORY), /no disk/)
  await node.tiers(REPOSITORY)
})

test('who stops waiting for a repository does not stop it for the others', options, async (t) => {
  const gate = Promise.withResolvers<void>()
  const createMember = async (name: string): Promise<Member> => {
    await gate.promise
    return makeMember(name)
  }
  const node = new LocalNode({ createMember }, ABOUT)
  t.after(() => node.stop())
  const controller = new AbortController()
  const impatient = node.tiers(REPOSITORY, controller)
  const patient = node.tiers(REPOSITORY)
  const reason = new Error('too slow')
  controller.abort(reason)
  await assert.rejects(impatient, reason)
  gate.resolve()
  await patient
})

test('peers are listed with the bytes exchanged with them', options, async (t) => {
  const network = new MemoryNetwork()
  const place = new MemoryPlace()
  const create = async (name: string): Promise<Member> => {
    return makeMember(name, new Steps().swarm(network, place))
  }
  const here = new LocalNode({ createMember: create }, ABOUT)
  const there = new LocalNode({ createMember: create }, ABOUT)
  t.after(() => Promise.all([here.stop(), there.stop()]))
  await there.tiers(REPOSITORY)
  await here.tiers(REPOSITORY)
  await eventually('the connection', async () => (await here.peers(REPOSITORY)).length === 1)
  const [peer] = await here.peers(REPOSITORY)
  publish('chunks:received', { tier: 'peers', bytes: 100, peerId: peer!.peerId })
  publish('chunks:received', { tier: 'disk', bytes: 7 })
  publish('chunks:sent', { bytes: 30, peerId: peer!.peerId })
  publish('chunks:sent', { bytes: 3, peerId: peer!.peerId })
  const [counted] = await here.peers(REPOSITORY)
  assert.equal(counted?.bytesReceived, 100)
  assert.equal(counted?.bytesSent, 33)
  assert.equal((await here.status()).swarms[0]?.peers, 1)
})

test(
  'a node that stops withdraws its record first, then drains, and leaves last',
  options,
  async () => {
    const steps = new Steps()
    const place = new MemoryPlace()
    const createMember = async (name: string): Promise<Member> => {
      return makeMember(name, steps.swarm(new MemoryNetwork(), place))
    }
    const node = new LocalNode({ createMember }, { ...ABOUT, drainMs: 1_000_000 })
    const tiers = await node.tiers(REPOSITORY)
    await eventually('the record', () => place.records.size === 1)
    const controller = new AbortController()
    await node.stop(controller)
    await node.stop()
    assert.deepEqual(steps.done, [
      'transfer starts',
      'swarm starts',
      'transfer stops',
      'swarm stops with 0 records left',
    ])
    assert.equal(steps.drainSignal?.aborted, false)
    controller.abort()
    assert.equal(steps.drainSignal?.aborted, true)
    await assert.rejects(node.tiers(REPOSITORY), { code: 'ERR_CLOSED' })
    await assert.rejects(tiers.put((await makeSample('x')).frames[0]!), { code: 'ERR_CLOSED' })
  },
)

test('a swarm that cannot start is closed again and named', options, async (t) => {
  const steps = new Steps()
  steps.failStart = true
  const createMember = async (name: string): Promise<Member> => {
    return makeMember(name, steps.swarm(new MemoryNetwork()))
  }
  const node = new LocalNode({ createMember }, ABOUT)
  t.after(() => node.stop())
  await assert.rejects(node.tiers(REPOSITORY), /the port is in use/)
  assert.ok(steps.done.includes('swarm stops with 0 records left'))
  assert.deepEqual((await node.status()).swarms, [])
})

test(
  'a node that may go on alone has its store although the swarm cannot start',
  options,
  async (t) => {
    const steps = new Steps()
    steps.failStart = true
    const createMember = async (name: string): Promise<Member> => {
      return makeMember(name, steps.swarm(new MemoryNetwork()), { goesOnAlone: true })
    }
    const node = new LocalNode({ createMember }, ABOUT)
    t.after(() => node.stop())
    const tiers = await node.tiers(REPOSITORY)
    const saved = await save(tiers, await makeSample('deps-1'))
    assert.deepEqual((await tiers.find(askFor('deps-1'))).match?.entry, saved)
    assert.ok(steps.done.includes('swarm stops with 0 records left'))
    assert.deepEqual(await node.peers(REPOSITORY), [])
  },
)
