import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { SignedEntry } from '../../../src/core/entry.ts'
import { entryDigest } from '../../../src/core/entry.ts'
import { createLogger } from '../../../src/core/logger.ts'
import { MessageStream } from '../../../src/core/message.ts'
import type { EntryVerdict } from '../../../src/identity/identity.ts'
import type { LocalAnswers } from '../../../src/router/router.ts'
import { ANSWER_LIMITS, QUERY_PROTOCOL } from '../../../src/router/query-wire.ts'
import { SwarmRouter } from '../../../src/router/swarm-router.ts'
import type { SwarmRouterOptions } from '../../../src/router/swarm-router.ts'
import { MemoryNetwork } from '../../../src/swarm/memory-network.ts'
import { MemorySwarm } from '../../../src/swarm/memory-swarm.ts'
import type { StreamHandler } from '../../../src/swarm/swarm.ts'
import { routerContract } from '../../contract/router.ts'
import {
  AnswersFrom,
  entryFor,
  GOOD_SIGNATURE,
  MAIN,
  PULL,
  queryFor,
} from '../../support/entries.ts'
import { eventually } from '../../support/eventually.ts'

const OPTIONS = { timeout: 20_000 }

function verdictOn({ signature }: SignedEntry): EntryVerdict {
  if (signature === GOOD_SIGNATURE) return { trusted: true }
  return { trusted: false, why: 'forged', reason: 'its signature is wrong' }
}

/** Nodes on one network, each connected to all that came before it. */
class Lab {
  readonly network: MemoryNetwork
  readonly swarms: MemorySwarm[] = []
  readonly log: string[] = []
  readonly #t: TestContext

  constructor(t: TestContext, latencyMs = 0) {
    this.network = new MemoryNetwork({ latencyMs })
    this.#t = t
  }

  async add(answers: LocalAnswers, options: SwarmRouterOptions = {}, connect = true) {
    const swarm = new MemorySwarm({ network: this.network })
    const router = new SwarmRouter(
      {
        swarm,
        answers,
        checkEntry: async (entry: SignedEntry) => verdictOn(entry),
        logger: createLogger((level, line) => this.log.push(`${level} ${line}`), 'debug'),
      },
      options,
    )
    router.start()
    await this.#join(swarm, connect)
    this.#t.after(() => router.stop())
    return { router, swarm, peerId: swarm.peerId }
  }

  /** A node that answers questions in its own way. */
  async addRaw(handler: StreamHandler) {
    const swarm = new MemorySwarm({ network: this.network })
    swarm.handle(QUERY_PROTOCOL, handler)
    await this.#join(swarm, true)
    return swarm
  }

  async #join(swarm: MemorySwarm, connect: boolean): Promise<void> {
    await swarm.start()
    this.#t.after(() => swarm.stop())
    if (!connect) return
    for (const other of this.swarms) await swarm.dial(other.peerId, other.addresses())
    this.swarms.push(swarm)
  }
}

/** A handler that sends one answer whatever it is asked. */
function answering(answer: unknown): StreamHandler {
  return async (stream) => {
    const messages = new MessageStream(stream, ANSWER_LIMITS)
    await messages.read()
    await messages.write(answer as Record<string, unknown>)
    await messages.closeWrite()
  }
}

const silent: StreamHandler = async (stream) => {
  for await (const _piece of stream.source);
  await new Promise(() => {})
}

async function until(condition: () => boolean, signal: AbortSignal): Promise<void> {
  while (!condition()) await delay(2, undefined, { signal })
}

routerContract('a router over a swarm', (t) => {
  const lab = new Lab(t)
  return (answers) => lab.add(answers)
})

test('among fifty peers the best answer to each of fifty queries is found', OPTIONS, async (t) => {
  const lab = new Lab(t)
  const { router } = await lab.add(new AnswersFrom(), { initialTimeoutMs: 2000 })
  for (let peer = 0; peer < 50; peer += 1) {
    const entries: SignedEntry[] = []
    for (let key = 0; key < 50; key += 1) {
      // Peer p holds a prefix match that is the newer the nearer p is to the key.
      const created = 1000 - Math.abs(peer - key)
      entries.push(entryFor(`key-${key}-by-${peer}`, { scope: PULL, created }))
    }
    await lab.add(new AnswersFrom(entries))
  }
  for (let key = 0; key < 50; key += 1) {
    const found = await router.find(queryFor(`key-${key}-`))
    assert.equal(found.match?.entry.key, `key-${key}-by-${key}`)
    assert.equal(found.answered, 50)
  }
})

