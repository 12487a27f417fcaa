import type { ByteFlow, ByteStream } from './byte-stream.ts'
import { SwarmCacheError } from './errors.ts'
import { freeMemory } from './free-memory.ts'
import { MessageParser, PREFIX_BYTES } from './message-parser.ts'

/** A JSON header with an optional body of raw bytes: the unit of every conversation of ours. */
export interface Message {
  readonly header: Readonly<Record<string, unknown>>
  /** The reader's own, to free when it is through with it. */
  readonly body: Uint8Array
}

/** What a reader accepts; a message over either bound ends the conversation before it is buffered. */
export interface MessageLimits {
  readonly headerBytes: number
  readonly bodyBytes: number
}

// Copying so little costs less than another packet.
const SMALL_BODY_BYTES = 4096
// Bodies that may wait for the reader before the stream is asked to pause; one of any size always may.
const WAITING_BYTES = 256 * 1024
const WAITING_MESSAGES = 64
const EMPTY = new Uint8Array(0)

/** Writes messages to and reads them from a stream. Layout: u32 header bytes, u32 body bytes, both big endian, header as JSON, body. */
export class MessageStream {
  readonly #stream: ByteStream
  readonly #parser: MessageParser
  readonly #waiting: Message[] = []
  #waitingBytes = 0
  #receivedBytes = 0
  #source: AsyncIterator<Uint8Array> | undefined
  #flow: ByteFlow | undefined
  #isPaused = false
  #ended: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined

  constructor(stream: ByteStream, limits: MessageLimits) {
    this.#stream = stream
    this.#parser = new MessageParser(limits, (message) => {
      this.#waiting.push(message)
      this.#waitingBytes += message.body.length
    })
    if (stream.flowTo === undefined) this.#source = stream.source[Symbol.asyncIterator]()
  }

  /** Bytes that have come so far, unfinished messages included. */
  get receivedBytes(): number {
    return this.#receivedBytes
  }

  /** Sends one message; resolves when the next may be sent. `onTaken` is called once `body` is not needed any more. */
  async write(
    header: Record<string, unknown>,
    body: Uint8Array = EMPTY,
    onTaken?: () => void,
  ): Promise<void> {
    const head = JSON.stringify(header)
    const headBytes = Buffer.byteLength(head)
    const together = body.length <= SMALL_BODY_BYTES
    const start = Buffer.allocUnsafe(PREFIX_BYTES + headBytes + (together ? body.length : 0))
    start.writeUInt32BE(headBytes, 0)
    start.writeUInt32BE(body.length, 4)
    start.write(head, PREFIX_BYTES)
    if (together) {
      start.set(body, PREFIX_BYTES + headBytes)
      onTaken?.()
      await this.#stream.write(start)
      return
    }
    await this.#stream.write(start)
    await this.#stream.write(body, onTaken)
  }

  /**
   * The next message, or undefined at a clean end between two messages.
   *
   * @throws ERR_CLOSED if the stream ends inside a message, ERR_FRAME if the header is not a JSON object or a size is
   * over the limits.
   */
  async read(): Promise<Message | undefined> {
    for (;;) {
      const message = this.#waiting.shift()
      if (message !== undefined) {
        this.#waitingBytes -= message.body.length
        if (this.#isPaused && this.#hasRoom) this.#resume()
        return message
      }
      if (this.#ended !== undefined) {
        if (this.#ended.error !== undefined) throw this.#ended.error as Error
        return undefined
      }
      await this.#more()
    }
  }

  /** Closes the writing half. */
  async closeWrite(): Promise<void> {
    await this.#stream.closeWrite()
  }

  /** Ends the conversation at once; what was not read yet is dropped. */
  abort(error?: Error): void {
    for (const { body } of this.#waiting.splice(0)) freeMemory(body)
    this.#waitingBytes = 0
    this.#stream.abort(error)
  }

  get #hasRoom(): boolean {
    return this.#waitingBytes < WAITING_BYTES && this.#waiting.length < WAITING_MESSAGES
  }

  async #more(): Promise<void> {
    if (this.#source !== undefined) {
      const next = await this.#source.next()
      if (next.done === true) this.#end()
      else this.#take(next.value)
      return
    }
    const woken = new Promise<void>((resolve) => (this.#wake = resolve))
    this.#flow ??= this.#stream.flowTo!({
      take: (bytes) => this.#take(bytes),
      end: (error) => this.#end(error),
    })
    await woken
  }

  /** False if the reader has enough to do. */
  #take(bytes: Uint8Array): boolean {
    if (this.#ended !== undefined) return false
    this.#receivedBytes += bytes.length
    try {
      this.#parser.put(bytes)
    } catch (error) {
      this.#ended = { error }
    }
    if (this.#waiting.length > 0 || this.#ended !== undefined) this.#wake?.()
    this.#isPaused = this.#ended !== undefined || !this.#hasRoom
    return !this.#isPaused
  }

  #resume(): void {
    this.#isPaused = false
    this.#flow?.resume()
  }

  #end(error?: Error): void {
    // A lost connection looks like this too, so it is no sign of a peer that misbehaves.
    const cut = this.#parser.isBetween
      ? undefined
      : new SwarmCacheError('ERR_CLOSED', 'The other side ended inside a message.')
    this.#ended ??= { error: error ?? cut }
    this.#parser.clear()
    this.#wake?.()
  }
}
