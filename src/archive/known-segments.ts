import { rmSync } from 'node:fs'
import type { Digest } from '../core/digest.ts'
import type { ChunkRef } from '../core/manifest.ts'
import type { NewChunks } from './new-chunks.ts'
import { SegmentKeys } from './segment-key.ts'
import { keepNotes, readNotes, restoredNotes, writeNotes } from './segment-notes.ts'
import type { SegmentNotes } from './segment-notes.ts'
import type { Segment } from './segment.ts'

/**
 * What an earlier packing or restore of the same paths has noted, so that files which have not changed need not
 * be read.
 */
export class KnownSegments {
  readonly #path: string
  readonly #newChunks: NewChunks
  readonly #keys: SegmentKeys
  readonly #notes: SegmentNotes
  readonly #restored: ReturnType<typeof readNotes>
  readonly #noted = new Map<Digest, readonly ChunkRef[]>()
  #held: ReadonlySet<Digest> | undefined

  /** `path` is where the notes are; `startedMs` is when the scan began. */
  constructor(path: string, newChunks: NewChunks, startedMs: number) {
    this.#path = path
    this.#newChunks = newChunks
    this.#keys = new SegmentKeys(startedMs)
    this.#notes = readNotes(path).segments
    this.#restored = readNotes(restoredNotes(path))
  }

  /** True once `takes` can tell. */
  get isReady(): boolean {
    return this.#held !== undefined
  }

  /** Asks which of the noted chunks are still there. */
  async prepare(): Promise<void> {
    const digests = new Set<Digest>()
    for (const notes of [this.#notes, this.#restored.segments]) {
      for (const chunks of notes.values()) for (const { digest } of chunks) digests.add(digest)
    }
    this.#held = await this.#newChunks.hold(digests)
  }

  /** The key of a segment, if it can have one, and its chunks, if its files are as they were noted. */
  look(segment: Segment): { readonly key?: Digest; readonly chunks?: readonly ChunkRef[] } {
    const key = this.#keys.keyOf(segment)
    if (key === undefined) return {}
    return { key, chunks: this.#notes.get(key) ?? this.#findRestored(segment) }
  }

  /** Takes the noted chunks of a segment if all of them are still there, which it tells. */
  takes(key: Digest, chunks: readonly ChunkRef[]): boolean {
    if (!chunks.every(({ digest }) => this.#held!.has(digest))) return false
    this.#newChunks.skip(chunks)
    this.#noted.set(key, chunks)
    return true
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
    if (this.#restored.segments.size > 0) rmSync(restoredNotes(this.#path), { force: true })
  }

  #findRestored(segment: Segment): readonly ChunkRef[] | undefined {
    const { segments, span } = this.#restored
    if (segments.size === 0 || !this.#keys.isOfRestore(segment, span)) return undefined
    const key = this.#keys.restoredKeyOf(segment, ({ folder }) => folder)
    return key === undefined ? undefined : segments.get(key)
  }
}
