import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { digestOf } from '../../../src/core/digest.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { MessageStream } from '../../../src/core/message.ts'
import type { PeerId } from '../../../src/core/peer.ts'
import { leaderOrder } from '../../../src/lease/leader-order.ts'
import type { Turn } from '../../../src/lease/lease.ts'
import { LEASE_LIMITS, LEASE_PROTOCOL } from '../../../src/lease/lease-wire.ts'
import { SwarmLeases } from '../../../src/lease/swarm-leases.ts'
import type { SwarmLeasesOptions } from '../../../src/lease/swarm-leases.ts'
import { MemoryNetwork } from '../../../src/swarm/memory-network.ts'
import { MemorySwarm } from '../../../src/swarm/memory-swarm.ts'
import type { StreamHandler } from '../../../src/swarm/swarm.ts'
import { firstOwn, leaseContract, own } from '../../contract/lease.ts'
import { eventually } from '../../support/eventually.ts'
import { createMembers, startMembers } from '../../support/swarm-nodes.ts'

const options = { timeout: 20_000 }
const work = digestOf('the work')
// No wait ends by time alone, however busy the machine is, where a test does not say so.
const PATIENT: SwarmLeasesOptions = { leaseMs: 15_000, beatMs: 50, answerMs: 10_000 }
// What a test waits for to see a turn being lost.
const SHORT: SwarmLeasesOptions = { leaseMs: 600 }

interface Peer {
  readonly leases: SwarmLeases
  readonly swarm: MemorySwarm
  readonly peerId: PeerId
}

/** Peers on one network in memory, each connected to all that came before it. */
class LeaseLab {
  readonly network = new MemoryNetwork()
  readonly failures: { peerId: PeerId; misbehaved: boolean }[] = []
  readonly #swarms: MemorySwarm[] = []
  readonly #t: TestContext

  constructor(t: TestContext) {
    this.#t = t
  }

  async add(more: SwarmLeasesOptions = {}, connect = true): Promise<Peer> {
    const swarm = new MemorySwarm({ network: this.network })
    const peers = {
      isUsable: (peerId: PeerId) => !this.failures.some((failure) => failure.peerId === peerId),
      failed: (peerId: PeerId, _reason: string, misbehaved = false): void => {
        this.failures.push({ peerId, misbehaved })
      },
    }
    const leases = new SwarmLeases({ swarm, peers, logger: silentLogger }, { ...PATIENT, ...more })
    leases.start()
    this.#t.after(() => leases.stop())
    await this.#join(swarm, connect)
    return { leases, swarm, peerId: swarm.peerId }
  }

  async addMany(count: number, more: SwarmLeasesOptions = {}): Promise<Peer[]> {
    const peers: Peer[] = []
    for (let index = 0; index < count; index += 1) peers.push(await this.add(more))
    return peers
  }

  /** A peer that answers questions about turns in its own way. */
  async addRaw(handler: StreamHandler): Promise<MemorySwarm> {
    const swarm = new MemorySwarm({ network: this.network })
    swarm.handle(LEASE_PROTOCOL, handler)
    await this.#join(swarm, true)
    return swarm
  }

  /** A name that the given peer leads among all of them. */
  nameLedBy(leader: PeerId): string {
    const all = this.#swarms.map((swarm) => swarm.peerId)
    for (let round = 0; ; round += 1) {
      const name = digestOf(`name ${round}`)
      if (leaderOrder(name, all)[0] === leader) return name
    }
  }

  async #join(swarm: MemorySwarm, connect: boolean): Promise<void> {
    await swarm.start()
    this.#t.after(() => swarm.stop())
    if (!connect) return
    for (const other of this.#swarms) await swarm.dial(other.peerId, other.addresses())
    this.#swarms.push(swarm)
  }
}

/** Waits in the line of `name`; `waits` resolves when it is told to wait. */
function wait(peer: Peer, name: string): { turn: Promise<Turn>; waits: Promise<void> } {
  const waits = Promise.withResolvers<void>()
  const turn = peer.leases.takeTurn(name, { onWaiting: () => waits.resolve() })
  turn.catch(() => {})
  return { turn, waits: waits.promise }
}

