import type { ByteStream } from './byte-stream.ts'
import { SwarmCacheError } from './errors.ts'

/** A JSON header with an optional body of raw bytes: the unit of every conversation of ours. */
export interface Message {
  readonly header: Readonly<Record<string, unknown>>
  readonly body: Uint8Array
}

/** What a reader accepts; a message over either bound ends the conversation before it is buffered. */
export interface MessageLimits {
  readonly headerBytes: number
  readonly bodyBytes: number
}

const PREFIX_BYTES = 8
// Copying so little costs less than another packet.
const SMALL_BODY_BYTES = 4096
const EMPTY = new Uint8Array(0)

/** Writes messages to and reads them from a stream. Layout: u32 header bytes, u32 body bytes, both big endian, header as JSON, body. */
export class MessageStream {
  readonly #stream: ByteStream
  readonly #limits: MessageLimits
  readonly #reader: AsyncIterator<Uint8Array>
  #pending: Uint8Array[] = []
  #pendingBytes = 0

  constructor(stream: ByteStream, limits: MessageLimits) {
    this.#stream = stream
    this.#limits = limits
    this.#reader = stream.source[Symbol.asyncIterator]()
  }

  /** Sends one message; resolves when the next may be sent. */
  async write(header: Record<string, unknown>, body: Uint8Array = EMPTY): Promise<void> {
    const head = Buffer.from(JSON.stringify(header))
    const together = body.length <= SMALL_BODY_BYTES
    const start = Buffer.allocUnsafe(PREFIX_BYTES + head.length + (together ? body.length : 0))
    start.writeUInt32BE(head.length, 0)
    start.writeUInt32BE(body.length, 4)
    start.set(head, PREFIX_BYTES)
    if (together) start.set(body, PREFIX_BYTES + head.length)
    await this.#stream.write(start)
    if (!together) await this.#stream.write(body)
  }

  /**
   * The next message, or undefined at a clean end between two messages.
   *
   * @throws ERR_CLOSED if the stream ends inside a message, ERR_FRAME if the header is not a JSON object or a size is
   * over the limits.
   */
  async read(): Promise<Message | undefined> {
    const prefix = await this.#take(PREFIX_BYTES, true)
    if (prefix === undefined) return undefined
    const view = new DataView(prefix.buffer, prefix.byteOffset, PREFIX_BYTES)
    const headerBytes = view.getUint32(0)
    const bodyBytes = view.getUint32(4)
    if (headerBytes > this.#limits.headerBytes || bodyBytes > this.#limits.bodyBytes) {
      throw malformed(`a message announces ${headerBytes} + ${bodyBytes} bytes`)
    }
    const head = await this.#take(headerBytes, false)
    const header = parseHeader(head ?? EMPTY)
    const body = bodyBytes === 0 ? EMPTY : await this.#take(bodyBytes, false)
    return { header, body: body ?? EMPTY }
  }

  /** Closes the writing half. */
  async closeWrite(): Promise<void> {
    await this.#stream.closeWrite()
  }

  /** Ends the conversation at once. */
  abort(error?: Error): void {
    this.#stream.abort(error)
  }

  /** Exactly `count` bytes; undefined if the stream ended before the first one and `mayEnd`. */
  async #take(count: number, mayEnd: boolean): Promise<Uint8Array | undefined> {
    while (this.#pendingBytes < count) {
      const next = await this.#reader.next()
      if (next.done === true) {
        if (mayEnd && this.#pendingBytes === 0) return undefined
        // A lost connection looks like this too, so it is no sign of a peer that misbehaves.
        throw new SwarmCacheError('ERR_CLOSED', 'The other side ended inside a message.')
      }
      if (next.value.length === 0) continue
      this.#pending.push(next.value)
      this.#pendingBytes += next.value.length
    }
    this.#pendingBytes -= count
    const first = this.#pending[0]
    if (first !== undefined && first.length >= count) {
      if (first.length === count) this.#pending.shift()
      else this.#pending[0] = first.subarray(count)
      return first.subarray(0, count)
    }
    const taken = new Uint8Array(count)
    let offset = 0
    while (offset < count) {
      const piece = this.#pending[0]!
      const part = piece.subarray(0, count - offset)
      taken.set(part, offset)
      offset += part.length
      if (part.length === piece.length) this.#pending.shift()
      else this.#pending[0] = piece.subarray(part.length)
    }
    return taken
  }
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'))
  } catch (cause) {
    throw malformed('a header is not JSON', cause)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed('a header is not a JSON object')
  }
  return value as Record<string, unknown>
}

function malformed(why: string, cause?: unknown): SwarmCacheError {
  return new SwarmCacheError('ERR_FRAME', `The conversation is malformed: ${why}.`, { cause })
}
