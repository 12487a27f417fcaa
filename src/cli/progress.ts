import type { CacheProgress } from '../cache/cache.ts'
import { TransferLine } from '../core/transfer-line.ts'
import type { Terminal } from './terminal.ts'

// Fast enough to look alive, slow enough to be read.
const LIVE_INTERVAL_MS = 100
// A log keeps every line, so few are enough.
const LOG_INTERVAL_MS = 3000

/** Shows the progress of a request: in place on a live terminal, else as a line every few seconds. */
export function showProgress(terminal: Terminal): (progress: CacheProgress) => void {
  const line = new TransferLine()
  const intervalMs = terminal.isLive ? LIVE_INTERVAL_MS : LOG_INTERVAL_MS
  let lastMs = performance.now()
  return (progress) => {
    const nowMs = performance.now()
    line.note(progress, nowMs)
    if (nowMs - lastMs < intervalMs) return
    lastMs = nowMs
    const text = line.describe(progress, nowMs)
    if (terminal.isLive) terminal.status(text)
    else terminal.note(text)
  }
}
