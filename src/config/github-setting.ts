import { presence } from '../core/environment.ts'
import type { Environment } from '../core/environment.ts'

/** What there is to reach GitHub with; neither token may appear in a log. */
export interface GithubSetting {
  readonly apiUrl: string
  /** owner/name that the tokens are for. */
  readonly repository: string
  /** GITHUB_TOKEN: lists the repository's caches if it has the permission `actions: read`. */
  readonly token?: string
  /** The cache service of the job and its token, which the runner gives to steps that are actions. */
  readonly cacheService?: {
    readonly url: string
    readonly token: string
    readonly protocol: 'v1' | 'v2'
  }
}

const DEFAULT_API_URL = 'https://api.github.com'

/** What the environment gives; `repository` is meant where it names none. */
export function githubSetting(env: Environment, repository: string): GithubSetting {
  const setting = (name: string): string | undefined => presence(env[name])
  const protocol = usesNewerProtocol(env) ? 'v2' : 'v1'
  const url =
    (protocol === 'v1' ? setting('ACTIONS_CACHE_URL') : undefined) ?? setting('ACTIONS_RESULTS_URL')
  const token = setting('ACTIONS_RUNTIME_TOKEN')
  return {
    apiUrl: (setting('GITHUB_API_URL') ?? DEFAULT_API_URL).replace(/\/+$/, ''),
    repository: setting('GITHUB_REPOSITORY') ?? repository,
    token: setting('GITHUB_TOKEN'),
    cacheService:
      url !== undefined && token !== undefined && URL.canParse(url)
        ? { url, token, protocol }
        : undefined,
  }
}

/** The choice that @actions/cache makes: Enterprise Server has the older protocol only. */
function usesNewerProtocol(env: Environment): boolean {
  const server = presence(env['GITHUB_SERVER_URL']) ?? 'https://github.com'
  const host = URL.canParse(server) ? new URL(server).hostname : ''
  const hosted = host === 'github.com' || host.endsWith('.ghe.com') || host.endsWith('.localhost')
  return hosted && presence(env['ACTIONS_CACHE_SERVICE_V2']) !== undefined
}
