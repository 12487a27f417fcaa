import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { TreeArchive } from '../../src/archive/tree-archive.ts'
import type { RestoreResult } from '../../src/cache/cache.ts'
import { NodeTiers } from '../../src/cache/node-tiers.ts'
import { TreeCache } from '../../src/cache/tree-cache.ts'
import type { CacheService } from '../../src/cli/demo/cache-service.ts'
import { createLogger } from '../../src/core/logger.ts'
import { checkSignature, createPeerKey, signEntry } from '../../src/identity/identity.ts'
import type { CheckEntry } from '../../src/identity/identity.ts'
import { SwarmLeases } from '../../src/lease/swarm-leases.ts'
import type { SwarmLeasesOptions } from '../../src/lease/swarm-leases.ts'
import { answersFrom, supplyFrom } from '../../src/node/serving.ts'
import { SwarmRouter } from '../../src/router/swarm-router.ts'
import { MemoryStore } from '../../src/store/memory-store.ts'
import { MemoryNetwork } from '../../src/swarm/memory-network.ts'
import { MemorySwarm } from '../../src/swarm/memory-swarm.ts'
import { SwarmTransfer } from '../../src/transfer/swarm-transfer.ts'
import type { ChunkSupply } from '../../src/transfer/transfer.ts'
import { describeTree, temporaryFolder } from './file-tree.ts'
import { noise } from './noise.ts'
import { MAIN, TOKEN, callPlainClient, makeUpstream } from './upstream-service.ts'

/** What a runner of the crowd does otherwise than usual. */
export interface DownloadRunnerOptions {
  readonly leases?: SwarmLeasesOptions
  readonly checkEntry?: CheckEntry
  /** Wraps what is served to the others. */
  readonly supply?: (supply: ChunkSupply) => ChunkSupply
  /** Makes its tiers of what they are usually made of. */
  readonly tiers?: (...made: ConstructorParameters<typeof NodeTiers>) => NodeTiers
  /** Of the client, for the next byte. */
  readonly stallTimeoutMs?: number
}

/** A job on a runner whose upstream is the real client in a process of its own. */
export interface DownloadRunner {
  readonly leases: SwarmLeases
  readonly lines: string[]
  /** Resolves once it has downloaded so many bytes itself. */
  downloaded(bytes: number): Promise<void>
  restore(key: string): Promise<RestoreResult>
  /** What was restored: names and contents. */
  tree(): string[]
  /** Ends the runner as a lost machine would. */
  kill(): Promise<void>
}

const REPOSITORY = 'octo/cache'
const PATHS = ['deps']

/** Runners in one swarm in memory, each with a store and a client of its own, before one cache service. */
export class DownloadCrowd {
  readonly #t: TestContext
  readonly #service: CacheService
  readonly #env: Readonly<Record<string, string>>
  readonly #network = new MemoryNetwork()
  readonly #swarms: MemorySwarm[] = []

  constructor(t: TestContext, service: CacheService, protocol: 'v1' | 'v2') {
    this.#t = t
    this.#service = service
    this.#env = service.environment(TOKEN, protocol)
  }

  /** Saves a tree of so many random bytes by the plain client; resolves to what it consists of. */
  async fill(key: string, bytes: number): Promise<{ tree: string[]; archiveBytes: number }> {
    const folder = temporaryFolder(this.#t)
    mkdirSync(join(folder, 'deps'))
    for (let index = 0; index < 4; index += 1) {
      const path = join(folder, 'deps', `file-${index}.bin`)
      writeFileSync(path, noise(bytes / 4, `${key} ${index}`))
      utimesSync(path, 1_700_000_000, 1_700_000_000)
    }
    const before = this.#service.stats().bytesUp
    await callPlainClient('save', folder, PATHS, key, this.#env)
    return { tree: filesOf(folder), archiveBytes: this.#service.stats().bytesUp - before }
  }

  async add(options: DownloadRunnerOptions = {}): Promise<DownloadRunner> {
    const key = createPeerKey()
    const lines: string[] = []
    const logger = createLogger((level, line) => lines.push(`${level}: ${line}`), 'debug')
    const checkEntry = options.checkEntry ?? checkSignature
    const store = new MemoryStore({ repository: REPOSITORY, limitBytes: 1e9 })
    const swarm = new MemorySwarm({ network: this.#network, peerId: key.peerId })
    const answers = answersFrom({ store, checkEntry, swarm }, { role: 'runner' })
    const router = new SwarmRouter({ swarm, answers, checkEntry, logger })
    const own = supplyFrom(store, 'runner')
    const supply = options.supply?.(own) ?? own
    const transfer = new SwarmTransfer({ swarm, peers: router, supply, logger })
    // A machine that is busy with all these clients must not split the line of a turn.
    const patient = { answerMs: 5000, leaseMs: 8000, ...options.leases }
    const leases = new SwarmLeases({ swarm, peers: router, logger }, patient)
    await transfer.start()
    leases.start()
    router.start()
    await swarm.start()
    for (const other of this.#swarms) await swarm.dial(other.peerId, other.addresses())
    this.#swarms.push(swarm)
    const sign: ConstructorParameters<typeof NodeTiers>[0]['sign'] = (entry) =>
      signEntry(entry, key)
    const parts = { store, peers: { router, transfer }, leases, sign, checkEntry, logger }
    const make = options.tiers ?? ((...made) => new NodeTiers(...made))
    const tiers = make(parts, { repository: REPOSITORY })
    const folder = temporaryFolder(this.#t)
    const env = { ...this.#env, RUNNER_TEMP: temporaryFolder(this.#t) }
    const { stallTimeoutMs } = options
    const { upstream } = makeUpstream(this.#t, { env, workingDirectory: folder, stallTimeoutMs })
    const waiting = new Map<() => void, number>()
    const request = { repository: REPOSITORY, scope: MAIN, readable: [MAIN] }
    const cache = new TreeCache(
      { tiers, archive: new TreeArchive(), upstream, logger },
      { request, workingDirectory: folder, writeThrough: false, threads: 1 },
    )
    const stop = async (): Promise<void> => {
      await leases.stop()
      await transfer.stop()
      await router.stop()
      await swarm.stop()
    }
    this.#t.after(async () => {
      await cache.settle({ signal: AbortSignal.timeout(5000) })
      await stop()
    })
    return {
      leases,
      lines,
      downloaded: async (bytes) => {
        await new Promise<void>((resolve) => waiting.set(resolve, bytes))
      },
      restore: async (wanted) =>
        await cache.restore(PATHS, wanted, [], {
          onProgress: ({ phase, bytes }) => {
            if (phase !== 'upstream') return
            for (const [resolve, least] of waiting) if (bytes >= least) resolve()
          },
        }),
      tree: () => filesOf(folder),
      kill: async () => {
        await swarm.stop()
        await upstream.close()
      },
    }
  }
}

function filesOf(folder: string): string[] {
  return describeTree(join(folder, 'deps')).filter((line) => line.includes(' file '))
}
