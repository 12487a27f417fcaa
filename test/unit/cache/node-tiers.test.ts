import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NodeTiers } from '../../../src/cache/node-tiers.ts'
import type { NodeTiersOptions } from '../../../src/cache/node-tiers.ts'
import type { SourcedFrame } from '../../../src/core/chunk.ts'
import { digestOf } from '../../../src/core/digest.ts'
import type { EntryName, EntryQuery } from '../../../src/core/entry.ts'
import { SwarmCacheError } from '../../../src/core/errors.ts'
import { createLogger } from '../../../src/core/logger.ts'
import type { PeerId } from '../../../src/core/peer.ts'
import type { Leases } from '../../../src/lease/lease.ts'
import { MemoryRouter } from '../../../src/router/memory-router.ts'
import type { MemoryRouterGroup } from '../../../src/router/memory-router.ts'
import type { FoundEntry, LocalAnswers } from '../../../src/router/router.ts'
import { checkSignature } from '../../../src/identity/identity.ts'
import { MemoryStore } from '../../../src/store/memory-store.ts'
import type { Store } from '../../../src/store/store.ts'
import type { FetchRequest, Transfer, TransferOptions } from '../../../src/transfer/transfer.ts'
import { save, tiersContract } from '../../contract/tiers.ts'
import { collect } from '../../support/eventually.ts'
import { startLeases } from '../../support/leases.ts'
import { REPOSITORY, askFor, createSigner, makeSample } from '../../support/sample-entries.ts'

const options = { timeout: 20_000 }
const LIMIT_BYTES = 256 * 1024 * 1024

class CountingRouter extends MemoryRouter {
  finds = 0
  provided: string[] = []
  withdrawn: string[] = []
  failing = false

  override async find(query: EntryQuery): Promise<FoundEntry> {
    this.finds += 1
    if (this.failing) throw new Error('the swarm is on fire')
    return await super.find(query)
  }

  override provide(entry: EntryName): void {
    this.provided.push(entry.key)
  }

  override async withdraw(entry: EntryName): Promise<void> {
    this.withdrawn.push(entry.key)
  }
}

/** Reads the stores of the other nodes of a fleet as a transfer would, and may hang after some frames. */
class FleetTransfer implements Transfer {
  readonly #stores: ReadonlyMap<PeerId, Store>
  requests: FetchRequest[] = []
  given = 0
  open = 0
  hangAfter = Infinity

  constructor(stores: ReadonlyMap<PeerId, Store>) {
    this.#stores = stores
  }

  async start(): Promise<void> {}
  async stop(): Promise<void> {}

  async fetchManifest(
    manifest: string,
    _bytes: number,
    holders: readonly PeerId[],
  ): Promise<Uint8Array> {
    for (const holder of holders) {
      const bytes = await this.#stores.get(holder)?.getManifest(manifest)
      if (bytes !== undefined) return bytes
    }
    throw new SwarmCacheError('ERR_PEER', 'No holder supplied the manifest.')
  }

  async *fetchChunks(
    request: FetchRequest,
    { signal }: TransferOptions = {},
  ): AsyncGenerator<SourcedFrame> {
    this.requests.push(request)
    this.open += 1
    try {
      for (const chunk of request.chunks) {
        signal?.throwIfAborted()
        if (this.given >= this.hangAfter) {
          await new Promise((_, reject) =>
            signal?.addEventListener('abort', () => reject(signal.reason)),
          )
        }
        const [peer] = request.holders
        const found = peer && (await this.#stores.get(peer)?.get(chunk.digest))
        if (!found) throw new SwarmCacheError('ERR_PEER', `No holder has ${chunk.digest}.`)
        this.given += 1
        yield { chunk, bytes: found.bytes, tier: 'peers', peer }
      }
    } finally {
      this.open -= 1
    }
  }
}

/** Nodes that see each other's stores. */
class Fleet {
  readonly stores = new Map<PeerId, Store>()
  readonly warnings: string[] = []
  readonly #group: MemoryRouterGroup = new Map()

