import { join } from 'node:path'
import type { AnswerShelf, ApiCache } from '../api-cache/api-cache.ts'
import { defaultScopeOf } from '../config.ts'
import type { Config } from '../config.ts'
import type { Logger } from '../core/logger.ts'
import type { RequestScope } from '../core/request-scope.ts'
import type { PeerKey } from '../identity/identity.ts'
import type { Leases } from '../lease/lease.ts'
import type { MemberAnswers } from '../node/member-answers.ts'
import type { MemberSwarm } from '../node/member.ts'
import type { Node } from '../node/node.ts'

/** Whose answers they are, and how members prove themselves. */
export interface AnsweringMember {
  readonly repository: string
  readonly peerKey: PeerKey
  readonly joined?: Pick<MemberSwarm, 'swarm' | 'router'>
  readonly requiresToken: boolean
}

/** An API cache, and how it is ended. */
export interface ComposedApiCache {
  readonly cache: ApiCache
  stop(): Promise<void>
}

// Answers are kilobytes; a repository's jobs ask for some thousand.
const MAX_MEMORY_BYTES = 32 * 1024 * 1024
const MAX_DISK_BYTES = 256 * 1024 * 1024
const DISK_SHARE = 0.05
// Lines of requests to GitHub, which last for milliseconds, are not those of restores.
const TURNS_PROTOCOL = '/swarmcache/api-lease/1'
// A leader that does not answer within this costs more than the request that it might save.
const TURN_ANSWER_MS = 500
// A turn lasts as long as a request to GitHub; one that is lost, or kept for who is through with it, ends as soon.
const TURN_MS = 500
const BEAT_MS = 100
// Each tier has a shorter bound of its own.
const FIND_MS = 5000

/** The answers of the GitHub API that a member keeps, shares and takes turns for. */
export async function composeAnswers(
  config: Config,
  logger: Logger,
  { repository, peerKey, joined, requiresToken }: AnsweringMember,
): Promise<MemberAnswers> {
  const [
    { MemoryShelf },
    { DiskShelf },
    { SharedQuotas },
    { TieredAnswers },
    { PatientTurns },
    { MemberAnswers },
  ] = await Promise.all([
    import('../api-cache/memory-shelf.ts'),
    import('../api-cache/disk-shelf.ts'),
    import('../api-cache/shared-quotas.ts'),
    import('../api-cache/tiered-answers.ts'),
    import('../api-cache/patient-turns.ts'),
    import('../node/member-answers.ts'),
  ])
  const own = logger.scoped('api')
  const quotas = new SharedQuotas({ repository })
  const memory = new MemoryShelf({
    limitBytes: Math.min(MAX_MEMORY_BYTES, config.memoryLimitBytes),
  })
  const disk = new DiskShelf(
    { logger: own },
    {
      folder: join(config.home, 'api', encodeURIComponent(repository)),
      limitBytes: Math.min(MAX_DISK_BYTES, config.diskLimitBytes * DISK_SHARE),
    },
  )
  const shelves: AnswerShelf[] = [disk]
  if (config.api.store !== undefined) {
    const [{ KeyvShelf }, { loadKeyvAdapter }] = await Promise.all([
      import('../api-cache/keyv-shelf.ts'),
      import('../api-cache/keyv-adapter.ts'),
    ])
    const adapter = await loadKeyvAdapter(config.api.store, 'SWARMCACHE_API_STORE')
    shelves.push(new KeyvShelf({ adapter, logger: own }, { repository }))
  }
  if (joined === undefined) {
    const leases = await composeOwnLeases(peerKey)
    const tiers = new TieredAnswers(
      { memory, shelves, leases: new PatientTurns(leases), logger: own },
      { findMs: FIND_MS },
    )
    return new MemberAnswers({ tiers, quota: quotas, services: [leases] })
  }
  const [{ SwarmAnswerPeers }, { AnswerReaders }, { SwarmLeases }] = await Promise.all([
    import('../api-cache/swarm-answer-peers.ts'),
    import('../api-cache/answer-readers.ts'),
    import('../lease/swarm-leases.ts'),
  ])
  const { swarm, router } = joined
  const { role } = config
  const defaultScope = defaultScopeOf(config, repository)
  const readers = new AnswerReaders({ swarm }, { repository, defaultScope, requiresToken })
  const peers = new SwarmAnswerPeers(
    { swarm, peers: router, shelves: [memory, disk], readers, quotas, logger: own },
    { repository, gives: role !== 'reader' },
  )
  const leases =
    role === 'reader'
      ? await composeOwnLeases(peerKey)
      : new SwarmLeases(
          { swarm, peers, logger: own },
          { protocol: TURNS_PROTOCOL, answerMs: TURN_ANSWER_MS, leaseMs: TURN_MS, beatMs: BEAT_MS },
        )
  const tiers = new TieredAnswers(
    { memory, shelves, peers, leases: new PatientTurns(leases), logger: own },
    { findMs: FIND_MS },
  )
  return new MemberAnswers({ tiers, quota: quotas, services: [peers, leases] })
}

/** The cache in front of the GitHub API for a request, over what the node holds. */
export async function composeApiCache(
  config: Config,
  logger: Logger,
  { node, request }: { readonly node: Pick<Node, 'answers'>; readonly request: RequestScope },
): Promise<ComposedApiCache> {
  const [{ GitHubApiCache }, { NearAnswers }, { MemoryShelf }, { QuotaBoard }] = await Promise.all([
    import('../api-cache/github-api-cache.ts'),
    import('../api-cache/near-answers.ts'),
    import('../api-cache/memory-shelf.ts'),
    import('../api-cache/quota-board.ts'),
  ])
  let counted: (() => Promise<void>) | undefined
  const answers = new NearAnswers({
    memory: new MemoryShelf({ limitBytes: Math.min(MAX_MEMORY_BYTES, config.memoryLimitBytes) }),
    quota: new QuotaBoard(),
    open: async () => {
      const opened = await node.answers(request.repository)
      counted = opened.count(() => cache.stats())
      return opened
    },
  })
  const { repository, scope, readable, readRefused, writeRefused } = request
  const { urls, maxStaleMs, staleOnErrorMs, sharePersonal } = config.api
  const cache = new GitHubApiCache(
    {
      tiers: answers,
      quota: answers,
      scope: { repository, scope, readable, readRefused, writeRefused },
      logger: logger.scoped('api'),
    },
    { apiUrls: urls, maxStaleMs, staleOnErrorMs, sharePersonal },
  )
  const stop = async (): Promise<void> => {
    await cache.stop()
    await counted?.()
  }
  return { cache, stop }
}

/** Turns among the processes that share a node which is in no swarm. */
export async function composeOwnLeases({ peerId }: PeerKey): Promise<Leases> {
  const { MemoryLeaseGroup, MemoryLeases } = await import('../lease/memory-leases.ts')
  return new MemoryLeases({ peerId, group: new MemoryLeaseGroup() })
}
