import type { Socket } from 'node:net'
import type { ByteStream } from './byte-stream.ts'
import { SwarmCacheError } from './errors.ts'

/** Tunables of a socket's byte stream. */
export interface SocketByteStreamOptions {
  /** A write that the other side has not made room for within this time ends the stream. */
  readonly stallMs?: number
}

// Slow disks make a reader pause for seconds; only a frozen process takes minutes.
const STALL_MS = 120_000

/** A connected socket as a byte stream; writes of one turn of the event loop leave in one system call. */
export class SocketByteStream implements ByteStream {
  readonly source: AsyncIterable<Uint8Array>
  readonly #socket: Socket
  readonly #stallMs: number
  #corked = false
  #error: Error | undefined
  #drain: PromiseWithResolvers<void> | undefined

  constructor(socket: Socket, options: SocketByteStreamOptions = {}) {
    this.#socket = socket
    this.#stallMs = options.stallMs ?? STALL_MS
    this.source = this.#read()
    socket.on('error', (cause) => {
      this.#error ??= closed(cause)
    })
    socket.on('drain', () => {
      this.#drain?.resolve()
      this.#drain = undefined
    })
    socket.on('close', () => {
      this.#error ??= closed()
      this.#drain?.reject(this.#error)
      this.#drain = undefined
    })
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#error !== undefined) throw this.#error
    if (this.#socket.destroyed || this.#socket.writableEnded) throw closed()
    if (!this.#corked) {
      this.#corked = true
      this.#socket.cork()
      process.nextTick(() => {
        this.#corked = false
        this.#socket.uncork()
      })
    }
    if (!this.#socket.write(bytes)) await this.#drained()
  }

  async closeWrite(): Promise<void> {
    if (this.#socket.destroyed) return
    await new Promise<void>((resolve) => {
      this.#socket.once('close', resolve)
      this.#socket.end(resolve)
    })
  }

  abort(error?: Error): void {
    this.#error ??= error ?? closed()
    this.#socket.destroy()
  }

  async #drained(): Promise<void> {
    this.#drain ??= Promise.withResolvers<void>()
    const { promise } = this.#drain
    const timer = setTimeout(() => {
      this.abort(
        new SwarmCacheError('ERR_TIMEOUT', `The other side took nothing for ${this.#stallMs} ms.`),
      )
    }, this.#stallMs)
    try {
      await promise
    } finally {
      clearTimeout(timer)
    }
  }

  async *#read(): AsyncGenerator<Uint8Array, void, void> {
    try {
      yield* this.#socket as AsyncIterable<Uint8Array>
    } catch (cause) {
      throw this.#error ?? closed(cause)
    }
  }
}

function closed(cause?: unknown): SwarmCacheError {
  return new SwarmCacheError('ERR_CLOSED', 'The connection is closed.', { cause })
}
