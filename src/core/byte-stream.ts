/**
 * Two-way bytes with backpressure, whatever carries them: a libp2p stream, a socket, a lane.
 *
 * Reading: one consumer iterates `source`; unread bytes are bounded by the carrier. `source` ends when
 * the other side closed its writing half, which a killed sender can look like too: lengths and digests
 * must be checked by whoever reads.
 */
export interface ByteStream {
  readonly source: AsyncIterable<Uint8Array>
  /** Hands what arrives to a sink instead of `source`, where the carrier can do so at less cost. */
  readonly flowTo?: (sink: ByteSink) => ByteFlow
  /**
   * Resolves when more may be written; rejects with ERR_CLOSED once the stream is gone.
   *
   * `onTaken` is called once the carrier does not need `bytes` any more, if it can tell and gets so far.
   */
  write(bytes: Uint8Array, onTaken?: () => void): Promise<void>
  /** Closes the writing half after what was written has been sent. */
  closeWrite(): Promise<void>
  /** Ends both halves at once; safe to call at any time and more than once. */
  abort(error?: Error): void
}

/** Takes what arrives on a stream. */
export interface ByteSink {
  /** `bytes` are overwritten after the call. False asks for nothing more until the flow is resumed. */
  take(bytes: Uint8Array): boolean
  /** The last call: without an error if the other side closed its writing half. */
  end(error?: Error): void
}

/** What a sink can do about the bytes that come. */
export interface ByteFlow {
  /** Goes on after `take` returned false; a piece that is there already is taken before this returns. */
  resume(): void
}
