import type { RestoreResult } from './cache/cache.ts'
import { openSession } from './compose.ts'
import { loadConfig } from './config.ts'
import { SwarmCacheError, errorMessage } from './core/errors.ts'
import { createLogger } from './core/logger.ts'
import type { Logger, LogLevel } from './core/logger.ts'

/** What @actions/cache accepts for a restore; all but `lookupOnly` concern its own transfers and have no effect. */
export interface DownloadOptions {
  useAzureSdk?: boolean
  downloadConcurrency?: number
  concurrentBlobDownloads?: boolean
  timeoutInMs?: number
  segmentTimeoutInMs?: number
  lookupOnly?: boolean
}

/** What @actions/cache accepts for a save; it concerns its own transfers and has no effect. */
export interface UploadOptions {
  useAzureSdk?: boolean
  uploadConcurrency?: number
  uploadChunkSize?: number
  archiveSizeBytes?: number
}

/** Bad keys or paths, under the name that callers of @actions/cache look for. */
export class ValidationError extends Error {
  override readonly name = 'ValidationError'
}

/** True: without peers and without the upstream a restore is a miss, which callers handle anyway. */
export function isFeatureAvailable(): boolean {
  return true
}

/**
 * Restores like @actions/cache: the matched key, or undefined on a miss.
 *
 * @throws ValidationError for a bad key or path.
 */
export async function restoreCache(
  paths: string[],
  primaryKey: string,
  restoreKeys?: string[],
  options?: DownloadOptions,
  enableCrossOsArchive = false,
): Promise<string | undefined> {
  const result = await withCache<RestoreResult>(
    async (cache) =>
      await cache.restore(paths, primaryKey, restoreKeys ?? [], {
        lookupOnly: options?.lookupOnly,
        crossOs: enableCrossOsArchive,
      }),
  )
  return result?.matchedKey
}

/**
 * Saves like @actions/cache: a positive number, or -1 if nothing was saved (the key is taken, or saving failed).
 *
 * @throws ValidationError for a bad key or path.
 */
export async function saveCache(
  paths: string[],
  key: string,
  _options?: UploadOptions,
  enableCrossOsArchive = false,
): Promise<number> {
  const result = await withCache(
    async (cache) => await cache.save(paths, key, { crossOs: enableCrossOsArchive }),
  )
  return result?.saved === true ? SAVED_ID : -1
}

// The service's entry ids have no counterpart here; callers of @actions/cache only ask whether it is -1.
const SAVED_ID = 1

type SessionCache = Awaited<ReturnType<typeof openSession>>['cache']

async function withCache<T>(work: (cache: SessionCache) => Promise<T>): Promise<T | undefined> {
  const logger = actionsLogger()
  try {
    await using session = await openSession(loadConfig({}), { logger })
    return await work(session.cache)
  } catch (error) {
    if (
      error instanceof SwarmCacheError &&
      (error.code === 'ERR_INPUT' || error.code === 'ERR_PATH')
    ) {
      throw new ValidationError(error.message)
    }
    logger.log('warning', errorMessage(error))
    return undefined
  }
}

/** Workflow commands on stdout, as @actions/core writes them. */
function actionsLogger(): Logger {
  return createLogger((level, line) => {
    process.stdout.write(`${COMMANDS[level]}${escapeData(line)}\n`)
  })
}

const COMMANDS: Record<LogLevel, string> = {
  debug: '::debug::',
  info: '',
  notice: '::notice::',
  warning: '::warning::',
  error: '::error::',
}

// https://github.com/actions/toolkit/blob/main/docs/commands.md
function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}
