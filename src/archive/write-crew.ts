import type { Worker } from 'node:worker_threads'
import { openFrame } from '../core/chunk.ts'
import type { Frame } from '../core/chunk.ts'
import type { PlacedChunk } from './content-map.ts'
import { freeMemory } from '../core/free-memory.ts'
import { FrameReader } from './frame-reader.ts'
import type { ComparisonState } from './row-comparison.ts'
import { TreeWriter } from './tree-writer.ts'
import type { WriteState } from './tree-writer.ts'
import type { BatchOutcome, WriteBatch, WriteJob } from './unpack-worker.ts'
import { startThread, unpackError } from './worker-thread.ts'

// Neighbouring chunks lie in the same folders, where two threads would wait for each other; and a
// message a chunk costs more than copying it.
const BATCH_BYTES = 512 * 1024
// A thread costs as much as writing some ten megabytes, so another starts once those there are behind.
const BEHIND_BYTES = 2 * BATCH_BYTES

/** A frame to write, with what to do when that has happened or failed. */
export interface WriteOrder {
  readonly placed: PlacedChunk
  readonly frame: Pick<Frame, 'bytes' | 'place'>
  readonly onWritten: (files: number) => void
  readonly onError: (error: unknown) => void
}

/** Opens frames and writes what is in them, on threads, or on the caller's if there are none. */
export class WriteCrew {
  #state: WriteState | undefined
  #maxThreads = 0
  #isHeld = false
  #writer: TreeWriter | undefined
  readonly #threads: WriteThread[] = []
  #batch: WriteOrder[] = []
  #batchBytes = 0
  #flushTimer: NodeJS.Immediate | undefined
  readonly #reader = new FrameReader()
  readonly #own = new Set<Promise<void>>()

