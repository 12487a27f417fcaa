import * as core from '@actions/core'
import { errorMessage, isSwarmCacheError } from '../core/errors.ts'

/** A failure that the user asked for (`fail-on-cache-miss`). */
export class StepFailure extends Error {
  override readonly name = 'StepFailure'
}

/**
 * Runs an entry of the action and ends the process.
 *
 * Bad input and a `StepFailure` fail the step. Anything else that goes wrong, also outside of
 * `entry`, is a warning: a cache must not break a build.
 */
export async function runFailSoft(entry: () => Promise<void>): Promise<void> {
  // What Node has to say about its own features is not for the log of a job.
  process.removeAllListeners('warning').on('warning', (warning) => core.debug(warning.message))
  process.on('uncaughtException', warn)
  process.on('unhandledRejection', warn)
  // Reached only if nothing is left that could settle `entry`.
  process.once('beforeExit', () => {
    core.warning('The cache stopped without an answer; the job goes on without it.')
  })
  try {
    await entry()
  } catch (error) {
    if (error instanceof StepFailure || isSwarmCacheError(error, 'ERR_INPUT')) {
      core.setFailed(error.message)
    } else warn(error)
  }
  // Sockets and timers that are still open would keep the step running.
  process.stdout.write('', () => process.exit())
}

function warn(error: unknown): void {
  core.warning(errorMessage(error))
  if (error instanceof Error && error.stack !== undefined) core.debug(error.stack)
}
