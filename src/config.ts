import { homedir } from 'node:os'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { insideActions, presence } from './core/environment.ts'
import type { Environment } from './core/environment.ts'
import { errorMessage, inputError } from './core/errors.ts'
import { parseAddress, parseBootstrapAddress } from './core/address.ts'
import { issuerOfServer, parseIssuer } from './core/issuer.ts'
import { planMembership } from './core/membership.ts'
import type { AuthPolicy, MembershipPlan } from './core/membership.ts'
import { isRole } from './core/peer.ts'
import type { Role } from './core/peer.ts'
import { readRequest } from './core/request-scope.ts'
import type { RequestScope } from './core/request-scope.ts'
import { parseSize } from './core/sizes.ts'
import { apiSetting } from './config/api-setting.ts'
import type { ApiSetting } from './config/api-setting.ts'
import { parseHttp } from './config/http-setting.ts'
import type { HttpSetting } from './config/http-setting.ts'
import { githubSetting } from './config/github-setting.ts'
import type { GithubSetting } from './config/github-setting.ts'

/** What may be done with the upstream. */
export type UpstreamPolicy = 'off' | 'read' | 'write-through'

/** Where peers announce themselves. */
export type RegistrySetting =
  | { readonly kind: 'dir'; readonly path: string }
  | { readonly kind: 'github' }

/** Where ID tokens come from, and whose are trusted. */
export interface TokenSetting {
  /** URLs of issuers. */
  readonly issuers: readonly string[]
  /** What a job with the permission `id-token: write` asks for tokens with; the secret must not leave the process. */
  readonly request?: { readonly url: string; readonly secret: string }
  /** A file in which somebody else keeps a token for this node. */
  readonly file?: string
}

/** Everything that can be set, checked, with defaults filled in. */
export interface Config {
  readonly home: string
  readonly swarmKey?: string
  readonly tokens: TokenSetting
  /** Which of them are used. */
  readonly membership: MembershipPlan
  /** The runs of the repository form a swarm, or those of all repositories of its owner. */
  readonly swarmOf: 'repository' | 'owner'
  /** False: no swarm is joined whatever proofs there are. */
  readonly peers: boolean
  readonly request: RequestScope
  readonly role: Role
  readonly registries: readonly RegistrySetting[]
  readonly github: GithubSetting
  readonly api: ApiSetting
  /** Unset: no HTTP door. */
  readonly http?: HttpSetting
  readonly bootstrap: readonly string[]
  /** Empty: the node listens on nothing and is reached through relays only. */
  readonly listen: readonly string[]
  readonly upstream: UpstreamPolicy
  /** What the client of the upstream reads from its environment. */
  readonly upstreamEnvironment: Readonly<Record<string, string>>
  readonly diskLimitBytes: number
  readonly memoryLimitBytes: number
  /** What all peers together are sent, and what is fetched from them all; undefined: no limit. */
  readonly rates: {
    readonly uploadBytesPerSecond?: number
    readonly downloadBytesPerSecond?: number
  }
  readonly workingDirectory: string
  /** Settings that were understood but have no effect, for a warning each. */
  readonly warnings: readonly string[]
}

/** Settings given by flags, inputs or code; each wins over the environment variable of the same meaning. */
export interface ConfigFlags {
  readonly home?: string
  readonly key?: string
  readonly auth?: string
  readonly issuer?: string
  readonly tokenFile?: string
  readonly swarmOf?: string
  readonly repository?: string
  readonly ref?: string
  readonly baseRef?: string
  readonly defaultBranch?: string
  readonly role?: string
  readonly registry?: string
  readonly bootstrap?: string
  readonly listen?: readonly string[]
  readonly http?: string
  readonly upstream?: string
  readonly diskLimit?: string
  readonly memoryLimit?: string
  readonly uploadLimit?: string
  readonly downloadLimit?: string
}

/** Where settings come from. */
export interface ConfigSources {
  /** The process's own by default. */
  readonly env?: Environment
  readonly flags?: ConfigFlags
  readonly cwd?: string
}

const DEFAULT_DISK_LIMIT = '10GB'
// A job's node shares its machine with a build, so its memory tier is small; the page cache serves the disk tier.
const DEFAULT_MEMORY_LIMIT = '32MB'
const DEFAULT_LISTEN = '/ip4/0.0.0.0/tcp/0'
const MAX_LISTEN_ADDRESSES = 16

/**
 * Reads and checks every setting once.
 *
 * @throws ERR_INPUT naming the setting, its value (unless secret) and the form it should have.
 */
