import { availableParallelism } from 'node:os'
import type { Worker } from 'node:worker_threads'
import { endThread, startThreadBeside } from '../async/start-thread.ts'
import { openFrame } from '../core/chunk.ts'
import type { Frame } from '../core/chunk.ts'
import { SwarmCacheError } from '../core/errors.ts'

/** Frames for a thread to check; their memory moves to it. */
export type CheckBatch = readonly Pick<Frame, 'chunk' | 'bytes'>[]

/** The same frames, their memory moved back, with what is wrong with each if anything is. */
export interface CheckedBatch {
  readonly frames: readonly Uint8Array[]
  readonly problems: readonly (FrameProblem | undefined)[]
}

/** Why a frame is refused, and whether its manifest is to blame. */
export interface FrameProblem {
  readonly message: string
  readonly malformed: boolean
}

interface Job {
  readonly frame: Frame
  readonly result: PromiseWithResolvers<Uint8Array>
}

interface Checker {
  readonly worker: Worker
  /** What it was given, the oldest first. */
  readonly batches: Job[][]
}

// The thread that receives is busy as well; one that checks keeps up with more than half of it.
const MAX_THREADS = Math.max(1, Math.min(4, availableParallelism() - 1))
// Starting a thread takes longer than checking this much, and a slow network never brings more at once.
const MAX_BYTES_HERE = 1024 * 1024
// Telling a thread costs as much as checking a small frame.
const BATCH_FRAMES = 32
const BATCH_BYTES = 512 * 1024
// One that is being checked, one that waits.
const BATCHES_PER_THREAD = 2
// A node that fetches now and then keeps its threads; one that does not gets their memory back.
const IDLE_MS = 10_000

/** Checks frames in threads, which are started when many come at once and end when none come. */
export class FrameChecks {
  readonly #checkers: Checker[] = []
  readonly #waiting: Job[] = []
  /** Frames that are checked on this thread, as none was started yet. */
  #bytesHere = 0
  #isScheduled = false
  #idleTimer: NodeJS.Timeout | undefined
  #isClosed = false

  /**
   * Resolves to the bytes of a good frame; the ones given may not be used any more, whatever comes of it.
   *
   * @throws ERR_INTEGRITY if the frame is not what its chunk names, ERR_CLOSED once this was closed.
   */
  async check(frame: Frame): Promise<Uint8Array> {
    if (this.#isClosed) throw closed()
    const { length } = frame.bytes
    if (this.#checkers.length === 0 && this.#bytesHere + length <= MAX_BYTES_HERE) {
      this.#bytesHere += length
      try {
        await openFrame(frame)
      } finally {
        this.#bytesHere -= length
      }
      return frame.bytes
    }
    const result = Promise.withResolvers<Uint8Array>()
    this.#waiting.push({ frame, result })
    if (!this.#isScheduled) {
      this.#isScheduled = true
      // What arrives in the same turn goes together.
      queueMicrotask(() => {
        this.#isScheduled = false
        this.#assign()
      })
    }
    return await result.promise
  }

  /** Ends the threads, and what they are at with ERR_CLOSED. */
  close(): void {
    this.#isClosed = true
    this.#end(closed())
  }

  #assign(): void {
    while (this.#waiting.length > 0) {
      const checker = this.#freeChecker()
      if (checker === undefined) return
      const batch = this.#nextBatch()
      checker.batches.push(batch)
      const frames = batch.map(({ frame: { chunk, bytes } }) => ({ chunk, bytes }))
      const moved = new Set(frames.map(({ bytes }) => bytes.buffer as ArrayBuffer))
      checker.worker.postMessage(frames satisfies CheckBatch, [...moved])
    }
  }

  /** The one with the least to do; a new one if all are busy and there may be more. */
  #freeChecker(): Checker | undefined {
    clearTimeout(this.#idleTimer)
    const [least] = this.#checkers.toSorted((a, b) => a.batches.length - b.batches.length)
    if (least?.batches.length === 0) return least
    if (this.#checkers.length < MAX_THREADS) return this.#start()
    return least!.batches.length < BATCHES_PER_THREAD ? least : undefined
  }

  #nextBatch(): Job[] {
    let bytes = 0
    let count = 0
    for (const { frame } of this.#waiting) {
      bytes += frame.bytes.length
      if (count > 0 && (bytes > BATCH_BYTES || count >= BATCH_FRAMES)) break
      count += 1
    }
    return this.#waiting.splice(0, count)
  }

  #start(): Checker {
    const worker = startThreadBeside(import.meta.url, 'check-worker')
    const checker: Checker = { worker, batches: [] }
    worker.on('message', (checked: CheckedBatch) => this.#take(checker, checked))
    worker.on('error', (error) => this.#lose(checker, error))
    worker.on('exit', () => this.#lose(checker, lost()))
    worker.unref()
    this.#checkers.push(checker)
    return checker
  }

  #take(checker: Checker, { frames, problems }: CheckedBatch): void {
    const batch = checker.batches.shift() ?? []
    for (const [index, { frame, result }] of batch.entries()) {
      const problem = problems[index]
      if (problem === undefined) result.resolve(frames[index]!)
      else result.reject(damaged(frame, problem))
    }
    this.#assign()
    if (this.#checkers.some(({ batches }) => batches.length > 0)) return
    this.#idleTimer = setTimeout(() => this.#end(closed()), IDLE_MS).unref()
  }

  #lose(checker: Checker, error: Error): void {
    const index = this.#checkers.indexOf(checker)
    if (index < 0) return
    this.#checkers.splice(index, 1)
    for (const { result } of checker.batches.splice(0).flat()) result.reject(error)
    this.#assign()
  }

  #end(error: Error): void {
    clearTimeout(this.#idleTimer)
    for (const { result } of this.#waiting.splice(0)) result.reject(error)
    for (const { worker, batches } of this.#checkers.splice(0)) {
      for (const { result } of batches.flat()) result.reject(error)
      void endThread(worker)
    }
  }
}

function damaged({ chunk }: Frame, { message, malformed }: FrameProblem): SwarmCacheError {
  const facts = { digest: chunk.digest, malformed }
  return new SwarmCacheError('ERR_INTEGRITY', message, { facts })
}

function lost(): SwarmCacheError {
  return new SwarmCacheError(
    'ERR_CLOSED',
    'A thread that checks chunks ended before its work was done. Restore again, or see what ends it (memory?).',
  )
}

function closed(): SwarmCacheError {
  return new SwarmCacheError('ERR_CLOSED', 'The transfer was stopped.')
}
