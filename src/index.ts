import { swarmcacheApi } from './api-cache/api-cache.ts'
import type { ApiCache, ApiStats, Fetch, HookedClient } from './api-cache/api-cache.ts'
import type {
  BlobContent,
  Blobs,
  CacheOptions,
  CacheProgress,
  RestoreResult,
  SaveResult,
  StoredBlob,
} from './cache/cache.ts'
import { openSession } from './compose.ts'
import { loadConfig } from './config.ts'
import type { ConfigFlags } from './config.ts'
import { silentLogger } from './core/logger.ts'
import type { Logger, LogLevel } from './core/logger.ts'
import type { NodeStatus, PeerStatus } from './node/node.ts'

export type {
  ApiStats,
  BlobContent,
  CacheOptions,
  CacheProgress,
  Fetch,
  HookedClient,
  Logger,
  LogLevel,
  NodeStatus,
  PeerStatus,
  RestoreResult,
  SaveResult,
  StoredBlob,
}
export type { BytesByTier, Tier } from './core/chunk.ts'
export type { ErrorCode } from './core/errors.ts'
export { SwarmCacheError, isSwarmCacheError } from './core/errors.ts'
export { createLogger } from './core/logger.ts'

/** Settings of a swarmcache in this process; each one has an environment variable of the same meaning. */
export interface SwarmCacheOptions extends ConfigFlags {
  /** Where settings that are not given here come from; `process.env` by default. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** The folder that relative paths are relative to; the process's own by default. */
  readonly cwd?: string
  /** Where warnings and notices go; nowhere by default. */
  readonly logger?: Logger
}

/** The GitHub API through what any runner of the repository has fetched, confirmed by GitHub for the token that asks. */
export interface SwarmCacheApi {
  /** As the global `fetch`; requests to other hosts go out as they are. */
  readonly fetch: Fetch
  /** The same through another `fetch`, one that knows a proxy for example. */
  readonly through: (upstream: Fetch) => Fetch
  /** A plugin for every Octokit: `Octokit.plugin(cache.api.octokit)`. */
  readonly octokit: (client: HookedClient) => void
  /** What became of the requests. */
  readonly stats: () => ApiStats
}

/** The cache of one repository, shared with its other runners. */
export interface SwarmCache extends AsyncDisposable {
  /**
   * Restores the newest entry that matches; a miss is `hit: 'miss'`.
   *
   * @throws ERR_INPUT for a bad key or path; faults of peers, disk and upstream are logged and end in a miss.
   */
  restore(
    paths: readonly string[],
    key: string,
    restoreKeys?: readonly string[],
    options?: CacheOptions & { readonly lookupOnly?: boolean },
  ): Promise<RestoreResult>
  /** Saves the paths under a key that is not taken yet; a taken one is `saved: false`. */
  save(paths: readonly string[], key: string, options?: CacheOptions): Promise<SaveResult>
  /** A single blob by its key, or the newest with a restore key as prefix; undefined if there is none. */
  get: Blobs['get']
  /** Stores a single blob under a key; false if the key is taken. */
  put: Blobs['put']
  readonly api: SwarmCacheApi
  /** Who is connected now. */
  peers(): Promise<PeerStatus[]>
  /** The node behind this cache: what it is, holds and has moved. */
  stats(): Promise<NodeStatus>
  /** Finishes what goes on in the background and leaves the swarm. */
  stop(options?: { readonly signal?: AbortSignal }): Promise<void>
}

/**
 * Opens the cache: uses the node that runs for the same home if there is one, else starts one in this process.
 *
 * @throws ERR_INPUT naming the setting that is wrong.
 */
export async function createSwarmCache(options: SwarmCacheOptions = {}): Promise<SwarmCache> {
  const { env, cwd, logger = silentLogger, ...flags } = options
  const config = loadConfig({ env, cwd, flags })
  const session = await openSession(config, { logger })
  const { cache, blobs, node, request } = session
  const stop: SwarmCache['stop'] = async (stopOptions) => await session.stop(stopOptions)
  return {
    restore: async (...call) => await cache.restore(...call),
    save: async (...call) => await cache.save(...call),
    get: async (...call) => await blobs.get(...call),
    put: async (...call) => await blobs.put(...call),
    api: openApi(await session.api()),
    peers: async () => await node.peers(request.repository),
    stats: async () => await node.status(),
    stop,
    [Symbol.asyncDispose]: async () => await stop(),
  }
}

function openApi(cache: ApiCache): SwarmCacheApi {
  return {
    fetch: cache.fetch,
    through: (upstream) => cache.through(upstream),
    octokit: swarmcacheApi(cache),
    stats: () => cache.stats(),
  }
}
