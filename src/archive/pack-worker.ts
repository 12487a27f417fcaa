import { parentPort } from 'node:worker_threads'
import { END_THREAD } from '../async/start-thread.ts'
import { makeNewFrameSync, writeNewFrame } from './frame-maker.ts'
import { SegmentPacker } from './segment-packer.ts'
import type { CutChunk, NewFrame, PackPort, PackedSegments, SegmentJob } from './segment-packer.ts'
import { packError } from './worker-thread.ts'
import type { ThreadError } from './worker-thread.ts'

/** To a packing thread; `slot` is one of its packers. */
export type ToPackThread =
  | { readonly slot: number; readonly job: SegmentJob }
  | { readonly slot: number; readonly wanted: readonly boolean[] }
  | { readonly slot: number; readonly stored: true }

/** From a packing thread. */
export type FromPackThread =
  | { readonly slot: number; readonly ask: readonly CutChunk[] }
  | { readonly slot: number; readonly put: readonly NewFrame[] }
  | { readonly slot: number; readonly packed: PackedSegments }
  | { readonly slot: number; readonly error: ThreadError }

/** One packer of this thread, and its way to the side that knows which chunks exist: one question is open at a time. */
class PackSlot implements PackPort {
  readonly #slot: number
  readonly #packer: SegmentPacker
  #inbox: SegmentJob['inbox']
  #files = 0
  answer: (value: readonly boolean[]) => void = () => {}

  constructor(slot: number) {
    this.#slot = slot
    this.#packer = new SegmentPacker(this, (chunk, plain) => this.#store(chunk, plain))
  }

  async pack(job: SegmentJob): Promise<void> {
    try {
      this.#inbox = job.inbox
      this.#files = 0
      send({ slot: this.#slot, packed: await this.#packer.pack(job) })
    } catch (error) {
      send({ slot: this.#slot, error: packError(error) })
    }
  }

  ask(chunks: readonly CutChunk[]): Promise<readonly boolean[]> {
    send({ slot: this.#slot, ask: chunks })
    return new Promise((resolve) => (this.answer = resolve))
  }

  async put(frames: readonly NewFrame[]): Promise<void> {
    const transfer: ArrayBuffer[] = []
    for (const { frame } of frames) {
      if (frame !== undefined) transfer.push(frame.buffer as ArrayBuffer)
    }
    send({ slot: this.#slot, put: frames }, transfer)
    await new Promise((resolve) => (this.answer = resolve))
  }

  #store(chunk: CutChunk, plain: Uint8Array): NewFrame {
    if (this.#inbox === undefined) return makeNewFrameSync(chunk, plain)
    const file = this.#inbox.firstFile + this.#files
    this.#files += 1
    return writeNewFrame(chunk, plain, `${this.#inbox.path}-${file}`, file)
  }
}

function send(message: FromPackThread, transfer: ArrayBuffer[] = []): void {
  parentPort!.postMessage(message, transfer)
}

const slots: PackSlot[] = []

parentPort!.on('message', (message: ToPackThread | typeof END_THREAD) => {
  if (message === END_THREAD) process.exit()
  const { slot } = message
  if ('job' in message) void (slots[slot] ??= new PackSlot(slot)).pack(message.job)
  else slots[slot]!.answer('wanted' in message ? message.wanted : [])
})
