import { Octokit } from '@octokit/rest'
import type { Answer, AnswerScope, ApiCacheOptions, Fetch } from '../../src/api-cache/api-cache.ts'
import { GitHubApiCache } from '../../src/api-cache/github-api-cache.ts'
import { MemoryAnswerGroup, MemoryAnswerPeers } from '../../src/api-cache/memory-answer-peers.ts'
import { MemoryShelf } from '../../src/api-cache/memory-shelf.ts'
import { swarmcacheApi } from '../../src/api-cache/octokit-plugin.ts'
import { QuotaBoard } from '../../src/api-cache/quota-board.ts'
import { TieredAnswers } from '../../src/api-cache/tiered-answers.ts'
import { createLogger } from '../../src/core/logger.ts'
import { createPeerKey } from '../../src/identity/identity.ts'
import { MemoryLeaseGroup, MemoryLeases } from '../../src/lease/memory-leases.ts'
import type { GitHubApi } from './github-api.ts'

export const MAIN: AnswerScope = {
  repository: 'octo/hello',
  scope: 'refs/heads/main',
  readable: ['refs/heads/main'],
}

/** A runner's API cache and what it is made of. */
export interface ApiRunner {
  readonly cache: GitHubApiCache
  readonly shelf: MemoryShelf
  readonly quota: QuotaBoard
  readonly lines: string[]
  /** Keys of what was stored, in order. */
  readonly keys: string[]
  /** A client with that token, through the cache. */
  octokit(token: string): Octokit
  /** A plain request with that token, through the cache. */
  get(path: string, token: string, init?: RequestInit): Promise<Response>
}

/** Runners of one repository whose peers and turns are in memory. */
export class ApiRunners {
  readonly #api: Pick<GitHubApi, 'url'>
  readonly #answers: MemoryAnswerGroup = new MemoryAnswerGroup()
  readonly #leases: MemoryLeaseGroup = new MemoryLeaseGroup()

  constructor(api: Pick<GitHubApi, 'url'>) {
    this.#api = api
  }

  add(
    options: ApiCacheOptions & { readonly scope?: AnswerScope; readonly fetch?: Fetch } = {},
  ): ApiRunner {
    const { scope = MAIN, fetch, ...rest } = options
    const lines: string[] = []
    const logger = createLogger((level, line) => lines.push(`${level}: ${line}`), 'debug')
    const keys: string[] = []
    const shelf = new (class extends MemoryShelf {
      override async put(answer: Answer): Promise<void> {
        keys.push(answer.key)
        await super.put(answer)
      }
    })()
    const peers = new MemoryAnswerPeers({ group: this.#answers, own: shelf })
    const { peerId } = createPeerKey()
    const leases = new MemoryLeases({ peerId, group: this.#leases })
    const tiers = new TieredAnswers({ memory: shelf, peers, leases, logger })
    const quota = new QuotaBoard()
    const { url } = this.#api
    const cache = new GitHubApiCache(
      { tiers, quota, scope, fetch, logger },
      { apiUrls: [url], ...rest },
    )
    const Client = Octokit.plugin(swarmcacheApi(cache))
    return {
      cache,
      shelf,
      quota,
      lines,
      keys,
      octokit: (token) => new Client({ auth: token, baseUrl: url }),
      get: async (path, token, init) =>
        await cache.fetch(`${url}${path}`, {
          ...init,
          headers: { authorization: `Bearer ${token}`, ...(init?.headers as object) },
        }),
    }
  }
}

/** The tokens of a number of jobs of one repository. */
export function jobTokens(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `ghs_job${at}`)
}
