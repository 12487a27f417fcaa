/**
 * Two-way bytes with backpressure, whatever carries them: a libp2p stream, a socket, a lane.
 *
 * Reading: one consumer iterates `source`; unread bytes are bounded by the carrier. `source` ends when
 * the other side closed its writing half, which a killed sender can look like too: lengths and digests
 * must be checked by whoever reads.
 */
export interface ByteStream {
  readonly source: AsyncIterable<Uint8Array>
  /** Resolves when more may be written; rejects with ERR_CLOSED once the stream is gone. */
  write(bytes: Uint8Array): Promise<void>
  /** Closes the writing half after what was written has been sent. */
  closeWrite(): Promise<void>
  /** Ends both halves at once; safe to call at any time and more than once. */
  abort(error?: Error): void
}
