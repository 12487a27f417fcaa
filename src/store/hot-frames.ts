import { LRUCache } from 'lru-cache'
import type { Digest } from '../core/digest.ts'

/**
 * Frames in memory that are asked for again and again, bounded in bytes.
 *
 * A frame is kept when it is read for the second time while others of at most the same bound were read.
 * Those that are read once, as in a restore, would only push each other out, and the system has their
 * files in memory anyway.
 */
export class HotFrames {
  readonly #frames: LRUCache<Digest, Uint8Array>
  /** What was read lately and not kept, with its bytes. */
  readonly #seen: LRUCache<Digest, number>

  constructor(limitBytes: number) {
    this.#frames = new LRUCache({
      maxSize: limitBytes,
      sizeCalculation: (bytes) => bytes.length,
    })
    this.#seen = new LRUCache({ maxSize: limitBytes, sizeCalculation: (bytes) => bytes })
  }

  get(digest: Digest): Uint8Array | undefined {
    return this.#frames.get(digest)
  }

  /** True if the frame is kept now, so that its bytes must stay as they are. */
  offer(digest: Digest, bytes: Uint8Array): boolean {
    if (!this.#seen.delete(digest)) {
      this.#seen.set(digest, bytes.length)
      return false
    }
    this.#frames.set(digest, bytes)
    return this.#frames.has(digest)
  }

  clear(): void {
    this.#frames.clear()
    this.#seen.clear()
  }
}
