import { isRunning } from './process-life.ts'

// The longest a job may run on a self-hosted runner.
// https://docs.github.com/actions/reference/limits
const MAX_JOB_MS = 5 * 24 * 60 * 60 * 1000
// Without a process to watch (in a container the runner is outside), the limit of hosted runners.
const MAX_UNWATCHED_MS = 6 * 60 * 60 * 1000
const WATCH_MS = 2000

/**
 * Resolves with the reason once the job of a node is over: post sends SIGTERM, the runner's process
 * is gone, or the time that a job can take is over.
 */
export async function whenJobEnds(jobProcess: number): Promise<string> {
  const watched = Number.isSafeInteger(jobProcess) && jobProcess > 1
  return await new Promise<string>((resolve) => {
    process.once('SIGTERM', () => resolve('the job is done'))
    process.once('SIGINT', () => resolve('the job is interrupted'))
    setTimeout(() => resolve('no job takes longer'), watched ? MAX_JOB_MS : MAX_UNWATCHED_MS)
    if (!watched) return
    setInterval(() => {
      if (!isRunning(jobProcess)) resolve('the process of the job is gone')
    }, WATCH_MS)
  })
}
