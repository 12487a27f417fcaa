import { availableParallelism } from 'node:os'
import type { Worker } from 'node:worker_threads'
import { startThreadBeside } from '../async/start-thread.ts'
import { SwarmCacheError, isSwarmCacheError } from '../core/errors.ts'
import type { ErrorCode } from '../core/errors.ts'
import type { ArchiveOptions } from './archive.ts'

// More threads than this wait for the disk and for the one that feeds them.
const MAX_DEFAULT_THREADS = 4

/** The files that run as threads; a bundle needs each as an entry of its own, beside this file's output. */
export type ThreadFile = 'pack-worker' | 'unpack-worker'

/** How many threads serve `options` beside the caller's. */
export function threadsOf(options: Pick<ArchiveOptions, 'threads'>): number {
  return options.threads ?? Math.min(availableParallelism(), MAX_DEFAULT_THREADS)
}

/** Starts a thread from a file beside this one. */
export function startThread(file: ThreadFile, workerData?: unknown): Worker {
  return startThreadBeside(import.meta.url, file, workerData)
}

/** An error in the form that crosses threads with its class's properties. */
export interface ThreadError {
  readonly code: ErrorCode | undefined
  readonly message: string
  readonly facts: Record<string, unknown>
  readonly cause: unknown
}

/** For sending from a thread. */
export function packError(error: unknown): ThreadError {
  const known = isSwarmCacheError(error) ? error : undefined
  return {
    code: known?.code,
    message: error instanceof Error ? error.message : String(error),
    facts: { ...known?.facts },
    cause: known === undefined ? undefined : plainCause(known.cause),
  }
}

/** What was thrown in the thread. */
export function unpackError(error: ThreadError): Error {
  const { code, message, cause, facts } = error
  if (code === undefined) return new Error(message)
  return new SwarmCacheError(code, message, { cause, facts })
}

/** System errors carry properties that structured cloning drops; only what a message needs is kept. */
function plainCause(cause: unknown): unknown {
  return cause instanceof Error ? new Error(cause.message) : undefined
}