test(
  'an exact hit in the own scope ends the search before silent peers time out',
  OPTIONS,
  async (t) => {
    const lab = new Lab(t)
    const { router } = await lab.add(new AnswersFrom(), { initialTimeoutMs: 60_000 })
    const quiet = await lab.addRaw(silent)
    const holder = await lab.add(new AnswersFrom([entryFor('k', { scope: PULL })]))
    const found = await router.find(queryFor('k'))
    assert.deepEqual(found.holders, [holder.peerId])
    assert.equal(found.asked, 2)
    assert.equal(found.answered, 1)
    assert.equal(router.isUsable(quiet.peerId), true)
  },
)

test('a hit in another scope waits for those who may know better', OPTIONS, async (t) => {
  const lab = new Lab(t)
  const { router } = await lab.add(new AnswersFrom(), { initialTimeoutMs: 5000 })
  await lab.add(new AnswersFrom([entryFor('k', { scope: MAIN })]))
  const slow = new AnswersFrom([entryFor('k-1', { scope: PULL })])
  await lab.add({
    find: async (query) => {
      await delay(60)
      return slow.find(query)
    },
    holds: (manifest) => slow.holds(manifest),
  })
  const found = await router.find(queryFor('k'))
  assert.equal(found.match?.entry.key, 'k-1')
})

test('a peer that does not answer is skipped after one failure', OPTIONS, async (t) => {
  const lab = new Lab(t)
  const { router } = await lab.add(new AnswersFrom(), { initialTimeoutMs: 60 })
  const holder = await lab.add(new AnswersFrom([entryFor('k', { scope: MAIN })]))
  const quiet = await lab.addRaw(silent)
  const first = await router.find(queryFor('k'))
  assert.deepEqual(first.holders, [holder.peerId])
  assert.equal(first.asked, 2)
  await until(() => !router.isUsable(quiet.peerId), t.signal)
  const second = await router.find(queryFor('k'))
  assert.equal(second.asked, 1)
  assert.deepEqual(second.holders, [holder.peerId])
})

test('a peer that answers late is good again, and the wait has grown', OPTIONS, async (t) => {
  const lab = new Lab(t)
  const { router } = await lab.add(new AnswersFrom(), { initialTimeoutMs: 50 })
  const answers = new AnswersFrom([entryFor('k', { scope: PULL })])
  const release = Promise.withResolvers<void>()
  const late = await lab.add({
    find: async (query) => {
      await release.promise
      return answers.find(query)
    },
    holds: (manifest) => answers.holds(manifest),
  })
  assert.equal((await router.find(queryFor('k'))).match, undefined)
  await until(() => !router.isUsable(late.peerId), t.signal)
  release.resolve()
  await until(() => router.isUsable(late.peerId), t.signal)
})

