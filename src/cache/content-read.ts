import type { SourcedFrame } from '../core/chunk.ts'
import type { SignedEntry } from '../core/entry.ts'
import type { ChunkRef } from '../core/manifest.ts'
import type { Tiers } from './cache.ts'

interface EarlyRead {
  readonly chunks: readonly ChunkRef[]
  readonly frames: AsyncIterator<SourcedFrame>
  readonly first: Promise<IteratorResult<SourcedFrame>>
}

/**
 * Reads the content of an entry for who opens its frames; it can begin before anybody takes them.
 *
 * Finding the holders takes a while, in which a catalog can be read and compared with the disk.
 */
export class ContentRead {
  readonly #tiers: Pick<Tiers, 'readChunks'>
  readonly #entry: SignedEntry
  readonly #outer: AbortSignal
  #stop = new AbortController()
  #early: EarlyRead | undefined

  constructor(tiers: Pick<Tiers, 'readChunks'>, entry: SignedEntry, signal: AbortSignal) {
    this.#tiers = tiers
    this.#entry = entry
    this.#outer = signal
  }

  /** Begins to read what will most likely be needed. */
  begin(chunks: readonly ChunkRef[]): void {
    if (chunks.length === 0) return
    const frames = this.#read(chunks)[Symbol.asyncIterator]()
    const first = frames.next()
    first.catch(() => {})
    this.#early = { chunks, frames, first }
  }

  /** Frames of `chunks`: those of the read that has begun, if it is of the same, else of a new one. */
  frames(chunks: readonly ChunkRef[]): AsyncIterable<SourcedFrame> {
    const early = this.#early
    if (early === undefined) return this.#read(chunks)
    if (isSame(early.chunks, chunks)) return resume(early)
    this.stop()
    this.#stop = new AbortController()
    return this.#read(chunks)
  }

  /** Ends what has begun and is not through. */
  stop(): void {
    this.#stop.abort()
    if (this.#early !== undefined) end(this.#early)
  }

  #read(chunks: readonly ChunkRef[]): AsyncIterable<SourcedFrame> {
    const signal = AbortSignal.any([this.#outer, this.#stop.signal])
    return this.#tiers.readChunks(this.#entry, chunks, { signal, unopened: true, placed: true })
  }
}

async function* resume(early: EarlyRead): AsyncGenerator<SourcedFrame> {
  const { frames, first } = early
  try {
    for (let next = await first; next.done !== true; next = await frames.next()) yield next.value
  } finally {
    end(early)
  }
}

/** Not awaited: it would wait for the frame that the read waits for. */
function end({ frames }: EarlyRead): void {
  void Promise.resolve(frames.return?.()).catch(() => {})
}

function isSame(some: readonly ChunkRef[], others: readonly ChunkRef[]): boolean {
  return (
    some.length === others.length &&
    some.every(({ digest }, index) => digest === others[index]!.digest)
  )
}
