import type { OnReadOpts, Socket } from 'node:net'
import type { ByteFlow, ByteSink, ByteStream } from './byte-stream.ts'
import { SwarmCacheError } from './errors.ts'

/** Tunables of a socket's byte stream. */
export interface SocketByteStreamOptions {
  /** A write that the other side has not made room for within this time ends the stream. */
  readonly stallMs?: number
  /** What the socket was connected with, if it was. */
  readonly reading?: SocketReading
}

// Slow disks make a reader pause for seconds; only a frozen process takes minutes.
const STALL_MS = 120_000
// TLS hands out 16 KiB at most, a plain socket what the kernel has.
const READ_BYTES = 64 * 1024

/**
 * Makes a socket that is still to be connected read into one buffer again and again, where each piece
 * would else be a buffer of its own, and those make the collector of garbage run all the time.
 */
export class SocketReading {
  readonly onread: OnReadOpts
  #take: ((bytes: Uint8Array) => boolean) | undefined

  constructor() {
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES)
    this.onread = {
      buffer,
      callback: (count) => this.#take?.(buffer.subarray(0, count)) ?? false,
    }
  }

  /** Who gets the bytes, from before the first ones come. */
  deliverTo(take: (bytes: Uint8Array) => boolean): void {
    this.#take = take
  }
}

/** A connected socket as a byte stream; writes of one turn of the event loop leave in one system call. */
export class SocketByteStream implements ByteStream {
  readonly source: AsyncIterable<Uint8Array>
  readonly #socket: Socket
  readonly #stallMs: number
  #sink: ByteSink | undefined
  /** Pieces that came when nobody took any. */
  readonly #held: Uint8Array[] = []
  #ended: { readonly error: Error | undefined } | undefined
  #corked = false
  #error: Error | undefined
  #drain: PromiseWithResolvers<void> | undefined

  constructor(socket: Socket, options: SocketByteStreamOptions = {}) {
    this.#socket = socket
    this.#stallMs = options.stallMs ?? STALL_MS
    this.source = this.#read()
    if (options.reading === undefined) {
      socket.on('data', (bytes: Buffer) => {
        if (!this.#deliver(bytes)) socket.pause()
      })
      socket.pause()
    } else {
      options.reading.deliverTo((bytes) => this.#deliver(bytes))
    }
    socket.on('end', () => this.#finish())
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
      this.#finish(this.#error)
    })
  }

  /** Calls back once the connection is gone. */
  onClosed(listener: () => void): void {
    this.#socket.once('close', listener)
  }

  flowTo(sink: ByteSink): ByteFlow {
    this.#sink = sink
    this.#flow()
    return { resume: () => this.#sink === sink && this.#flow() }
  }

  /** The first bytes, before anything else reads; what came with them is kept for who reads next. */
  async first(count: number): Promise<Uint8Array> {
    const taken = Buffer.allocUnsafeSlow(count)
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
    let filled = 0
    this.flowTo({
      take: (bytes) => {
        const part = bytes.subarray(0, count - filled)
        taken.set(part, filled)
        filled += part.length
        if (filled < count) return true
        this.#sink = undefined
        if (part.length < bytes.length)
          this.#held.unshift(new Uint8Array(bytes.subarray(part.length)))
        resolve(taken)
        return false
      },
      end: (error) => reject(error ?? closed()),
    })
    return await promise
  }

  async write(bytes: Uint8Array, onTaken?: () => void): Promise<void> {
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
    const onWritten = onTaken && ((error?: Error | null) => error ?? onTaken())
    if (!this.#socket.write(bytes, onWritten)) await this.#drained()
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

  /** False if nothing more is wanted for now; more may come all the same. */
  #deliver(bytes: Uint8Array): boolean {
    if (this.#sink !== undefined && this.#held.length === 0) return this.#sink.take(bytes)
    this.#held.push(new Uint8Array(bytes))
    return false
  }

  #flow(): void {
    while (this.#sink !== undefined && this.#held.length > 0) {
      if (!this.#sink.take(this.#held.shift()!)) return
    }
    if (this.#ended === undefined) this.#socket.resume()
    else this.#sink?.end(this.#ended.error)
  }

  #finish(error?: Error): void {
    if (this.#ended !== undefined) return
    this.#ended = { error }
    if (this.#held.length === 0) this.#sink?.end(error)
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
    const pieces: Uint8Array[] = []
    let wake = (): void => {}
    const flow = this.flowTo({
      take: (bytes) => {
        pieces.push(new Uint8Array(bytes))
        wake()
        return false
      },
      end: () => wake(),
    })
    try {
      for (;;) {
        const piece = pieces.shift()
        if (piece !== undefined) {
          yield piece
          continue
        }
        if (this.#ended?.error !== undefined) throw this.#ended.error
        if (this.#ended !== undefined) return
        const woken = new Promise<void>((resolve) => (wake = resolve))
        flow.resume()
        await woken
      }
    } finally {
      // Who stops reading early has no further use for the connection.
      if (this.#ended === undefined) this.abort()
    }
  }
}

function closed(cause?: unknown): SwarmCacheError {
  return new SwarmCacheError('ERR_CLOSED', 'The connection is closed.', { cause })
}
