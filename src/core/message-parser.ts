import { SwarmCacheError } from './errors.ts'
import { freeMemory } from './free-memory.ts'
import type { Message, MessageLimits } from './message.ts'

/** Bytes before each message: u32 header bytes, u32 body bytes, both big endian. */
export const PREFIX_BYTES = 8

const NOTHING = Buffer.alloc(0)

/**
 * Makes messages of bytes that come in pieces of any size.
 *
 * A body is copied into a buffer of its own as its pieces come, so that a piece may be overwritten afterwards and
 * a body be freed on its own. Sizes are checked before anything is allocated.
 */
export class MessageParser {
  readonly #limits: MessageLimits
  readonly #onMessage: (message: Message) => void
  readonly #prefix = Buffer.allocUnsafe(PREFIX_BYTES)
  #head: Buffer | undefined
  #header: Message['header'] | undefined
  #body: Buffer = NOTHING
  /** Bytes of the part (prefix, header or body) that is being read. */
  #filled = 0

  constructor(limits: MessageLimits, onMessage: (message: Message) => void) {
    this.#limits = limits
    this.#onMessage = onMessage
  }

  /** True between two messages. */
  get isBetween(): boolean {
    return this.#head === undefined && this.#filled === 0
  }

  /** @throws ERR_FRAME if the header is not a JSON object or a size is over the limits; nothing may be put in then. */
  put(bytes: Uint8Array): void {
    let at = 0
    while (at < bytes.length) {
      const part = this.#part()
      const count = Math.min(part.length - this.#filled, bytes.length - at)
      part.set(bytes.subarray(at, at + count), this.#filled)
      at += count
      this.#filled += count
      if (this.#filled === part.length) this.#advance()
    }
  }

  /** Drops what has come of an unfinished message. */
  clear(): void {
    freeMemory(this.#body)
    this.#start()
  }

  #part(): Buffer {
    if (this.#head === undefined) return this.#prefix
    return this.#header === undefined ? this.#head : this.#body
  }

  #advance(): void {
    this.#filled = 0
    if (this.#head === undefined) {
      const headerBytes = this.#prefix.readUInt32BE(0)
      const bodyBytes = this.#prefix.readUInt32BE(4)
      if (headerBytes > this.#limits.headerBytes || bodyBytes > this.#limits.bodyBytes) {
        throw malformed(`a message announces ${headerBytes} + ${bodyBytes} bytes`)
      }
      if (headerBytes === 0) throw malformed('a header is not JSON')
      this.#head = Buffer.allocUnsafe(headerBytes)
      return
    }
    if (this.#header === undefined) {
      this.#header = parseHeader(this.#head)
      const bodyBytes = this.#prefix.readUInt32BE(4)
      if (bodyBytes > 0) {
        this.#body = Buffer.allocUnsafeSlow(bodyBytes)
        return
      }
    }
    const message = { header: this.#header, body: this.#body }
    this.#start()
    this.#onMessage(message)
  }

  #start(): void {
    this.#head = undefined
    this.#header = undefined
    this.#body = NOTHING
    this.#filled = 0
  }
}

function parseHeader(bytes: Buffer): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(bytes.toString('utf8'))
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
