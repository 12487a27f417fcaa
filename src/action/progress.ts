import * as core from '@actions/core'
import type { CacheProgress } from '../cache/cache.ts'
import { TransferLine } from '../core/transfer-line.ts'

// A line now and then shows that bytes move, without filling the log of the step.
const INTERVAL_MS = 5000

/** Writes a line of progress every few seconds while states come in. */
export function progressReporter(): (progress: CacheProgress) => void {
  const line = new TransferLine()
  let lastMs = performance.now()
  return (progress) => {
    const nowMs = performance.now()
    line.note(progress, nowMs)
    if (nowMs - lastMs < INTERVAL_MS) return
    lastMs = nowMs
    core.info(line.describe(progress, nowMs))
  }
}
