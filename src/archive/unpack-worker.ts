import { parentPort, workerData } from 'node:worker_threads'
import { openFrameSync } from '../core/chunk.ts'
import type { ChunkRef } from '../core/manifest.ts'
import { freeMemory } from '../core/free-memory.ts'
import { TreeWriter } from './tree-writer.ts'
import type { WriteState } from './tree-writer.ts'
import { packError } from './worker-thread.ts'
import type { ThreadError } from './worker-thread.ts'

/** One frame within a batch's bytes, and the offsets in the content where its chunk belongs. */
export interface WriteJob {
  readonly chunk: ChunkRef
  readonly start: number
  readonly end: number
  readonly places: readonly number[]
}

/** To a writing thread: frames in one buffer, which moves with the message. */
export interface WriteBatch {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly jobs: readonly WriteJob[]
}

/** From a writing thread, in the order of the batches. */
export interface BatchOutcome {
  readonly files: number
  /** Why jobs were not done, by their place in the batch. */
  readonly failures: readonly { readonly job: number; readonly error: ThreadError }[]
  /** The buffer of the batch, to be used again. */
  readonly bytes: Uint8Array<ArrayBuffer>
}

const writer = new TreeWriter(workerData as WriteState)

parentPort!.on('message', ({ bytes, jobs }: WriteBatch) => {
  const before = writer.filesWritten
  const failures: { job: number; error: ThreadError }[] = []
  for (const [job, { chunk, start, end, places }] of jobs.entries()) {
    try {
      const plain = openFrameSync({ chunk, bytes: bytes.subarray(start, end) })
      for (const place of places) writer.writeContent(plain, place)
      freeMemory(plain)
    } catch (thrown) {
      failures.push({ job, error: packError(thrown) })
    }
  }
  const outcome: BatchOutcome = { files: writer.filesWritten - before, failures, bytes }
  parentPort!.postMessage(outcome, [bytes.buffer])
})
