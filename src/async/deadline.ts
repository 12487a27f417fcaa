import { SwarmCacheError } from '../core/errors.ts'

/** A signal that aborts with `parent`, or after `milliseconds` with ERR_TIMEOUT saying what took too long. */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal
}

/** Starts a deadline; dispose it (`using`) so that its timer does not outlive the wait. */
export function startDeadline(milliseconds: number, what: string, parent?: AbortSignal): Deadline {
  const controller = new AbortController()
  const timer = setTimeout(() => {
    controller.abort(timedOut(what, milliseconds))
  }, milliseconds)
  const onAbort = (): void => controller.abort(parent?.reason)
  if (parent?.aborted === true) onAbort()
  else parent?.addEventListener('abort', onAbort, { once: true })
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      clearTimeout(timer)
      parent?.removeEventListener('abort', onAbort)
    },
  }
}

/** The ERR_TIMEOUT of something that took too long. */
export function timedOut(what: string, milliseconds: number): SwarmCacheError {
  return new SwarmCacheError('ERR_TIMEOUT', `${what} took longer than ${milliseconds} ms.`, {
    facts: { milliseconds },
  })
}

/**
 * Settles as `work` does, or rejects with the signal's reason as soon as it aborts.
 *
 * The work itself goes on unless it listens to the same signal; its late rejection is swallowed.
 */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    work.catch(() => {})
    throw signal.reason
  }
  let onAbort: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort)
    work.catch(() => {})
  }
}

/** Runs `work` with a deadline of its own inside `parent`; rejects with ERR_TIMEOUT when it is over. */
export async function withDeadline<T>(
  milliseconds: number,
  what: string,
  parent: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  using deadline = startDeadline(milliseconds, what, parent)
  return await abortable(work(deadline.signal), deadline.signal)
}

/** Resolves after `milliseconds`, or rejects with the signal's reason. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted()
  await new Promise<void>((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer)
      reject(signal?.reason as Error)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, milliseconds)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
