import type { Digest } from '../core/digest.ts'
import type { ChunkRef } from '../core/manifest.ts'

/** What the picker remembers of one source. */
export interface PickCursor {
  /** Chunks that the source does not hold. */
  readonly lacks: Set<Digest>
  /** How far the source has got through what is open. */
  next: Iterator<ChunkRef> | undefined
  /** How much had been given back when it reached the end. */
  seen: number
}

/** A cursor at the start. */
export function createCursor(): PickCursor {
  return { lacks: new Set(), next: undefined, seen: -1 }
}

/** Chunks that nobody has been asked for, and which of them a source is asked for next: in the order given. */
export class ChunkPicker {
  readonly #open = new Map<Digest, ChunkRef>()
  #bytes = 0
  #givenBack = 0

  constructor(chunks: readonly ChunkRef[]) {
    for (const chunk of chunks) this.#add(chunk)
  }

  get size(): number {
    return this.#open.size
  }

  /** Plain bytes of the open chunks. */
  get bytes(): number {
    return this.#bytes
  }

  chunks(): MapIterator<ChunkRef> {
    return this.#open.values()
  }

  /** The next chunk that the source may have, or undefined if none is open for it. */
  take(cursor: PickCursor): ChunkRef | undefined {
    // An iterator of a map goes on to what is added later, but not once it has ended.
    if (cursor.next === undefined) {
      if (cursor.seen === this.#givenBack) return undefined
      cursor.next = this.#open.values()
    }
    for (;;) {
      const result = cursor.next.next()
      if (result.done === true) {
        cursor.next = undefined
        cursor.seen = this.#givenBack
        return undefined
      }
      const chunk = result.value
      if (cursor.lacks.has(chunk.digest)) continue
      this.#open.delete(chunk.digest)
      this.#bytes -= chunk.bytes
      return chunk
    }
  }

  /** True if nothing is open that the source may have. */
  isDoneFor(cursor: PickCursor): boolean {
    return cursor.next === undefined && cursor.seen === this.#givenBack
  }

  /** Takes a chunk back that a source did not deliver. */
  giveBack(chunk: ChunkRef): void {
    this.#givenBack += 1
    this.#add(chunk)
  }

  #add(chunk: ChunkRef): void {
    this.#open.set(chunk.digest, chunk)
    this.#bytes += chunk.bytes
  }
}
