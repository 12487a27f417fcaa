import { abortable } from '../async/deadline.ts'
import { Watchdog } from '../async/watchdog.ts'
import { subscribe } from '../core/events.ts'

/** Resolves once this process has sent no chunk to any peer for `quietMs`, or the signal aborts. */
export async function untilQuiet(quietMs: number, signal: AbortSignal): Promise<void> {
  const quiet = Promise.withResolvers<void>()
  using watchdog = new Watchdog(quietMs, () => quiet.resolve())
  const stopListening = subscribe('chunks:sent', () => watchdog.heard())
  try {
    await abortable(quiet.promise, signal)
  } catch {
    // The time is over, and whoever still fetches goes on with others.
  } finally {
    stopListening()
  }
}