  add(more: Partial<NodeTiersOptions> & { store?: Store; leases?: Leases } = {}): {
    tiers: NodeTiers
    store: Store
    router: CountingRouter
    transfer: FleetTransfer
  } {
    const peerId = `peer-${this.stores.size}`
    const store = more.store ?? memoryStore()
    const router = new CountingRouter({ peerId, group: this.#group, answers: answersOf(store) })
    const transfer = new FleetTransfer(this.stores)
    this.stores.set(peerId, store)
    router.start()
    const logger = createLogger((level, line) => this.warnings.push(`${level} ${line}`))
    const peers = { router, transfer }
    const tiers = new NodeTiers(
      {
        store,
        peers,
        leases: more.leases,
        sign: createSigner(),
        checkEntry: checkSignature,
        logger,
      },
      { repository: REPOSITORY, ...more },
    )
    return { tiers, store, router, transfer }
  }
}

function memoryStore(limitBytes = LIMIT_BYTES): MemoryStore {
  return new MemoryStore({ repository: REPOSITORY, limitBytes })
}

function answersOf(store: Store): LocalAnswers {
  return {
    async find(query) {
      const match = await store.findEntry(query)
      const near = match === undefined ? await store.findNearMisses(query) : []
      return {
        entry: match?.entry,
        nearMisses: near.map(({ key, scope }) => ({ reason: 'other-version', key, scope })),
      }
    },
    async holds(manifest) {
      return (await store.getManifest(manifest)) !== undefined
    },
  }
}

tiersContract('node without a swarm', async (t) => {
  const leases = startLeases(t)
  const logger = createLogger(() => {})
  const parts = {
    store: memoryStore(),
    leases,
    sign: createSigner(),
    checkEntry: checkSignature,
    logger,
  }
  return new NodeTiers(parts, { repository: REPOSITORY })
})

tiersContract('node in a swarm', async (t) => {
  const fleet = new Fleet()
  fleet.add()
  return fleet.add({ leases: startLeases(t) }).tiers
})

test(
  'what a peer saved is read from it, and then held under the name of its writer',
  options,
  async () => {
    const fleet = new Fleet()
    const first = fleet.add()
    const second = fleet.add()
    const sample = await makeSample('deps-1', { count: 30 })
    const saved = await save(first.tiers, sample)
    assert.deepEqual(first.router.provided, ['deps-1'])
    const { match } = await second.tiers.find(askFor('deps-1'))
    assert.deepEqual(match?.entry, saved)
    await second.tiers.readManifest(saved)
    const [catalog, ...content] = sample.frames.map((frame) => frame.chunk)
    assert.equal((await collect(second.tiers.readChunks(saved, [catalog!]))).length, 1)
    assert.deepEqual(second.router.provided, [], 'part of an entry is not the entry')
    const frames = await collect(second.tiers.readChunks(saved, content))
    assert.ok(frames.every((frame) => frame.tier === 'peers' && frame.peer === 'peer-0'))
    assert.deepEqual(await second.store.getEntry(saved), saved)
    assert.deepEqual(second.router.provided, ['deps-1'])
    const again = await collect(second.tiers.readChunks(saved, content))
    assert.ok(again.every((frame) => frame.tier === 'memory'))
  },
)

test('a manifest comes from a holder that only the router knows', options, async () => {
  const fleet = new Fleet()
  const first = fleet.add()
  const second = fleet.add()
  const saved = await save(first.tiers, await makeSample('deps-1'))
  assert.equal(digestOf(await second.tiers.readManifest(saved)), saved.manifest)
})

test('a manifest that claims to be too large is not even asked for', options, async () => {
  const fleet = new Fleet()
  const first = fleet.add()
  const saved = await save(first.tiers, await makeSample('deps-1'))
  await assert.rejects(fleet.add().tiers.readManifest({ ...saved, manifestBytes: 2 ** 40 }), {
    code: 'ERR_PEER',
  })
})

test('chunks held here come from here, and only the others from peers', options, async () => {
  const fleet = new Fleet()
  const first = fleet.add()
  const second = fleet.add()
  const sample = await makeSample('deps-1', { count: 10 })
  const saved = await save(first.tiers, sample)
  for (const frame of sample.frames.slice(0, 4)) await second.tiers.put(frame)
  await second.tiers.find(askFor('deps-1'))
  const chunks = sample.frames.map((frame) => frame.chunk)
  const frames = await collect(second.tiers.readChunks(saved, chunks))
  const tierOf = new Map(frames.map((frame) => [frame.chunk.digest, frame.tier]))
  assert.deepEqual(
    chunks.map((chunk) => tierOf.get(chunk.digest)),
    [...Array(4).fill('memory'), ...Array(6).fill('peers')],
  )
})

test('a chunk that the store can no longer give comes from a peer', options, async () => {
  const fleet = new Fleet()
  const first = fleet.add()
  const sample = await makeSample('deps-1', { count: 4 })
  const lost = sample.frames[0]!.chunk.digest
  const failing = sample.frames[1]!.chunk.digest
  class DamagedStore extends MemoryStore {
    override async get(digest: string): ReturnType<MemoryStore['get']> {
      if (digest === lost) return undefined
      if (digest === failing) throw new Error('EIO')
      return await super.get(digest)
    }
  }
  const store = new DamagedStore({ repository: REPOSITORY, limitBytes: LIMIT_BYTES })
  const second = fleet.add({ store })
  const saved = await save(first.tiers, sample)
  for (const frame of sample.frames) await store.put(frame)
  await second.tiers.find(askFor('deps-1'))
  const chunks = sample.frames.map((frame) => frame.chunk)
  const frames = await collect(second.tiers.readChunks(saved, chunks))
  const fromPeers = frames
    .filter((frame) => frame.tier === 'peers')
    .map(({ chunk }) => chunk.digest)
  assert.deepEqual(fromPeers.toSorted(), [lost, failing].toSorted())
  assert.equal(frames.length, 4)
})

test(
  'frames are handed over although the store is full, and the entry is not held',
  options,
  async () => {
    const fleet = new Fleet()
    const first = fleet.add()
    const second = fleet.add({ store: memoryStore(2000) })
    const sample = await makeSample('deps-1', { count: 6, bytes: 5000 })
    const saved = await save(first.tiers, sample)
    await second.tiers.find(askFor('deps-1'))
    await second.tiers.readManifest(saved)
    const chunks = sample.frames.map((frame) => frame.chunk)
    assert.equal((await collect(second.tiers.readChunks(saved, chunks))).length, 6)
    assert.equal(await second.store.getEntry(saved), undefined)
    assert.equal(fleet.warnings.filter((line) => line.includes('could not be stored')).length, 1)
  },
)

test(
  'an exact hit in the own scope asks no peer, a prefix hit asks them all',
  options,
  async () => {
    const fleet = new Fleet()
    const first = fleet.add()
    const second = fleet.add()
    await save(first.tiers, await makeSample('deps-12'))
    await save(second.tiers, await makeSample('deps-1'))
    const asked = second.router.finds
    assert.equal((await second.tiers.find(askFor('deps-1'))).match?.entry.key, 'deps-1')
    assert.equal(second.router.finds, asked)
    assert.equal((await second.tiers.find(askFor('deps-12'))).match?.entry.key, 'deps-12')
    assert.equal(second.router.finds, asked + 1)
  },
)

test('of a local and a foreign answer the better one wins', options, async () => {
  const fleet = new Fleet()
  const first = fleet.add()
  const second = fleet.add()
  await save(first.tiers, await makeSample('deps-new', { created: 5000 }))
  await save(second.tiers, await makeSample('deps-old', { created: 1000 }))
  const query = askFor('none', { restoreKeys: ['deps-'] })
  assert.equal((await second.tiers.find(query)).match?.entry.key, 'deps-new')
  assert.equal((await first.tiers.find(query)).match?.entry.key, 'deps-new')
})

test(
  'near misses of this node and of the peers are told together, each once',
  options,
  async () => {
    const fleet = new Fleet()
    const first = fleet.add()
    const second = fleet.add()
    await save(first.tiers, await makeSample('deps-1', { scope: 'refs/heads/a' }))
    await save(second.tiers, await makeSample('deps-1', { scope: 'refs/heads/b' }))
    const { nearMisses } = await second.tiers.find(askFor('deps-1'))
    assert.deepEqual(nearMisses.map((miss) => miss.scope).toSorted(), [
      'refs/heads/a',
      'refs/heads/b',
    ])
  },
)

test('a router that fails is a warning and the local answer', options, async () => {
  const fleet = new Fleet()
  const node = fleet.add()
  await save(node.tiers, await makeSample('deps-1'))
  node.router.failing = true
  const { match } = await node.tiers.find(askFor('none', { restoreKeys: ['deps-'] }))
  assert.equal(match?.entry.key, 'deps-1')
  assert.match(fleet.warnings.join(), /warning .*the swarm is on fire/)
})

test('a consumer that is slow holds the peers up', options, async () => {
  const fleet = new Fleet()
  const first = fleet.add()
  const second = fleet.add()
  const sample = await makeSample('deps-1', { count: 64, bytes: 1024 * 1024 })
  const saved = await save(first.tiers, sample)
  await second.tiers.find(askFor('deps-1'))
  const chunks = sample.frames.map((frame) => frame.chunk)
  let taken = 0
  for await (const _ of second.tiers.readChunks(saved, chunks)) {
    taken += 1
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
    assert.ok(second.transfer.given - taken <= 20, `${second.transfer.given} given, ${taken} taken`)
  }
  assert.equal(taken, 64)
})

test('a consumer that stops early ends the fetch', options, async () => {
  const fleet = new Fleet()
  const first = fleet.add()
  const second = fleet.add()
  const sample = await makeSample('deps-1', { count: 20 })
  const saved = await save(first.tiers, sample)
  second.transfer.hangAfter = 5
  await second.tiers.find(askFor('deps-1'))
  const chunks = sample.frames.map((frame) => frame.chunk)
  for await (const _ of second.tiers.readChunks(saved, chunks)) break
  assert.equal(second.transfer.open, 0)
  assert.equal(await second.store.getEntry(saved), undefined)
})

test('a read that waits for peers ends with the reason of an abort', options, async () => {
  const fleet = new Fleet()
  const first = fleet.add()
  const second = fleet.add()
  const sample = await makeSample('deps-1', { count: 20 })
  const saved = await save(first.tiers, sample)
  second.transfer.hangAfter = 5
  await second.tiers.find(askFor('deps-1'))
  const chunks = sample.frames.map((frame) => frame.chunk)
  const controller = new AbortController()
  const reason = new Error('enough')
  let taken = 0
  await assert.rejects(async () => {
    for await (const _ of second.tiers.readChunks(saved, chunks, controller)) {
      taken += 1
      if (taken === 5) setImmediate(() => controller.abort(reason))
    }
  }, reason)
  assert.equal(second.transfer.open, 0)
})

test('a reader keeps what it fetched and tells nobody', options, async () => {
  const fleet = new Fleet()
  const first = fleet.add()
  const reader = fleet.add({ provides: false })
  const sample = await makeSample('deps-1')
  const saved = await save(first.tiers, sample)
  await reader.tiers.find(askFor('deps-1'))
  await reader.tiers.readManifest(saved)
  await collect(
    reader.tiers.readChunks(
      saved,
      sample.frames.map((frame) => frame.chunk),
    ),
  )
  assert.deepEqual(await reader.store.getEntry(saved), saved)
  assert.deepEqual(reader.router.provided, [])
})

test('a forgotten entry is withdrawn, but never another one of its name', options, async () => {
  const fleet = new Fleet()
  const { tiers, router, store } = fleet.add()
  const saved = await save(tiers, await makeSample('deps-1'))
  await tiers.forget({ ...saved, manifest: digestOf('other') })
  assert.deepEqual(await store.getEntry(saved), saved)
  await tiers.forget(saved)
  assert.deepEqual(router.withdrawn, ['deps-1'])
})

test('a request for another repository is refused', options, async () => {
  const { tiers } = new Fleet().add()
  const { entry } = await makeSample('deps-1')
  await assert.rejects(tiers.find(askFor('x', { repository: 'octo/other' })), { code: 'ERR_INPUT' })
  await assert.rejects(tiers.commit({ ...entry, repository: 'octo/other' }), { code: 'ERR_INPUT' })
})
