import type { ByteStream } from '../../src/core/byte-stream.ts'

// Pieces of odd lengths, so that messages are cut anywhere.
const PIECES = [1, 7, 64, 3, 1021, 8]

/** A stream whose other side has said something and ended. */
export class BytesOnly implements ByteStream {
  readonly source: AsyncIterable<Uint8Array>

  constructor(bytes: Uint8Array) {
    this.source = piecesOf(bytes)
  }

  async write(): Promise<void> {}

  async closeWrite(): Promise<void> {}

  abort(): void {}
}

async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0, next = 0; at < bytes.length; next += 1) {
    const length = PIECES[next % PIECES.length]!
    yield bytes.subarray(at, at + length)
    at += length
  }
}
