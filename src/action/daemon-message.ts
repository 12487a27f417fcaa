import type { ErrorCode } from '../core/errors.ts'

/** What the node's process tells the step that started it, once. */
export type DaemonMessage =
  | { readonly state: 'ready' }
  | { readonly state: 'failed'; readonly code: ErrorCode | undefined; readonly message: string }

/** Process whose end is the end of the job, in the daemon's environment. */
export const JOB_PROCESS_VARIABLE = 'SWARMCACHE_JOB_PROCESS'
