import type { ApiCache, Fetch } from './api-cache.ts'

interface RequestOptions {
  request?: { fetch?: Fetch }
}

/** What a plugin needs of an Octokit: its hook before requests. */
export interface HookedClient {
  readonly hook: {
    before(name: 'request', handler: (options: RequestOptions) => void): void
  }
}

/**
 * An Octokit plugin that sends the client's requests through an API cache: `Octokit.plugin(swarmcacheApi(cache))`.
 *
 * Below the plugins for throttling and retries, which see what GitHub says as before. A `fetch` of the client's own
 * stays in use behind the cache.
 */
export function swarmcacheApi(
  cache: Pick<ApiCache, 'fetch' | 'through'>,
): (client: HookedClient) => void {
  const cached = new WeakMap<Fetch, Fetch>()
  // A retry comes with the options of the first attempt.
  const ours = new WeakSet<Fetch>([cache.fetch])
  return (client) => {
    client.hook.before('request', (options) => {
      const own = options.request?.fetch
      if (own !== undefined && ours.has(own)) return
      let fetch = own === undefined ? cache.fetch : cached.get(own)
      if (fetch === undefined && own !== undefined) {
        fetch = cache.through(own)
        cached.set(own, fetch)
        ours.add(fetch)
      }
      options.request = { ...options.request, fetch }
    })
  }
}