leaseContract('leases over a swarm', async (t, count) => {
  const peers = await new LeaseLab(t).addMany(count)
  return peers.map((peer) => peer.leases)
})

leaseContract('leases over libp2p', async (t, count) => {
  const create = createMembers()
  const swarms = Array.from({ length: count }, () => create())
  const peers = { isUsable: () => true, failed() {} }
  const leases = swarms.map((swarm) => {
    const lease = new SwarmLeases({ swarm, peers, logger: silentLogger }, PATIENT)
    lease.start()
    t.after(() => lease.stop())
    return lease
  })
  await startMembers(t, ...swarms)
  for (const [index, swarm] of swarms.entries()) {
    for (const other of swarms.slice(0, index)) await swarm.dial(other.peerId, other.addresses())
  }
  await eventually('all connections', () =>
    swarms.every((swarm) => swarm.peers().length === count - 1),
  )
  return leases
})

test('a holder that dies makes room for the next in line', options, async (t) => {
  const lab = new LeaseLab(t)
  const [leader, holder, next, last] = await lab.addMany(4)
  const name = lab.nameLedBy(leader!.peerId)
  own(await holder!.leases.takeTurn(name))
  const waiting = [wait(next!, name), wait(last!, name)]
  await Promise.all(waiting.map(({ waits }) => waits))
  await holder!.swarm.stop()
  const turns = waiting.map(({ turn }) => turn)
  await (await firstOwn(turns)).done(true)
  const kinds = (await Promise.all(turns)).map((turn) => turn.kind)
  assert.deepEqual(kinds.toSorted(), ['done', 'mine'])
})

test('a holder that falls silent makes room for the next in line', options, async (t) => {
  const lab = new LeaseLab(t)
  const [leader, holder, next] = await lab.addMany(3, SHORT)
  const name = lab.nameLedBy(leader!.peerId)
  own(await holder!.leases.takeTurn(name))
  const { turn, waits } = wait(next!, name)
  await waits
  lab.network.stall(holder!.peerId, leader!.peerId)
  own(await turn)
})

test('a holder whose work stands still makes room for the next in line', options, async (t) => {
  const lab = new LeaseLab(t)
  const [leader, next] = await lab.addMany(2)
  const holder = await lab.add({ stallMs: 100 })
  const name = lab.nameLedBy(leader!.peerId)
  const stalling = own(await holder.leases.takeTurn(name))
  own(await next!.leases.takeTurn(name))
  await stalling.done(true)
})

test('nobody keeps a turn for ever', options, async (t) => {
  const lab = new LeaseLab(t)
  const leader = await lab.add({ maxTurnMs: 300 })
  const [greedy, next] = await lab.addMany(2)
  const name = lab.nameLedBy(leader.peerId)
  const turn = own(await greedy!.leases.takeTurn(name))
  const busy = setInterval(() => turn.progressed(), 20)
  t.after(() => clearInterval(busy))
  own(await next!.leases.takeTurn(name))
})

test(
  'when who leads dies, those who wait go on waiting for the same holder',
  options,
  async (t) => {
    const lab = new LeaseLab(t)
    const peers = await lab.addMany(8)
    const [leader, holder, ...others] = peers
    const name = lab.nameLedBy(leader!.peerId)
    const turn = own(await holder!.leases.takeTurn(name))
    const waiting = others.map((peer) => wait(peer, name))
    await Promise.all(waiting.map(({ waits }) => waits))
    await leader!.swarm.stop()
    const late = wait(others[0]!, name)
    await late.waits
    await turn.done(true)
    const turns = await Promise.all([...waiting, late].map(({ turn: each }) => each))
    for (const each of turns) assert.deepEqual(each, { kind: 'done', by: holder!.peerId })
  },
)

test('when who leads and holds dies, one of those who wait has the turn', options, async (t) => {
  const lab = new LeaseLab(t)
  const [leader, ...others] = await lab.addMany(6)
  const name = lab.nameLedBy(leader!.peerId)
  own(await leader!.leases.takeTurn(name))
  const waiting = others.map((peer) => wait(peer, name))
  await Promise.all(waiting.map(({ waits }) => waits))
  await leader!.swarm.stop()
  const turns = waiting.map(({ turn }) => turn)
  await (await firstOwn(turns)).done(true)
  const kinds = (await Promise.all(turns)).map((turn) => turn.kind)
  assert.deepEqual(kinds.toSorted(), [...Array(4).fill('done'), 'mine'])
})

