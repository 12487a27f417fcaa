import { parentPort } from 'node:worker_threads'
import { makeFrameSync } from '../core/chunk.ts'
import { SegmentPacker } from './segment-packer.ts'
import type { CutChunk, NewFrame, PackPort, PackedSegment, SegmentJob } from './segment-packer.ts'
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
  | { readonly slot: number; readonly packed: PackedSegment }
  | { readonly slot: number; readonly error: ThreadError }

/** The side that knows which chunks exist, seen from a thread: one question is open at a time. */
class RemotePort implements PackPort {
  readonly #slot: number
  answer: (value: readonly boolean[]) => void = () => {}

  constructor(slot: number) {
    this.#slot = slot
  }

  ask(chunks: readonly CutChunk[]): Promise<readonly boolean[]> {
    send({ slot: this.#slot, ask: chunks })
    return new Promise((resolve) => (this.answer = resolve))
  }

  async put(frames: readonly NewFrame[]): Promise<void> {
    send(
      { slot: this.#slot, put: frames },
      frames.map(({ frame }) => frame.buffer as ArrayBuffer),
    )
    await new Promise((resolve) => (this.answer = resolve))
  }
}

function send(message: FromPackThread, transfer: ArrayBuffer[] = []): void {
  parentPort!.postMessage(message, transfer)
}

const slots: { port: RemotePort; packer: SegmentPacker }[] = []

parentPort!.on('message', (message: ToPackThread) => {
  const { slot } = message
  if ('job' in message) void pack(slot, message.job)
  else slots[slot]!.port.answer('wanted' in message ? message.wanted : [])
})

async function pack(slot: number, job: SegmentJob): Promise<void> {
  try {
    if (slots[slot] === undefined) {
      const port = new RemotePort(slot)
      slots[slot] = { port, packer: new SegmentPacker(port, makeFrameSync) }
    }
    send({ slot, packed: await slots[slot].packer.pack(job) })
  } catch (error) {
    send({ slot, error: packError(error) })
  }
}