const entry = entryFor('k', { scope: PULL })
const lies: Record<string, unknown> = {
  'an entry that does not match the query': { entry: entryFor('other'), nearMisses: [] },
  'an entry of a scope that was not asked for': {
    entry: entryFor('k', { scope: 'refs/heads/secret' }),
    nearMisses: [],
  },
  'an entry of another repository': {
    entry: entryFor('k', { repository: 'evil/app' }),
    nearMisses: [],
  },
  'an entry whose signature is wrong': { entry: { ...entry, signature: 'bad' }, nearMisses: [] },
  'an entry with an impossible size': {
    entry: { ...entry, manifestBytes: 2 ** 40 },
    nearMisses: [],
  },
  'a malformed entry': { entry: { ...entry, manifest: 'x' }, nearMisses: [] },
  'an answer to another question': { holds: true },
  'no answer at all but a header': {},
  'near misses without end': {
    nearMisses: Array.from({ length: 5000 }, () => ({
      reason: 'other-scope',
      key: 'k'.repeat(60),
      scope: 's',
    })),
  },
}
for (const [what, answer] of Object.entries(lies)) {
  test(
    `a peer that answers with ${what} is banned, and an honest one is heard`,
    OPTIONS,
    async (t) => {
      const lab = new Lab(t)
      const { router } = await lab.add(new AnswersFrom(), { initialTimeoutMs: 5000 })
      const liar = await lab.addRaw(answering(answer))
      const honest = await lab.add(new AnswersFrom([entryFor('k', { scope: MAIN })]))
      const found = await router.find(queryFor('k'))
      assert.equal(found.match?.entry.scope, MAIN)
      assert.deepEqual(found.holders, [honest.peerId])
      router.succeeded(liar.peerId, { latencyMs: 1 })
      assert.equal(router.isUsable(liar.peerId), false)
      assert.ok(lab.log.some((line) => line.startsWith('warning') && line.includes(liar.peerId)))
    },
  )
}

test('a peer that is lost in the middle of its answer is no liar', OPTIONS, async (t) => {
  const lab = new Lab(t)
  const { router } = await lab.add(new AnswersFrom(), {
    initialTimeoutMs: 5000,
    scores: { backoffMs: 1 },
  })
  const lost = await lab.addRaw(async (stream) => {
    await stream.write(Uint8Array.of(0, 0, 1, 0, 0, 0, 0, 0, 0x7b))
  })
  assert.equal((await router.find(queryFor('k'))).match, undefined)
  await until(() => router.isUsable(lost.peerId), t.signal)
})

