import { createHash } from 'node:crypto'
import type { TestContext } from 'node:test'
import { startCacheService } from '../../src/cli/demo/cache-service.ts'
import type { CacheService, CacheServiceOptions } from '../../src/cli/demo/cache-service.ts'
import type { CacheServiceToken } from '../../src/cli/demo/cache-service-entries.ts'
import { SwarmCacheError } from '../../src/core/errors.ts'
import { createLogger } from '../../src/core/logger.ts'
import type { PeerRecord } from '../../src/core/peer.ts'
import { deriveSwarmKeys } from '../../src/identity/identity.ts'
import type { SwarmKeys } from '../../src/identity/identity.ts'
import { CacheListing } from '../../src/registry/github-listing.ts'
import { ANNOUNCEMENT_PATH, CacheLookup } from '../../src/registry/github-lookup.ts'
import { GithubRegistry } from '../../src/registry/github-registry.ts'
import type { Upstream } from '../../src/store/store.ts'
import { signAsTheirs } from '../contract/registry.ts'

const REPOSITORY = 'octo/cache'
const MAIN = 'refs/heads/main'
const PULL = 'refs/pull/7/merge'
const OTHER_PULL = 'refs/pull/8/merge'

/** Jobs on main with each permission, in pull requests, and one that may only read. */
export type TokenName =
  | 'main'
  | 'main-read'
  | 'main-write'
  | 'pull'
  | 'pull-read'
  | 'other-pull-read'
  | 'reader'

const ofMain: CacheServiceToken = { repository: REPOSITORY, writeScope: MAIN, readScopes: [MAIN] }
const ofPull: CacheServiceToken = {
  repository: REPOSITORY,
  writeScope: PULL,
  readScopes: [PULL, MAIN],
}
const TOKENS: Readonly<Record<TokenName, CacheServiceToken>> = {
  main: ofMain,
  'main-read': { ...ofMain, actions: 'read' },
  'main-write': { ...ofMain, actions: 'write' },
  pull: ofPull,
  'pull-read': { ...ofPull, actions: 'read' },
  'other-pull-read': { ...ofPull, writeScope: OTHER_PULL, actions: 'read' },
  reader: { repository: REPOSITORY, readScopes: [MAIN] },
}

/** The repository's caches on a stand-in of GitHub, at a time that only the test moves on. */
export class GithubPlace {
  readonly service: CacheService
  readonly keys: SwarmKeys = deriveSwarmKeys('the swarm key of a test', REPOSITORY)
  /** Milliseconds since the epoch. */
  time: number = Date.now()
  /** What the registries wrote to their logs. */
  readonly lines: string[] = []

  constructor(service: CacheService) {
    this.service = service
  }

  static async start(
    t: TestContext,
    options: Partial<CacheServiceOptions> = {},
  ): Promise<GithubPlace> {
    const service = await startCacheService({ tokens: TOKENS, ...options })
    t.after(() => service.close())
    return new GithubPlace(service)
  }

  /** A registry of a job with such a token, as steps that are actions have it. */
  open(
    token: TokenName,
    more: {
      upstream?: Pick<Upstream, 'save'>
      protocol?: 'v1' | 'v2'
      lookup?: boolean
      /** The place's own by default. */
      now?: () => number
    } = {},
  ): GithubRegistry {
    const now = more.now ?? ((): number => this.time)
    const { url } = this.service
    const apiUrl = url.slice(0, -1)
    const access = { url, token, protocol: more.protocol ?? 'v2' }
    const logger = createLogger((level, line) => this.lines.push(`${level}: ${line}`), 'debug')
    return new GithubRegistry(
      {
        keys: this.keys,
        peerKey: { sign: signAsTheirs },
        logger,
        upstream: more.upstream ?? { save: async (_paths, key) => await this.write(key, token) },
        lookup: more.lookup === false ? undefined : new CacheLookup(access, now),
        listing: new CacheListing({ apiUrl, token, repository: REPOSITORY }, now),
      },
      { repository: REPOSITORY, readable: TOKENS[token].readScopes, now },
    )
  }

  /** Requests that were made under this name so far. */
  count(call: string): number {
    return this.service.stats().requests[call] ?? 0
  }

  /** Makes an entry in three requests, as the client of the cache service does, but without its process. */
  async write(key: string, token: TokenName = 'main'): Promise<boolean> {
    const version = createHash('sha256')
      .update(`${ANNOUNCEMENT_PATH}|zstd-without-long|1.0`)
      .digest('hex')
    const created = await this.#call('CreateCacheEntry', token, { key, version })
    if (created['ok'] !== true) {
      const facts = { reason: 'denied' }
      throw new SwarmCacheError('ERR_UPSTREAM', String(created['message']), { facts })
    }
    await fetch(String(created['signed_upload_url']), { method: 'PUT', body: 'none' })
    await this.#call('FinalizeCacheEntryUpload', token, { key, version, size_bytes: '4' })
    return true
  }

  async #call(method: string, token: TokenName, body: object): Promise<Record<string, unknown>> {
    const path = `twirp/github.actions.results.api.v1.CacheService/${method}`
    const response = await fetch(new URL(path, this.service.url), {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return (await response.json()) as Record<string, unknown>
  }
}

/** Peer ids in a fixed order. */
export function idsOf(records: readonly PeerRecord[]): string[] {
  return records.map(({ peerId }) => peerId).toSorted()
}