test('a leader that stops hands the line over in good order', options, async (t) => {
  const lab = new LeaseLab(t)
  const [leader, holder, ...others] = await lab.addMany(5)
  const name = lab.nameLedBy(leader!.peerId)
  const turn = own(await holder!.leases.takeTurn(name))
  const waiting = others.map((peer) => wait(peer, name))
  await Promise.all(waiting.map(({ waits }) => waits))
  await leader!.leases.stop()
  await leader!.swarm.stop()
  await turn.done(true)
  for (const each of waiting) assert.equal((await each.turn).kind, 'done')
})

test('each side of a partition has a turn of its own', options, async (t) => {
  const lab = new LeaseLab(t)
  const peers = await lab.addMany(4)
  const [leader, holder, far, farther] = peers
  const name = lab.nameLedBy(leader!.peerId)
  const near = own(await holder!.leases.takeTurn(name))
  const waiting = [wait(far!, name), wait(farther!, name)]
  await Promise.all(waiting.map(({ waits }) => waits))
  for (const here of [leader!, holder!]) {
    for (const there of [far!, farther!]) lab.network.cut(here.peerId, there.peerId)
  }
  const turns = waiting.map(({ turn }) => turn)
  await (await firstOwn(turns)).done(true)
  assert.deepEqual((await Promise.all(turns)).map((turn) => turn.kind).toSorted(), ['done', 'mine'])
  await near.done(true)
  assert.equal((await leader!.leases.takeTurn(name)).kind, 'done')
})

test('a newcomer that is first in order joins the line that is led already', options, async (t) => {
  const lab = new LeaseLab(t)
  const [first, second] = await lab.addMany(2)
  const turn = own(await first!.leases.takeTurn(work))
  const newcomers = await lab.addMany(6)
  const waiting = newcomers.map((peer) => wait(peer, work))
  await Promise.all(waiting.map(({ waits }) => waits))
  const again = wait(second!, work)
  await again.waits
  await turn.done(true)
  for (const each of [...waiting, again]) assert.equal((await each.turn).kind, 'done')
})

test('a peer that never answers is passed over', options, async (t) => {
  const lab = new LeaseLab(t)
  const mute = await lab.addRaw(async () => await new Promise(() => {}))
  const [first, second] = await lab.addMany(2, { answerMs: 1000 })
  const name = lab.nameLedBy(mute.peerId)
  const turn = own(await first!.leases.takeTurn(name))
  const { turn: waiting, waits } = wait(second!, name)
  await waits
  await turn.done(true)
  assert.equal((await waiting).kind, 'done')
})

test('a leader that falls silent is left for the next in order', options, async (t) => {
  const lab = new LeaseLab(t)
  const stingy = await lab.addRaw(async (stream) => {
    const messages = new MessageStream(stream, LEASE_LIMITS)
    const asked = await messages.read()
    if (asked?.header['ask'] === 'state') return await messages.write({ state: 'held' })
    await messages.write({ waiting: 1, holder: stingy.peerId })
    await new Promise(() => {})
  })
  const [first] = await lab.addMany(1, SHORT)
  own(await first!.leases.takeTurn(lab.nameLedBy(first!.peerId)))
})

const NONSENSE: Record<string, Record<string, unknown>> = {
  'an unknown word': { state: 'perhaps' },
  'a doer that is no peer': { state: 'done', by: 7 },
  'nothing of the kind': { hello: 'world' },
}
for (const [what, answer] of Object.entries(NONSENSE)) {
  test(`a peer that answers ${what} is blamed and passed over`, options, async (t) => {
    const lab = new LeaseLab(t)
    const liar = await lab.addRaw(async (stream) => {
      const messages = new MessageStream(stream, LEASE_LIMITS)
      await messages.read()
      await messages.write(answer)
    })
    const [first] = await lab.addMany(1)
    own(await first!.leases.takeTurn(lab.nameLedBy(liar.peerId)))
    assert.deepEqual(lab.failures, [{ peerId: liar.peerId, misbehaved: true }])
  })
}

