import { setImmediate as nextTurn } from 'node:timers/promises'
import { BoundedQueue } from '../async/bounded-queue.ts'
import { pause } from '../async/deadline.ts'
import type { ByteStream } from '../core/byte-stream.ts'
import { SwarmCacheError } from '../core/errors.ts'

// Unread bytes a direction holds before its writer waits: yamux's initial window.
const WINDOW_BYTES = 256 * 1024
// Writes arrive in pieces, as they do from a socket, so that readers meet messages cut anywhere.
const PIECE_BYTES = 64 * 1024

/** What a direction needs to know of the connection it runs over. */
export interface MemoryCarrier {
  readonly latencyMs: number
  /** Resolves while bytes may move; waits while the connection is stalled. */
  flowing(): Promise<void>
}

/** One direction of a conversation. */
class MemoryPipe {
  readonly #carrier: MemoryCarrier
  readonly #queue = new BoundedQueue<{ bytes: Uint8Array; due: number }>(
    WINDOW_BYTES,
    (item) => item.bytes.length,
  )
  #state: 'open' | 'ended' | 'broken' = 'open'
  #error: Error | undefined

  constructor(carrier: MemoryCarrier) {
    this.#carrier = carrier
  }

  async write(bytes: Uint8Array): Promise<void> {
    // Two ends in one process would otherwise feed each other in microtasks and starve every timer.
    await nextTurn()
    for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
      const piece = bytes.subarray(start, start + PIECE_BYTES)
      const due = performance.now() + this.#carrier.latencyMs
      if (this.#state !== 'open' || !(await this.#queue.push({ bytes: piece, due }))) {
        throw new SwarmCacheError(
          'ERR_CLOSED',
          'The stream is closed, so nothing can be written.',
          {
            cause: this.#error,
          },
        )
      }
    }
  }

  end(): void {
    if (this.#state === 'open') this.#state = 'ended'
    this.#queue.end()
  }

  /** Bytes under way are lost; the reader sees `error`, or a clean end without one. */
  break(error?: Error): void {
    if (this.#state === 'broken') return
    this.#state = 'broken'
    this.#error = error
    this.#queue.end()
  }

  async *read(): AsyncGenerator<Uint8Array, void, void> {
    for await (const { bytes, due } of this.#queue) {
      const wait = due - performance.now()
      if (wait > 0) await pause(wait)
      await this.#carrier.flowing()
      if (this.#state === 'broken') break
      yield bytes
    }
    if (this.#error !== undefined) throw this.#error
  }
}

/** One end of a conversation between two nodes of this process. */
export class MemoryStream implements ByteStream {
  readonly source: AsyncIterable<Uint8Array>
  readonly #incoming: MemoryPipe
  readonly #outgoing: MemoryPipe

  constructor(incoming: MemoryPipe, outgoing: MemoryPipe) {
    this.#incoming = incoming
    this.#outgoing = outgoing
    this.source = incoming.read()
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#outgoing.write(bytes)
  }

  async closeWrite(): Promise<void> {
    this.#outgoing.end()
  }

  abort(error?: Error): void {
    this.#incoming.break(error ?? closedError('it was aborted here'))
    this.#outgoing.break(closedError('the other side aborted it'))
  }

  /** What the handler of a conversation does on return: it sends what it wrote and takes no more. */
  finish(): void {
    this.#outgoing.end()
    this.#incoming.break()
  }

  /** What a killed process leaves behind: both directions end as if all were said. */
  drop(): void {
    this.#incoming.break()
    this.#outgoing.break()
  }
}

/** The two ends of a new conversation. */
export function createStreamPair(carrier: MemoryCarrier): [MemoryStream, MemoryStream] {
  const there = new MemoryPipe(carrier)
  const back = new MemoryPipe(carrier)
  return [new MemoryStream(back, there), new MemoryStream(there, back)]
}

function closedError(why: string): SwarmCacheError {
  return new SwarmCacheError('ERR_CLOSED', `The stream ended: ${why}.`)
}
