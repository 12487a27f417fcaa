import type { ConnectionProtector, MessageStream } from '@libp2p/interface'
import { SwarmCacheError } from '../core/errors.ts'

// Before any handshake of ours libp2p negotiates which one it is (multistream-select): lines of text, each with its
// length as a varint. Its reader takes a varint that never ends one byte after the other, without ever yielding,
// so that a few megabytes of 0xff from a stranger would stop the whole process for a minute.
// https://github.com/multiformats/multistream-select

/** No line of ours is as long, and every length below this is one byte. */
const MAX_LINE_BYTES = 127
/** The greeting, and one line for each handshake that is offered. */
const MAX_LINES = 8

/** The parts of libp2p's streams that bytes pass on their way in. */
interface Incoming {
  onData(data: Bytes): void
  readonly readBuffer: Bytes
}
type Bytes = Uint8Array | { subarray(): Uint8Array; readonly byteLength: number }

/** Lets a connection get as far as the handshake only in the few short lines that it takes to choose one. */
export class OpeningGuard implements ConnectionProtector {
  readonly #last: ReadonlySet<string>

  /** `protocols` are the handshakes that may be chosen. */
  constructor(protocols: readonly string[]) {
    this.#last = new Set(protocols.map((protocol) => `${protocol}\n`))
  }

  async protect(connection: MessageStream): Promise<MessageStream> {
    const incoming = connection as MessageStream & Incoming
    const lines = new Lines(this.#last)
    const pass = incoming.onData.bind(connection)
    if (!lines.take(incoming.readBuffer.subarray())) throw notOurs()
    incoming.onData = (data) => {
      if (lines.take(data.subarray())) {
        if (lines.done) incoming.onData = pass
        pass(data)
      } else connection.abort(notOurs())
    }
    return connection
  }
}

/** Follows the lines of a negotiation up to the one that ends it. */
class Lines {
  readonly #last: ReadonlySet<string>
  #line: number[] = []
  #left = 0
  #count = 0
  done = false

  constructor(last: ReadonlySet<string>) {
    this.#last = last
  }

  /** False once the bytes are no such lines. */
  take(bytes: Uint8Array): boolean {
    for (const byte of bytes) {
      if (this.done) return true
      if (this.#left === 0) {
        this.#count += 1
        if (byte === 0 || byte > MAX_LINE_BYTES || this.#count > MAX_LINES) return false
        this.#left = byte
        this.#line = []
      } else {
        this.#line.push(byte)
        this.#left -= 1
        if (this.#left === 0) this.done = this.#last.has(Buffer.from(this.#line).toString('latin1'))
      }
    }
    return true
  }
}

function notOurs(): SwarmCacheError {
  return new SwarmCacheError('ERR_FRAME', 'it does not choose a handshake as peers do')
}