const HOSTILE: Record<string, Record<string, unknown>> = {
  'a name that is no digest': { ask: 'turn', name: '../etc/passwd' },
  'a holder that is no peer': { ask: 'turn', name: work, holder: { $ne: 1 } },
  'an unknown question': { ask: 'everything', name: work },
  'a header over the bound': { ask: 'turn', name: work, padding: 'x'.repeat(5000) },
}
for (const [what, header] of Object.entries(HOSTILE)) {
  test(`who asks with ${what} is blamed and gets nothing`, options, async (t) => {
    const lab = new LeaseLab(t)
    const [victim] = await lab.addMany(1)
    const attacker = await lab.addRaw(async () => {})
    const stream = await attacker.open(victim!.peerId, LEASE_PROTOCOL)
    const messages = new MessageStream(stream, LEASE_LIMITS)
    await messages.write(header)
    await assert.rejects(async () => {
      if ((await messages.read()) === undefined) throw new Error('ended without an answer')
    })
    await eventually('the blame', () => lab.failures.length === 1)
    assert.deepEqual(lab.failures, [{ peerId: attacker.peerId, misbehaved: true }])
    own(await victim!.leases.takeTurn(work))
  })
}

test('a peer has a bounded number of places', options, async (t) => {
  const lab = new LeaseLab(t)
  const victim = await lab.add({ maxStreamsPerPeer: 2 })
  const attacker = await lab.addRaw(async () => {})
  const answers: unknown[] = []
  for (let index = 0; index < 3; index += 1) {
    const stream = await attacker.open(victim.peerId, LEASE_PROTOCOL)
    const messages = new MessageStream(stream, LEASE_LIMITS)
    // The one that is refused may be gone before it has asked.
    await messages.write({ ask: 'turn', name: digestOf(`${index}`) }).catch(() => {})
    answers.push((await messages.read())?.header)
  }
  assert.deepEqual(answers, [{ granted: true }, { granted: true }, { busy: true }])
})

test(
  'who says that an absent peer has the turn does not keep others waiting',
  options,
  async (t) => {
    const lab = new LeaseLab(t)
    const victim = await lab.add({ leaseMs: 1_000_000 })
    const attacker = await lab.addRaw(async () => {})
    const absent = new MemorySwarm({ network: lab.network })
    const stream = await attacker.open(victim.peerId, LEASE_PROTOCOL)
    const messages = new MessageStream(stream, LEASE_LIMITS)
    await messages.write({ ask: 'turn', name: work, holder: absent.peerId })
    assert.deepEqual((await messages.read())?.header, { granted: true })
    stream.abort()
    own(await victim.leases.takeTurn(work))
  },
)

test(
  'when a turn passes, its new holder and who else waits hear of each other at once',
  options,
  async (t) => {
    const lab = new LeaseLab(t)
    const [first, second, third] = await lab.addMany(3, { beatMs: 1_000_000 })
    for (const leader of [first!, second!, third!]) {
      const name = lab.nameLedBy(leader.peerId)
      const turn = own(await first!.leases.takeTurn(name))
      const stop = new AbortController()
      const { signal } = stop
      const second1 = second!.leases.takeTurn(name, { signal })
      await eventually('the second in line', () => first!.leases.company(name) === 'waiting')
      const heard: number[] = []
      const onWaiting = (): void => void heard.push(performance.now())
      const third1 = third!.leases.takeTurn(name, { signal, onWaiting })
      await eventually('the third in line', () => heard.length === 1)
      await turn.done(false)
      own(await second1)
      await eventually('the news for the third', () => heard.length === 2)
      await eventually('the news for the second', () => {
        return second!.leases.company(name) === 'waiting'
      })
      stop.abort()
      await assert.rejects(third1)
    }
  },
)

test('a table without room gives the turn rather than nothing', options, async (t) => {
  const lab = new LeaseLab(t)
  const peer = await lab.add({ maxNames: 1 })
  own(await peer.leases.takeTurn(work))
  await own(await peer.leases.takeTurn(digestOf('more work'))).done(true)
})
