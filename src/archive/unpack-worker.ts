import { parentPort } from 'node:worker_threads'
import { openFrameSync } from '../core/chunk.ts'
import type { FramePlace } from '../core/chunk.ts'
import type { ChunkRef } from '../core/manifest.ts'
import { freeMemory } from '../core/free-memory.ts'
import { FrameReader } from './frame-reader.ts'
import { RowComparison } from './row-comparison.ts'
import type { ComparisonState } from './row-comparison.ts'
import { TreeWriter } from './tree-writer.ts'
import type { WriteState } from './tree-writer.ts'
import { packError } from './worker-thread.ts'
import type { ThreadError } from './worker-thread.ts'

/** One frame, and the offsets in the content where its chunk belongs. */
export interface WriteJob {
  readonly chunk: ChunkRef
  /** In a file, or from here to there in the batch's bytes. */
  readonly frame: FramePlace | { readonly start: number; readonly end: number }
  readonly places: readonly number[]
}

/** To a writing thread, after the state of the restore: the frames that lie in no file are in one buffer, which moves with the message. */
export interface WriteBatch {
  readonly bytes: Uint8Array<ArrayBuffer> | undefined
  readonly jobs: readonly WriteJob[]
}

/** From a writing thread, in the order of the batches. */
export interface BatchOutcome {
  readonly files: number
  /** Why jobs were not done, by their place in the batch. */
  readonly failures: readonly { readonly job: number; readonly error: ThreadError }[]
  /** The buffer of the batch, to be used again. */
  readonly bytes: Uint8Array<ArrayBuffer> | undefined
}

let writer: TreeWriter
const reader = new FrameReader()

parentPort!.on('message', (message: ComparisonState | WriteState | WriteBatch) => {
  if ('jobs' in message) write(message)
  else if ('progress' in message) compare(message)
  else writer = new TreeWriter(message)
})

function compare(state: ComparisonState): void {
  const comparison = new RowComparison(state)
  while (comparison.compareBlock());
}

function write({ bytes, jobs }: WriteBatch): void {
  const before = writer.filesWritten
  const failures: { job: number; error: ThreadError }[] = []
  for (const [job, { chunk, frame, places }] of jobs.entries()) {
    try {
      const framed = 'path' in frame ? reader.read(frame) : bytes!.subarray(frame.start, frame.end)
      const plain = openFrameSync({ chunk, bytes: framed })
      for (const place of places) writer.writeContent(plain, place)
      freeMemory(plain)
    } catch (thrown) {
      failures.push({ job, error: packError(thrown) })
    }
  }
  const outcome: BatchOutcome = { files: writer.filesWritten - before, failures, bytes }
  parentPort!.postMessage(outcome, bytes === undefined ? [] : [bytes.buffer])
}
