import type { TestContext } from 'node:test'
import { Octokit } from '@octokit/rest'
import { AnswerReaders } from '../../src/api-cache/answer-readers.ts'
import type { AnswerScope, ApiCacheOptions, Fetch } from '../../src/api-cache/api-cache.ts'
import { GitHubApiCache } from '../../src/api-cache/github-api-cache.ts'
import { MemoryShelf } from '../../src/api-cache/memory-shelf.ts'
import { swarmcacheApi } from '../../src/api-cache/octokit-plugin.ts'
import { PatientTurns } from '../../src/api-cache/patient-turns.ts'
import { SharedQuotas } from '../../src/api-cache/shared-quotas.ts'
import { SwarmAnswerPeers } from '../../src/api-cache/swarm-answer-peers.ts'
import { TieredAnswers } from '../../src/api-cache/tiered-answers.ts'
import { createLogger } from '../../src/core/logger.ts'
import type { PeerId } from '../../src/core/peer.ts'
import type { PeerView } from '../../src/lease/lease.ts'
import { SwarmLeases } from '../../src/lease/swarm-leases.ts'
import type { Swarm } from '../../src/swarm/swarm.ts'
import { eventually } from './eventually.ts'

/** A runner on a swarm, with the API cache of its one job. */
export interface SwarmRunner {
  readonly swarm: Swarm
  readonly cache: GitHubApiCache
  readonly peers: SwarmAnswerPeers
  readonly quota: SharedQuotas
  readonly shelf: MemoryShelf
  readonly leases: SwarmLeases
  /** Peers that were reported, and why. */
  readonly banned: Map<PeerId, string>
  readonly lines: string[]
  octokit(token: string): Octokit
  get(path: string, token: string, init?: RequestInit): Promise<Response>
  stop(): Promise<void>
}

/** How a runner differs from a job of main whose peers have all the time that a busy machine needs. */
export interface SwarmRunnerOptions extends ApiCacheOptions {
  readonly url: string
  readonly scope?: AnswerScope
  readonly fetch?: Fetch
  readonly requiresToken?: boolean
  readonly replyMs?: number
  readonly patienceMs?: number
  readonly answerMs?: number
  readonly leaseMs?: number
}

export const SWARM_SCOPE: AnswerScope = {
  repository: 'octocat/hello',
  scope: 'refs/heads/main',
  readable: ['refs/heads/main'],
}

const PATIENT_MS = 60_000
// A line may be kept for this long for who is through with its turn.
const LEASE_MS = 3000

/** Makes a runner whose answers and turns go over a swarm that is not started yet. */
export function createSwarmRunner(swarm: Swarm, options: SwarmRunnerOptions): SwarmRunner {
  const { url, scope = SWARM_SCOPE, fetch, requiresToken = false, ...rest } = options
  const {
    replyMs = PATIENT_MS,
    patienceMs = PATIENT_MS,
    answerMs = PATIENT_MS,
    leaseMs = LEASE_MS,
  } = rest
  const { repository } = scope
  const lines: string[] = []
  const logger = createLogger((level, line) => lines.push(`${level}: ${line}`), 'debug')
  const banned = new Map<PeerId, string>()
  const view: PeerView = {
    isUsable: (peerId) => !banned.has(peerId),
    failed: (peerId, reason, misbehaved) => void (misbehaved && banned.set(peerId, reason)),
  }
  const shelf = new MemoryShelf()
  const quota = new SharedQuotas({ repository })
  const readers = new AnswerReaders({ swarm }, { repository, requiresToken })
  const peers = new SwarmAnswerPeers(
    { swarm, peers: view, shelves: [shelf], readers, quotas: quota, logger },
    { repository, replyMs },
  )
  const leases = new SwarmLeases(
    { swarm, peers, logger },
    { protocol: '/test/api-lease/1', answerMs, leaseMs, beatMs: 50 },
  )
  const turns = new PatientTurns(leases, { patienceMs })
  const tiers = new TieredAnswers(
    { memory: shelf, peers, leases: turns, logger },
    { findMs: 2 * PATIENT_MS },
  )
  const cache = new GitHubApiCache(
    { tiers, quota, scope, fetch, logger },
    { apiUrls: [url], turnWaitMs: PATIENT_MS, ...rest },
  )
  const Client = Octokit.plugin(swarmcacheApi(cache))
  peers.start()
  leases.start()
  return {
    swarm,
    cache,
    peers,
    quota,
    shelf,
    leases,
    banned,
    lines,
    octokit: (token) => new Client({ auth: token, baseUrl: url }),
    get: async (path, token, init) =>
      await cache.fetch(`${url}${path}`, {
        ...init,
        headers: { authorization: `Bearer ${token}`, ...(init?.headers as object) },
      }),
    stop: async () => {
      peers.stop()
      await leases.stop()
      await swarm.stop()
    },
  }
}

/** Starts the swarms of runners and connects each to all others. */
export async function joinRunners(t: TestContext, runners: readonly SwarmRunner[]): Promise<void> {
  for (const runner of runners) {
    t.after(async () => await runner.stop())
    await runner.swarm.start({ signal: t.signal })
  }
  for (const [at, { swarm }] of runners.entries()) {
    for (const other of runners.slice(0, at)) {
      await swarm.dial(other.swarm.peerId, other.swarm.addresses(), { signal: t.signal })
    }
  }
  for (const { swarm } of runners) {
    await eventually('a connection to every other runner', () => {
      return swarm.peers().length === runners.length - 1
    })
  }
}
