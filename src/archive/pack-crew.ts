import type { Worker } from 'node:worker_threads'
import { endThread } from '../async/start-thread.ts'
import { makeNewFrame } from './frame-maker.ts'
import type { FromPackThread, ToPackThread } from './pack-worker.ts'
import { SegmentPacker } from './segment-packer.ts'
import type { PackPort, PackedSegments, SegmentJob } from './segment-packer.ts'
import { startThread, unpackError } from './worker-thread.ts'

// One slot compresses while another reads and a third waits for an answer; each holds one window.
const SLOTS_A_THREAD = 3

/** A place where one job at a time is packed. */
interface Slot {
  pack(job: SegmentJob): Promise<PackedSegments>
}

/** Packs segments on threads, or on the caller's if there are none. */
export class PackCrew implements AsyncDisposable {
  readonly #port: PackPort
  readonly #workers: Worker[] = []
  readonly #idle: Slot[] = []
  readonly #waiting: ((slot: Slot) => void)[] = []
  #isClosed = false

  constructor(port: PackPort, threads: number) {
    this.#port = port
    this.grow(threads)
    if (threads === 0) this.#idle.push(new SegmentPacker(port, makeNewFrame))
  }

  /** Starts more threads if there are fewer. */
  grow(threads: number): void {
    while (!this.#isClosed && this.#workers.length < threads) this.#startThread()
  }

  /** Waits for a free slot, which `pack` then needs: so nobody queues more work than is bounded. */
  async reserve(): Promise<(job: SegmentJob) => Promise<PackedSegments>> {
    const slot =
      this.#idle.pop() ?? (await new Promise<Slot>((resolve) => this.#waiting.push(resolve)))
    return async (job) => {
      try {
        return await slot.pack(job)
      } finally {
        this.#free(slot)
      }
    }
  }

  #free(slot: Slot): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#idle.push(slot)
    else next(slot)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    await Promise.all(this.#workers.map((worker) => endThread(worker)))
  }

  #startThread(): void {
    const worker = startThread('pack-worker')
    const slots = Array.from(
      { length: SLOTS_A_THREAD },
      (_, i) => new ThreadSlot(worker, i, this.#port),
    )
    const failAll = (error: Error): void => {
      for (const slot of slots) slot.fail(error)
    }
    worker.on('message', (message: FromPackThread) => slots[message.slot]!.receive(message))
    worker.on('error', failAll)
    worker.on('exit', () => failAll(new Error('A packing thread ended before its work was done.')))
    this.#workers.push(worker)
    for (const slot of slots) this.#free(slot)
  }
}

/** One slot of a thread, seen from outside. */
class ThreadSlot implements Slot {
  readonly #worker: Worker
  readonly #slot: number
  readonly #port: PackPort
  #settle: PromiseWithResolvers<PackedSegments> | undefined
  #failure: Error | undefined

  constructor(worker: Worker, slot: number, port: PackPort) {
    this.#worker = worker
    this.#slot = slot
    this.#port = port
  }

  pack(job: SegmentJob): Promise<PackedSegments> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    this.#settle = Promise.withResolvers<PackedSegments>()
    this.#send({ slot: this.#slot, job }, [job.numbers.buffer as ArrayBuffer])
    return this.#settle.promise
  }

  receive(message: FromPackThread): void {
    if ('packed' in message) this.#settle?.resolve(message.packed)
    else if ('error' in message) this.#settle?.reject(unpackError(message.error))
    else void this.#answer(message)
  }

  fail(error: Error): void {
    this.#failure = error
    this.#settle?.reject(error)
  }

  async #answer(
    message: Extract<FromPackThread, { ask: unknown } | { put: unknown }>,
  ): Promise<void> {
    try {
      if ('ask' in message) {
        this.#send({ slot: this.#slot, wanted: await this.#port.ask(message.ask) })
      } else {
        await this.#port.put(message.put)
        this.#send({ slot: this.#slot, stored: true })
      }
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #send(message: ToPackThread, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer)
  }
}
