import { abortable } from '../async/deadline.ts'
import { errorMessage } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'

/** The result of `work`, or `otherwise` with a warning unless `quiet` is aborted; the signal's own abort passes. */
export async function missOnFault<T>(
  work: Promise<T>,
  options: {
    readonly what: string
    readonly otherwise: T
    readonly logger: Logger
    readonly signal: AbortSignal
    readonly quiet?: AbortSignal
  },
): Promise<T> {
  const { what, otherwise, logger, signal, quiet } = options
  try {
    return await abortable(work, signal)
  } catch (error) {
    signal.throwIfAborted()
    if (quiet?.aborted !== true) logger.log('warning', `${what} failed: ${errorMessage(error)}`)
    return otherwise
  }
}
