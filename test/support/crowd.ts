import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { TreeArchive } from '../../src/archive/tree-archive.ts'
import { NodeTiers } from '../../src/cache/node-tiers.ts'
import { TreeCache } from '../../src/cache/tree-cache.ts'
import type { Tiers } from '../../src/cache/cache.ts'
import { createLogger } from '../../src/core/logger.ts'
import { checkSignature, createPeerKey, signEntry } from '../../src/identity/identity.ts'
import { SwarmLeases } from '../../src/lease/swarm-leases.ts'
import { answersFrom, supplyFrom } from '../../src/node/serving.ts'
import { SwarmRouter } from '../../src/router/swarm-router.ts'
import { MemoryStore } from '../../src/store/memory-store.ts'
import { MemoryUpstream, MemoryUpstreamService } from '../../src/store/memory-upstream.ts'
import type { MemoryUpstreamOptions } from '../../src/store/memory-upstream.ts'
import { MemoryNetwork } from '../../src/swarm/memory-network.ts'
import { MemorySwarm } from '../../src/swarm/memory-swarm.ts'
import { SwarmTransfer } from '../../src/transfer/swarm-transfer.ts'
import { noise } from './noise.ts'
import { temporaryFolder } from './file-tree.ts'
import { MAIN, REPOSITORY } from './sample-entries.ts'

/** A job on a runner of its own. */
export interface CrowdRunner {
  readonly cache: TreeCache
  readonly upstream: MemoryUpstream
  readonly folder: string
  /** What the job printed. */
  readonly lines: string[]
  /** Ends the runner as a lost machine would. */
  kill(): Promise<void>
}

/** Runners of one repository, each with a store and an upstream of its own, in one swarm in memory. */
export class Crowd {
  readonly service: MemoryUpstreamService = new MemoryUpstreamService()
  readonly #network = new MemoryNetwork()
  readonly #swarms: MemorySwarm[] = []
  readonly #runners: CrowdRunner[] = []
  readonly #t: TestContext

  constructor(t: TestContext) {
    this.#t = t
  }

  async add(beforeCall?: MemoryUpstreamOptions['beforeCall']): Promise<CrowdRunner> {
    const key = createPeerKey()
    const lines: string[] = []
    const logger = createLogger((level, line) => lines.push(`${level}: ${line}`))
    const store = new MemoryStore({ repository: REPOSITORY, limitBytes: 1e8 })
    const swarm = new MemorySwarm({ network: this.#network, peerId: key.peerId })
    const answers = answersFrom({ store, checkEntry: checkSignature, swarm }, { role: 'runner' })
    const router = new SwarmRouter(
      { swarm, answers, checkEntry: checkSignature, logger },
      { initialTimeoutMs: 2000 },
    )
    const supply = supplyFrom(store, 'runner')
    const transfer = new SwarmTransfer({ swarm, peers: router, supply, logger })
    const leases = new SwarmLeases({ swarm, peers: router, logger }, { answerMs: 2000 })
    await transfer.start()
    leases.start()
    router.start()
    await swarm.start()
    for (const other of this.#swarms) await swarm.dial(other.peerId, other.addresses())
    this.#swarms.push(swarm)
    const tiers = new NodeTiers(
      {
        store,
        peers: { router, transfer },
        leases,
        sign: (entry) => signEntry(entry, key),
        checkEntry: checkSignature,
        logger,
      },
      { repository: REPOSITORY },
    )
    const kill = async (): Promise<void> => {
      await swarm.stop()
      await upstream.close()
    }
    const { cache, upstream, folder } = makeCache(this.#t, tiers, {
      service: this.service,
      beforeCall,
      lines,
    })
    this.#t.after(async () => {
      await cache.settle({ signal: AbortSignal.timeout(15_000) })
      await upstream.close()
      await leases.stop()
      await transfer.stop()
      await router.stop()
      await swarm.stop()
    })
    const runner = { cache, upstream, folder, lines, kill }
    this.#runners.push(runner)
    return runner
  }

  /** How often the upstream was asked to restore or to save, by all runners. */
  calls(kind: 'restore' | 'save'): number {
    return this.#runners.reduce((total, { upstream }) => total + upstream.calls[kind], 0)
  }
}

/** A cache over `tiers` with an upstream and a folder of its own. */
export function makeCache(
  t: TestContext,
  tiers: Tiers,
  options: {
    readonly service: MemoryUpstreamService
    readonly beforeCall?: MemoryUpstreamOptions['beforeCall']
    readonly lines?: string[]
  },
): { cache: TreeCache; upstream: MemoryUpstream; folder: string } {
  const { service, beforeCall, lines } = options
  const folder = temporaryFolder(t)
  const logger = createLogger((level, line) => lines?.push(`${level}: ${line}`))
  const upstream = new MemoryUpstream({
    service,
    repository: REPOSITORY,
    scope: MAIN,
    workingDirectory: folder,
    beforeCall,
  })
  const request = { repository: REPOSITORY, scope: MAIN, readable: [MAIN] }
  const cache = new TreeCache(
    { tiers, archive: new TreeArchive(), upstream, logger },
    { request, workingDirectory: folder, writeThrough: true, threads: 1 },
  )
  return { cache, upstream, folder }
}

/** Writes a small tree `deps` into `folder`. */
export function writeDeps(folder: string): void {
  for (let index = 0; index < 12; index += 1) {
    const parent = join(folder, 'deps', `package-${index % 3}`)
    mkdirSync(parent, { recursive: true })
    const path = join(parent, `file-${index}.bin`)
    writeFileSync(path, noise(20_000, `file ${index}`))
    // A whole second, which every client keeps.
    utimesSync(path, 1_700_000_000, 1_700_000_000)
  }
}