export function loadConfig(sources: ConfigSources): Config {
  const { env = process.env, flags = {} } = sources
  const workingDirectory = sources.cwd ?? process.cwd()
  const setting = (name: string): string | undefined => presence(env[name])
  const home = resolvePath(
    flags.home ?? setting('SWARMCACHE_HOME') ?? join(cacheFolder(env), 'swarmcache'),
    workingDirectory,
  )
  const request = readRequest(env, flags)
  const github = githubSetting(env, request.repository)
  const warnings: string[] = []
  if (setting('SWARMCACHE_SHARED') !== undefined) {
    warnings.push('SWARMCACHE_SHARED has no effect: this version has no shared tier.')
  }
  const swarmKey = presence(flags.key) ?? setting('SWARMCACHE_KEY')
  const tokens = parseTokens(env, flags, workingDirectory)
  return {
    home,
    swarmKey,
    tokens,
    membership: planMembership({
      policy: parseAuth(flags.auth ?? setting('SWARMCACHE_AUTH')),
      hasKey: swarmKey !== undefined,
      hasToken: tokens.request !== undefined || tokens.file !== undefined,
      insideActions: insideActions(env),
    }),
    swarmOf: parseSwarmOf(flags.swarmOf ?? setting('SWARMCACHE_SWARM')),
    peers: parseSwitch(setting('CACHE_ENABLE_P2P'), 'CACHE_ENABLE_P2P'),
    request,
    role: parseRole(flags.role ?? setting('SWARMCACHE_ROLE')),
    registries: parseRegistries(
      flags.registry ?? setting('SWARMCACHE_REGISTRY'),
      join(dirname(home), 'swarmcache-peers'),
      workingDirectory,
      insideActions(env),
    ),
    github,
    api: apiSetting(env, github.apiUrl),
    http: parseHttp(presence(flags.http) ?? setting('SWARMCACHE_HTTP')),
    bootstrap: parseBootstrap(
      flags.bootstrap ?? setting('SWARMCACHE_BOOTSTRAP'),
      setting('P2P_BOOTSTRAP_PEERS'),
    ),
    listen: parseListen(flags.listen, setting('SWARMCACHE_LISTEN'), setting('P2P_LISTEN_PORT')),
    upstream: parseUpstream(flags.upstream ?? setting('SWARMCACHE_UPSTREAM'), env),
    upstreamEnvironment: upstreamEnvironment(env),
    diskLimitBytes: parseSize(
      flags.diskLimit ?? setting('SWARMCACHE_DISK_LIMIT') ?? DEFAULT_DISK_LIMIT,
      'SWARMCACHE_DISK_LIMIT',
    ),
    memoryLimitBytes: parseSize(
      flags.memoryLimit ?? setting('SWARMCACHE_MEMORY_LIMIT') ?? DEFAULT_MEMORY_LIMIT,
      'SWARMCACHE_MEMORY_LIMIT',
    ),
    rates: {
      uploadBytesPerSecond: parseRate(
        flags.uploadLimit ?? setting('SWARMCACHE_UPLOAD_LIMIT'),
        'SWARMCACHE_UPLOAD_LIMIT',
      ),
      downloadBytesPerSecond: parseRate(
        flags.downloadLimit ?? setting('SWARMCACHE_DOWNLOAD_LIMIT'),
        'SWARMCACHE_DOWNLOAD_LIMIT',
      ),
    },
    workingDirectory,
    warnings,
  }
}

/** Scope of a repository's default branch, as far as the settings tell: they are about one repository. */
export function defaultScopeOf({ request }: Config, repository: string): string | undefined {
  return repository === request.repository ? request.defaultScope : undefined
}

/** The environment that a child process on the same machine needs to run at all, without any setting of ours. */
export function bareEnvironment(env: Environment = process.env): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && BARE_NAMES.test(entry[0]),
    ),
  )
}

const BARE_NAMES = /^(PATH|HOME|USERPROFILE|TMPDIR|TEMP|TMP|LANG|LC_ALL|SystemRoot|SystemDrive)$/i

/** A size for each second; undefined where none is set. */
function parseRate(value: string | undefined, name: string): number | undefined {
  return value === undefined ? undefined : parseSize(value, name)
}

function parseAuth(value: string | undefined): AuthPolicy | undefined {
  const policy = presence(value)
  if (policy === undefined || policy === 'key' || policy === 'oidc' || policy === 'both') {
    return policy
  }
  throw inputError(`SWARMCACHE_AUTH is "${policy}", but must be key, oidc or both.`)
}

function parseSwarmOf(value: string | undefined): Config['swarmOf'] {
  const swarmOf = presence(value) ?? 'repository'
  if (swarmOf === 'repository' || swarmOf === 'owner') return swarmOf
  throw inputError(`SWARMCACHE_SWARM is "${swarmOf}", but must be repository or owner.`)
}