test(
  'garbage, oversized and endless questions are refused and their sender banned',
  OPTIONS,
  async (t) => {
    const lab = new Lab(t)
    const answers = new AnswersFrom([entryFor('k')])
    const { router, peerId } = await lab.add(answers)
    const garbage = [
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.from([0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
      Buffer.from([0, 0, 0, 2, 0, 0, 0, 0, 0x5b, 0x5d]),
      Buffer.concat([Buffer.from([0, 0, 0, 14, 0, 0, 0, 0]), Buffer.from('{"query":null}')]),
    ]
    for (const bytes of garbage) {
      const hostile = await lab.addRaw(silent)
      const stream = await hostile.open(peerId, QUERY_PROTOCOL)
      await stream.write(bytes).catch(() => {})
      const answer = await stream.source[Symbol.asyncIterator]()
        .next()
        .catch(() => undefined)
      assert.equal(answer?.value, undefined)
    }
    assert.equal(answers.asked, 0)
    const banned = lab.log.filter((line) => line.startsWith('warning'))
    assert.equal(banned.length, garbage.length)
    assert.equal((await router.find(queryFor('k'))).asked, 0)
  },
)

test('a flood of questions is answered with busy, and the index is spared', OPTIONS, async (t) => {
  const lab = new Lab(t)
  let running = 0
  let most = 0
  const { peerId } = await lab.add({
    find: async () => {
      running += 1
      most = Math.max(most, running)
      await delay(5)
      running -= 1
      return { nearMisses: [] }
    },
    holds: async () => false,
  })
  const hostile = await lab.addRaw(silent)
  const asked = await Promise.all(
    Array.from({ length: 300 }, async () => {
      const stream = await hostile.open(peerId, QUERY_PROTOCOL)
      const messages = new MessageStream(stream, ANSWER_LIMITS)
      await messages.write({ query: queryFor('k') }).catch(() => {})
      return (await messages.read())?.header
    }),
  )
  assert.ok(most <= 8, `${most} at once`)
  assert.ok(asked.filter((header) => header?.['busy'] === true).length > 200)
})

test('holders that only the DHT knows are found and dialled', OPTIONS, async (t) => {
  const lab = new Lab(t)
  const { router } = await lab.add(new AnswersFrom(), { initialTimeoutMs: 5000 })
  await lab.add(new AnswersFrom())
  const held = entryFor('k', { scope: MAIN })
  const far = await lab.add(new AnswersFrom([held]), {}, false)
  await far.swarm.provide(entryDigest(held))
  await far.swarm.provide(held.manifest)
  // A record that outlived its peer.
  lab.network.addProvider(entryDigest(held), 'gone')
  lab.network.addProvider(held.manifest, 'gone')
  // Few peers wait for the DHT for some milliseconds only, in which a busy machine may not get to it.
  await eventually('an answer that names the holder', async () => {
    const { holders } = await router.find(queryFor('k'))
    if (holders.length > 0) assert.deepEqual(holders, [far.peerId])
    return holders.length > 0
  })
  const holders = []
  for await (const peerId of router.holders(held.manifest)) holders.push(peerId)
  assert.deepEqual(holders, [far.peerId])
})

test(
  'while few peers are connected, the DHT is searched for holders that none of them is',
  OPTIONS,
  async (t) => {
    const lab = new Lab(t)
    const held = entryFor('k', { scope: PULL })
    const { router, swarm } = await lab.add(new AnswersFrom())
    const holder = await lab.add(new AnswersFrom([held]))
    await lab.add(new AnswersFrom())
    const searched: string[] = []
    const search = swarm.findProviders.bind(swarm)
    swarm.findProviders = (digest, options) => {
      searched.push(digest)
      return search(digest, options)
    }
    assert.deepEqual(await Array.fromAsync(router.holders(held.manifest)), [holder.peerId])
    assert.deepEqual(searched, [])
    const unknown = entryDigest(held)
    assert.deepEqual(await Array.fromAsync(router.holders(unknown)), [])
    assert.deepEqual(searched, [unknown])
  },
)

test(
  'the DHT is searched for an entry by who knows few peers, and by others if their peers are silent',
  OPTIONS,
  async (t) => {
    for (const { others, mute, searches } of [
      { others: 2, mute: false, searches: 1 },
      { others: 5, mute: false, searches: 0 },
      { others: 5, mute: true, searches: 1 },
    ]) {
      const lab = new Lab(t)
      const { router, swarm } = await lab.add(new AnswersFrom(), { initialTimeoutMs: 2000 })
      for (let peer = 0; peer < others; peer += 1) await lab.add(new AnswersFrom())
      if (mute) await lab.addRaw(silent)
      const search = t.mock.method(swarm, 'findProviders')
      await router.find({ ...queryFor('k'), scopes: [MAIN] })
      assert.equal(search.mock.callCount(), searches, `${others} peers, silent: ${mute}`)
    }
  },
)

test('what is provided while alone is announced once somebody connects', OPTIONS, async (t) => {
  const lab = new Lab(t)
  const held = entryFor('k')
  const { router, peerId } = await lab.add(new AnswersFrom([held]))
  router.provide(held)
  router.provide(entryFor('k2', { manifest: held.manifest }))
  assert.deepEqual(lab.network.providers(held.manifest), [])
  await lab.add(new AnswersFrom())
  const names = [entryDigest(held), held.manifest]
  await until(() => names.every((name) => lab.network.providers(name).includes(peerId)), t.signal)
  await router.withdraw(held)
  assert.deepEqual(lab.network.providers(entryDigest(held)), [])
  assert.deepEqual(lab.network.providers(held.manifest), [peerId])
  await router.withdraw(entryFor('k2', { manifest: held.manifest }))
  assert.deepEqual(lab.network.providers(held.manifest), [])
})

test(
  'every distinct entry is verified once, however many peers answer with it',
  OPTIONS,
  async (t) => {
    const lab = new Lab(t)
    let verified = 0
    const swarm = new MemorySwarm({ network: lab.network })
    const router = new SwarmRouter({
      swarm,
      answers: new AnswersFrom(),
      checkEntry: async () => {
        verified += 1
        return { trusted: true }
      },
      logger: createLogger(() => {}, 'error'),
    })
    router.start()
    t.after(() => router.stop())
    await swarm.start()
    t.after(() => swarm.stop())
    lab.swarms.push(swarm)
    for (let i = 0; i < 10; i += 1) await lab.add(new AnswersFrom([entryFor('k')]))
    const found = await router.find(queryFor('k'))
    assert.equal(found.holders.length, 10)
    assert.equal(verified, 1)
  },
)
