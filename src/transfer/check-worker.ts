/** Checks frames in a thread of its own: gets lists of them, and gives each list back with what was found. */
import { parentPort } from 'node:worker_threads'
import { END_THREAD } from '../async/start-thread.ts'
import { checkFrameSync } from '../core/chunk.ts'
import { isMalformed, isSwarmCacheError } from '../core/errors.ts'
import type { CheckBatch, CheckedBatch } from './frame-checks.ts'

parentPort!.on('message', (batch: CheckBatch | typeof END_THREAD) => {
  if (batch === END_THREAD) process.exit()
  const checked: CheckedBatch = {
    frames: batch.map((frame) => frame.bytes),
    problems: batch.map((frame) => {
      try {
        checkFrameSync(frame)
        return undefined
      } catch (error) {
        if (isSwarmCacheError(error, 'ERR_INTEGRITY')) {
          return { message: error.message, malformed: isMalformed(error) }
        }
        throw error
      }
    }),
  }
  parentPort!.postMessage(checked, transferred(checked.frames))
})

function transferred(frames: readonly Uint8Array[]): ArrayBuffer[] {
  return frames.map((frame) => frame.buffer as ArrayBuffer)
}
