import type { Config } from '../config.ts'
import type { Logger } from '../core/logger.ts'
import type { PeerKey, SwarmKeys } from '../identity/identity.ts'
import type { Registry } from '../registry/registry.ts'

/** The registries that the settings name; those that have nothing to work with are left out with a notice. */
export async function composeRegistries(
  config: Config,
  parts: { keys: SwarmKeys; peerKey: PeerKey; logger: Logger },
): Promise<Registry[]> {
  const { keys } = parts
  const [{ DirectoryRegistry }, { StaticRegistry }] = await Promise.all([
    import('../registry/directory-registry.ts'),
    import('../registry/static-registry.ts'),
  ])
  const registries: Registry[] = []
  for (const each of config.registries) {
    if (each.kind === 'dir') registries.push(new DirectoryRegistry({ keys }, { path: each.path }))
    else registries.push(...(await composeGithubRegistry(config, parts)))
  }
  if (config.bootstrap.length > 0) {
    registries.push(new StaticRegistry({ addresses: config.bootstrap }))
  }
  return registries
}

async function composeGithubRegistry(
  { github, request, upstreamEnvironment: env }: Config,
  { keys, peerKey, logger }: { keys: SwarmKeys; peerKey: PeerKey; logger: Logger },
): Promise<Registry[]> {
  const { cacheService, token, apiUrl, repository } = github
  if (cacheService === undefined && token === undefined) {
    logger.log(
      'notice',
      'Runners cannot find each other through GitHub here: there is neither the token of the cache service, which steps that are actions have, nor GITHUB_TOKEN. Start the node in a step "uses: swarmcache/swarmcache", or set GITHUB_TOKEN with "permissions: actions: read".',
    )
    return []
  }
  const [{ GithubRegistry }, { CacheLookup }, { CacheListing }, { ActionsCacheUpstream }] =
    await Promise.all([
      import('../registry/github-registry.ts'),
      import('../registry/github-lookup.ts'),
      import('../registry/github-listing.ts'),
      import('../store/actions-cache-upstream.ts'),
    ])
  const now = Date.now
  const upstream =
    cacheService === undefined ? undefined : new ActionsCacheUpstream({ logger }, { env })
  const lookup = cacheService === undefined ? undefined : new CacheLookup(cacheService, now)
  const listing =
    token === undefined ? undefined : new CacheListing({ apiUrl, token, repository }, now)
  const parts = { keys, peerKey, logger, upstream, lookup, listing }
  return [new GithubRegistry(parts, { repository, readable: request.readable, now })]
}
