import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface'
import type { ByteStream } from '../core/byte-stream.ts'
import { SwarmCacheError } from '../core/errors.ts'

// Unread bytes held here before the stream is paused; the other side then stops after one window more.
const PAUSE_AT_BYTES = 256 * 1024
const RESUME_AT_BYTES = 64 * 1024
// A sender that never yields starves every other stream of the connection.
const PIECE_BYTES = 128 * 1024
const CLOSE_TIMEOUT_MS = 5_000
// How long the other side may go on sending to a handler that has returned.
const LINGER_MS = 5_000

/**
 * A libp2p stream with backpressure in both directions.
 *
 * An end without the other side's word for it (reset, killed sender) rejects with ERR_CLOSED where it
 * can be told from a clean one.
 */
export class Libp2pByteStream implements ByteStream {
  readonly source: AsyncIterable<Uint8Array>
  readonly #stream: Stream
  #queue: Uint8Array[] = []
  #queuedBytes = 0
  #paused = false
  #resuming = false
  #discarding = false
  #endedByOther: boolean
  #ended = false
  #error: SwarmCacheError | undefined
  #wake: (() => void) | undefined
  #unyieldedBytes = 0
  #linger: NodeJS.Timeout | undefined

  constructor(stream: Stream, onClose: () => void = () => {}) {
    this.#stream = stream
    this.source = this.#read()
    this.#endedByOther = stream.remoteWriteStatus === 'closed' && stream.status === 'open'
    this.#ended = stream.readableEnded
    stream.addEventListener('remoteCloseWrite', () => {
      this.#endedByOther = true
    })
    stream.addEventListener('end', () => this.#end())
    stream.addEventListener('close', (event) => {
      this.#closed(event)
      onClose()
    })
    stream.addEventListener('message', (event) => this.#receive(event))
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
      const piece = bytes.subarray(start, start + PIECE_BYTES)
      this.#unyieldedBytes += piece.length
      if (this.#unyieldedBytes >= PIECE_BYTES) {
        this.#unyieldedBytes = 0
        await nextTurn()
      }
      if (this.#stream.writeStatus !== 'writable') throw this.#closedError()
      try {
        this.#stream.send(piece)
      } catch (cause) {
        throw this.#closedError(cause)
      }
      while (this.#stream.writableNeedsDrain) await this.#drained()
    }
  }

  async closeWrite(): Promise<void> {
    try {
      await this.#stream.close({ signal: AbortSignal.timeout(CLOSE_TIMEOUT_MS) })
    } catch (cause) {
      throw this.#closedError(cause)
    }
  }

  abort(error?: Error): void {
    clearTimeout(this.#linger)
    this.#stream.abort(error ?? new Error('aborted'))
  }

  /** Ends a conversation that has been answered: sends what was written, and takes no more. */
  async finish(): Promise<void> {
    this.#discarding = true
    this.#queue = []
    this.#queuedBytes = 0
    this.#resume()
    await this.closeWrite()
    if (this.#stream.status !== 'open') return
    this.#linger = setTimeout(() => this.abort(), LINGER_MS)
    this.#linger.unref()
  }

  async *#read(): AsyncGenerator<Uint8Array, void, void> {
    for (;;) {
      const piece = this.#queue.shift()
      if (piece !== undefined) {
        this.#queuedBytes -= piece.length
        this.#resume()
        yield piece
      } else if (this.#error !== undefined) {
        throw this.#error
      } else if (this.#ended) {
        return
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve))
      }
    }
  }

  #receive(event: StreamMessageEvent): void {
    if (this.#discarding) return
    const pieces = event.data instanceof Uint8Array ? [event.data] : event.data
    for (const piece of pieces) {
      this.#queue.push(piece)
      this.#queuedBytes += piece.length
    }
    this.#pauseIfFull()
    this.#wake?.()
  }

  #pauseIfFull(): void {
    // Inside resume() libp2p delivers first and opens the window after, so a pause there would be undone
    // while the stream believes itself paused, and its buffer would overflow.
    if (this.#resuming || this.#paused || this.#queuedBytes < PAUSE_AT_BYTES) return
    try {
      this.#stream.pause()
      this.#paused = true
    } catch {
      // The reading half has closed: nothing more will come.
    }
  }

  #resume(): void {
    if (!this.#paused || this.#queuedBytes > RESUME_AT_BYTES) return
    this.#paused = false
    this.#resuming = true
    try {
      this.#stream.resume()
    } catch {
      // The connection has gone; what it had delivered has been handed over.
    }
    this.#resuming = false
    if (this.#stream.status !== 'open' && this.#stream.readBufferLength === 0) this.#end()
    this.#pauseIfFull()
  }

  #end(): void {
    if (!this.#endedByOther) this.#error ??= this.#closedError()
    this.#ended = true
    this.#wake?.()
  }

  #closed(event: StreamCloseEvent): void {
    clearTimeout(this.#linger)
    if (event.error !== undefined && !this.#ended) this.#error ??= this.#closedError(event.error)
    // While paused, bytes that arrived before the close are still to be read.
    if (this.#stream.readBufferLength === 0) this.#end()
    this.#wake?.()
  }

  async #drained(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onClose = (event: StreamCloseEvent): void => reject(this.#closedError(event.error))
    // Not stream.onDrain(): its promise stays resolved after the first time.
    this.#stream.addEventListener('drain', resolve as () => void, { once: true })
    this.#stream.addEventListener('close', onClose, { once: true })
    try {
      if (this.#stream.writeStatus === 'closed') throw this.#closedError()
      await promise
    } finally {
      this.#stream.removeEventListener('drain', resolve as () => void)
      this.#stream.removeEventListener('close', onClose)
    }
  }

  #closedError(cause?: unknown): SwarmCacheError {
    const why = cause instanceof Error ? ` (${cause.message})` : ''
    return new SwarmCacheError(
      'ERR_CLOSED',
      `The conversation ended before it was complete${why}.`,
      { cause },
    )
  }
}
