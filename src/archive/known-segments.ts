import type { Digest } from '../core/digest.ts'
import type { ChunkRef } from '../core/manifest.ts'
import type { NewChunks } from './new-chunks.ts'
import { SegmentKeys } from './segment-key.ts'
import { keepNotes, readNotes, writeNotes } from './segment-notes.ts'
import type { SegmentNotes } from './segment-notes.ts'
import type { Segment } from './segment.ts'

/** What an earlier packing of the same paths has noted, so that files which have not changed need not be read. */
export class KnownSegments {
  readonly #path: string
  readonly #newChunks: NewChunks
  readonly #keys: SegmentKeys
  readonly #notes: SegmentNotes
  readonly #noted = new Map<Digest, readonly ChunkRef[]>()
  #held: ReadonlySet<Digest> | undefined

  /** `path` is where the notes are; `startedMs` is when the scan began. */
  constructor(path: string, newChunks: NewChunks, startedMs: number) {
    this.#path = path
    this.#newChunks = newChunks
    this.#keys = new SegmentKeys(startedMs)
    this.#notes = readNotes(path)
  }

  /** True once `find` can tell. */
  get isReady(): boolean {
    return this.#held !== undefined
  }

  /** Asks which of the noted chunks are still there. */
  async prepare(): Promise<void> {
    const digests = new Set<Digest>()
    for (const chunks of this.#notes.values()) for (const { digest } of chunks) digests.add(digest)
    this.#held = await this.#newChunks.hold(digests)
  }

  /** The key of a segment, if it can have one, and whether there are notes of it. */
  keyOf(segment: Segment): { readonly key?: Digest; readonly isNoted: boolean } {
    const key = this.#keys.keyOf(segment)
    return { key, isNoted: key !== undefined && this.#notes.has(key) }
  }

  /** The chunks of a segment if its files are as they were, and all of its chunks are still there. */
  find(key: Digest): readonly ChunkRef[] | undefined {
    const chunks = this.#notes.get(key)
    if (chunks?.every(({ digest }) => this.#held!.has(digest)) !== true) return undefined
    this.#newChunks.skip(chunks)
    this.#noted.set(key, chunks)
    return chunks
  }

  /** Notes the chunks of a segment that was read as it had been found. */
  note(key: Digest, chunks: readonly ChunkRef[]): void {
    this.#noted.set(key, chunks)
  }

  /** Leaves the notes for the next packing. */
  finish(): void {
    const noted = this.#noted
    const isSame = noted.size === this.#notes.size && noted.keys().every((k) => this.#notes.has(k))
    if (isSame) keepNotes(this.#path)
    else writeNotes(this.#path, noted)
  }
}
