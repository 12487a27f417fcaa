import { presence } from '../core/environment.ts'
import type { Environment } from '../core/environment.ts'
import { inputError } from '../core/errors.ts'

/** How answers of the GitHub API are kept and handed out. */
export interface ApiSetting {
  /** Base URLs of the APIs, without a slash at the end. */
  readonly urls: readonly string[]
  /** A keyv URI, which may hold a password. */
  readonly store?: string
  readonly maxStaleMs?: number
  readonly staleOnErrorMs?: number
  readonly sharePersonal: boolean
}

const DEFAULT_URL = 'https://api.github.com'
const MAX_SECONDS = 7 * 24 * 60 * 60

/**
 * Reads the settings of the API cache; `apiUrl` is the one that the environment names.
 *
 * @throws ERR_INPUT naming the setting, and its value unless it may hold a secret.
 */
export function apiSetting(env: Environment, apiUrl: string): ApiSetting {
  const store = presence(env['SWARMCACHE_API_STORE'])
  if (store !== undefined && !/^[a-z][a-z0-9+.-]*:/i.test(store)) {
    throw inputError('SWARMCACHE_API_STORE must be a keyv URI, for example redis://host:6379.')
  }
  return {
    urls: [...new Set([apiUrl, DEFAULT_URL])],
    store,
    maxStaleMs: parseSeconds(env, 'SWARMCACHE_API_MAX_STALE'),
    staleOnErrorMs: parseSeconds(env, 'SWARMCACHE_API_STALE_ON_ERROR'),
    sharePersonal: parseSharing(env, 'SWARMCACHE_API_SHARE_PERSONAL'),
  }
}

function parseSeconds(env: Environment, name: string): number | undefined {
  const value = presence(env[name])
  if (value === undefined) return undefined
  const seconds = /^\d{1,9}(\.\d{1,3})?s?$/.test(value) ? parseFloat(value) : Infinity
  if (seconds <= MAX_SECONDS) return seconds * 1000
  throw inputError(`${name} is "${value}", but must be a number of seconds up to ${MAX_SECONDS}.`)
}

function parseSharing(env: Environment, name: string): boolean {
  const value = presence(env[name]) ?? 'false'
  if (/^(1|true|yes|on)$/i.test(value)) return true
  if (/^(0|false|no|off)$/i.test(value)) return false
  throw inputError(`${name} is "${value}", but must be true or false.`)
}