  /** Sees to it that there are so many threads; what they are to do is said later. More start while they are behind. */
  start(threads: number, maxThreads: number): void {
    this.#maxThreads = maxThreads
    while (this.#threads.length < threads) this.#addThread()
  }

  /** Has the threads that there are help with a comparison, as soon as they run. */
  compare(state: ComparisonState): void {
    for (const { worker } of this.#threads) worker.postMessage(state)
  }

  /** Says what is written, before anything is. */
  open(state: WriteState): void {
    this.#state = state
    this.#writer = new TreeWriter(state)
    for (const { worker } of this.#threads) worker.postMessage(state)
  }

  /** Keeps the process alive until `close`. */
  hold(): void {
    this.#isHeld = true
    for (const thread of this.#threads) thread.worker.ref()
  }

  /** Takes an order; orders are carried out in any order. */
  write(order: WriteOrder): void {
    if (this.#threads.length === 0) {
      const work = this.#writeHere(order).finally(() => this.#own.delete(work))
      this.#own.add(work)
      return
    }
    const bytes = frameBytes(order)
    if (this.#batchBytes + bytes > BATCH_BYTES) this.#flush()
    this.#batch.push(order)
    this.#batchBytes += bytes
    this.#flushTimer ??= setImmediate(() => this.#flush())
  }

  /** Writes a file without content, on the caller's thread. */
  writeEmpty(file: number): void {
    this.#writer!.writeFile(file, new Uint8Array())
  }

  /** Ends writing as soon as the files under way are done, and resolves when nothing writes any more. */
  async halt(): Promise<void> {
    if (this.#state !== undefined) Atomics.store(this.#state.stop, 0, 1)
    this.#batch = []
    clearImmediate(this.#flushTimer)
    await Promise.all([...this.#own, ...this.#threads.map((thread) => thread.idle())])
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.worker.terminate()))
  }

  #flush(): void {
    clearImmediate(this.#flushTimer)
    this.#flushTimer = undefined
    if (this.#batch.length === 0) return
    let least = this.#threads.reduce((a, b) => (b.bytesWaiting < a.bytesWaiting ? b : a))
    if (least.bytesWaiting > BEHIND_BYTES && this.#threads.length < this.#maxThreads) {
      least = this.#addThread()
    }
    least.send(this.#batch, this.#batchBytes)
    this.#batch = []
    this.#batchBytes = 0
  }

  #addThread(): WriteThread {
    const thread = new WriteThread()
    this.#threads.push(thread)
    if (this.#state !== undefined) thread.worker.postMessage(this.#state)
    if (this.#isHeld) thread.worker.ref()
    return thread
  }

  async #writeHere({ placed, frame, onWritten, onError }: WriteOrder): Promise<void> {
    const writer = this.#writer!
    try {
      const { place } = frame
      // Opening goes on while the next frame is read.
      const bytes = place === undefined ? frame.bytes : new Uint8Array(this.#reader.read(place))
      const plain = await openFrame({ chunk: placed.chunk, bytes })
      const before = writer.filesWritten
      for (const offset of placed.places) writer.writeContent(plain, offset)
      freeMemory(plain)
      onWritten(writer.filesWritten - before)
    } catch (error) {
      onError(error)
    }
  }
}

function frameBytes({ frame }: WriteOrder): number {
  return frame.place?.bytes ?? frame.bytes.length
}

class WriteThread {
  readonly worker: Worker
  readonly #waiting: { orders: readonly WriteOrder[]; bytes: number }[] = []
  /** Buffers that came back: at most as many as were under way at a time. */
  readonly #spare: Uint8Array<ArrayBuffer>[] = []
  #onIdle: () => void = () => {}
  #failure: Error | undefined
  bytesWaiting = 0

  constructor() {
    this.worker = startThread('unpack-worker')
    this.worker.on('message', (outcome: BatchOutcome) => this.#receive(outcome))
    this.worker.on('error', (error) => this.#fail(error))
    this.worker.on('exit', () =>
      this.#fail(new Error('A writing thread ended before its work was done.')),
    )
    // Listening to it keeps the process alive again.
    this.worker.unref()
  }

  send(orders: readonly WriteOrder[], byteCount: number): void {
    if (this.#failure !== undefined) {
      for (const order of orders) order.onError(this.#failure)
      return
    }
    const jobs: WriteJob[] = []
    let bytes: Uint8Array<ArrayBuffer> | undefined
    let start = 0
    for (const { placed, frame } of orders) {
      const { chunk, places } = placed
      if (frame.place !== undefined) {
        jobs.push({ chunk, frame: frame.place, places })
        continue
      }
      bytes ??= this.#buffer(byteCount)
      bytes.set(frame.bytes, start)
      const end = start + frame.bytes.length
      jobs.push({ chunk, frame: { start, end }, places })
      start = end
    }
    this.#waiting.push({ orders, bytes: byteCount })
    this.bytesWaiting += byteCount
    const batch: WriteBatch = { bytes, jobs }
    this.worker.postMessage(batch, bytes === undefined ? [] : [bytes.buffer])
  }

  #buffer(byteCount: number): Uint8Array<ArrayBuffer> {
    if (byteCount > BATCH_BYTES) return new Uint8Array(byteCount)
    return this.#spare.pop() ?? new Uint8Array(BATCH_BYTES)
  }

  /** Resolves when everything sent has been answered. */
  async idle(): Promise<void> {
    if (this.#waiting.length === 0) return
    await new Promise<void>((resolve) => (this.#onIdle = resolve))
  }

  #receive({ files, failures, bytes }: BatchOutcome): void {
    if (bytes?.length === BATCH_BYTES) this.#spare.push(bytes)
    const batch = this.#waiting.shift()
    if (batch === undefined) return
    this.bytesWaiting -= batch.bytes
    const failed = new Map(failures.map(({ job, error }) => [job, error]))
    let filesToTell = files
    for (const [i, order] of batch.orders.entries()) {
      const error = failed.get(i)
      if (error !== undefined) {
        order.onError(unpackError(error))
        continue
      }
      order.onWritten(filesToTell)
      filesToTell = 0
    }
    if (this.#waiting.length === 0) this.#onIdle()
  }

  #fail(error: Error): void {
    this.#failure = error
    for (const { orders } of this.#waiting.splice(0)) {
      for (const order of orders) order.onError(error)
    }
    this.#onIdle()
  }
}