function parseTokens(env: Environment, flags: ConfigFlags, workingDirectory: string): TokenSetting {
  const issuers = splitList(flags.issuer ?? env['SWARMCACHE_OIDC_ISSUER'])
  const url = presence(env['ACTIONS_ID_TOKEN_REQUEST_URL'])
  const secret = presence(env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'])
  const file = presence(flags.tokenFile) ?? presence(env['SWARMCACHE_OIDC_TOKEN_FILE'])
  return {
    issuers:
      issuers.length === 0
        ? [issuerOfServer(presence(env['GITHUB_SERVER_URL']))]
        : issuers.map((issuer) => parseIssuer(issuer, 'SWARMCACHE_OIDC_ISSUER')),
    request: url === undefined || secret === undefined ? undefined : { url, secret },
    file: file === undefined ? undefined : resolvePath(file, workingDirectory),
  }
}

function parseRole(value: string | undefined): Role {
  const role = presence(value) ?? 'runner'
  if (!isRole(role)) {
    throw inputError(`The role is "${role}", but must be seeder, runner or reader.`)
  }
  return role
}

function parseRegistries(
  value: string | undefined,
  defaultPath: string,
  workingDirectory: string,
  inActions: boolean,
): RegistrySetting[] {
  if (value === undefined) {
    const local: RegistrySetting = { kind: 'dir', path: defaultPath }
    return inActions ? [local, { kind: 'github' }] : [local]
  }
  return splitList(value).map((item) => {
    if (item === 'github:') return { kind: 'github' }
    const path = item.startsWith('dir:') ? item.slice('dir:'.length).trim() : ''
    if (path === '') {
      throw inputError(
        `SWARMCACHE_REGISTRY contains "${item}", but this version knows only dir:PATH and github:. For peers at fixed addresses use SWARMCACHE_BOOTSTRAP.`,
      )
    }
    return { kind: 'dir', path: resolvePath(path, workingDirectory) }
  })
}

function parseBootstrap(value: string | undefined, older: string | undefined): string[] {
  const name = value === undefined ? 'P2P_BOOTSTRAP_PEERS' : 'SWARMCACHE_BOOTSTRAP'
  return splitList(value ?? older).map((address) => parseBootstrapAddress(address, name))
}

function parseListen(
  flags: readonly string[] | undefined,
  variable: string | undefined,
  port: string | undefined,
): string[] {
  const items = (flags ?? splitList(variable)).flatMap((item) => splitList(item))
  if (items.length === 1 && items[0] === 'none') return []
  if (items.length > MAX_LISTEN_ADDRESSES) {
    throw inputError(
      `SWARMCACHE_LISTEN has ${items.length} addresses; at most ${MAX_LISTEN_ADDRESSES} are allowed.`,
    )
  }
  if (items.length > 0) return items.map((item) => parseAddress(item, 'SWARMCACHE_LISTEN'))
  if (port === undefined) return [DEFAULT_LISTEN]
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) {
    throw inputError(`P2P_LISTEN_PORT is "${port}", which is not a port from 0 to 65535.`)
  }
  return [`/ip4/0.0.0.0/tcp/${port}`]
}

function parseUpstream(value: string | undefined, env: Environment): UpstreamPolicy {
  const policy = presence(value)
  if (policy === undefined) {
    // A `run:` step has no token for the cache service, so there is nothing to ask there.
    const reachable = insideActions(env) && presence(env['ACTIONS_RUNTIME_TOKEN']) !== undefined
    return reachable ? 'write-through' : 'off'
  }
  if (policy !== 'off' && policy !== 'read' && policy !== 'write-through') {
    throw inputError(`SWARMCACHE_UPSTREAM is "${policy}", but must be off, read or write-through.`)
  }
  return policy
}

// The variables that @actions/cache, its HTTP client, tar and zstd read; everything else stays here.
const UPSTREAM_NAMES =
  /^(ACTIONS_(?!ID_TOKEN_)|GITHUB_|RUNNER_|SEGMENT_DOWNLOAD_|CACHE_UPLOAD_|NODE_EXTRA_CA_CERTS$|(https?|all|no)_proxy$|PATH$|HOME$|USERPROFILE$|TMPDIR$|TEMP$|TMP$|SystemRoot$|SystemDrive$|LANG$|LC_ALL$)/i

function upstreamEnvironment(env: Environment): Record<string, string> {
  const entries = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && UPSTREAM_NAMES.test(entry[0]),
  )
  return Object.fromEntries(entries)
}

function parseSwitch(value: string | undefined, name: string): boolean {
  if (value === undefined) return true
  if (/^(1|true|yes|on)$/i.test(value)) return true
  if (/^(0|false|no|off)$/i.test(value)) return false
  throw inputError(`${name} is "${value}", but must be true or false.`)
}

function cacheFolder(env: Environment): string {
  return presence(env['XDG_CACHE_HOME']) ?? join(presence(env['HOME']) ?? userHome(), '.cache')
}

function userHome(): string {
  try {
    return homedir()
  } catch (cause) {
    throw inputError(
      `There is no home folder (${errorMessage(cause)}). Set SWARMCACHE_HOME to a folder for the cache.`,
    )
  }
}

function resolvePath(path: string, workingDirectory: string): string {
  if (path === '~' || path.startsWith('~/')) return join(userHome(), path.slice(1))
  return isAbsolute(path) ? path : resolve(workingDirectory, path)
}

function splitList(value: string | undefined): string[] {
  return (value ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}
