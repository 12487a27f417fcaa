import { digestOf } from './digest.ts'
import type { Digest } from './digest.ts'
import { inputError } from './errors.ts'

// The limits of the GitHub cache service, which @actions/cache enforces too.
const MAX_KEY_LENGTH = 512
const MAX_KEYS = 10

/**
 * Checks a primary key and its restore keys as the GitHub cache service does.
 *
 * @throws ERR_INPUT naming the key: empty, over 512 characters, with a comma, or more than 10 keys in all.
 */
export function assertKeys(key: string, restoreKeys: readonly string[] = []): void {
  assertKey(key)
  for (const restoreKey of restoreKeys) assertKey(restoreKey)
  const count = restoreKeys.length + 1
  if (count > MAX_KEYS) {
    throw inputError(
      `${count} keys were given, but at most ${MAX_KEYS} are allowed, the primary key included. Remove some restore keys.`,
      { count },
    )
  }
}

function assertKey(key: string): void {
  if (key.trim() === '') {
    throw inputError('A cache key is empty. Give it at least one character that is not a space.')
  }
  if (key.length > MAX_KEY_LENGTH) {
    throw inputError(
      `The cache key "${key.slice(0, 40)}…" has ${key.length} characters, but at most ${MAX_KEY_LENGTH} are allowed. Shorten it, for example with hashFiles().`,
      { length: key.length },
    )
  }
  if (key.includes(',')) {
    throw inputError(
      `The cache key "${key}" contains a comma, which the cache service does not allow. Use another separator.`,
      { key },
    )
  }
}

/**
 * The version of an entry: entries match only where the paths were declared alike.
 *
 * It covers what @actions/cache's version covers (the paths as written, in order, and the platform
 * unless `crossOs`), except the compression, which is ours alone.
 */
export function entryVersion(
  paths: readonly string[],
  crossOs = false,
  platform: NodeJS.Platform = process.platform,
): Digest {
  const parts = [...paths]
  if (platform === 'win32' && !crossOs) parts.push('windows-only')
  parts.push('swarmcache-1')
  return digestOf(parts.join('|'))
}
