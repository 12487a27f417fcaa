import { BoundedQueue } from '../async/bounded-queue.ts'
import { abortable } from '../async/deadline.ts'
import { Limit } from '../async/limit.ts'
import { openFrame } from '../core/chunk.ts'
import type { Frame, FramePlace, SourcedFrame } from '../core/chunk.ts'
import type { Digest } from '../core/digest.ts'
import { SwarmCacheError, errorMessage } from '../core/errors.ts'
import { freeMemory } from '../core/free-memory.ts'
import type { Logger } from '../core/logger.ts'
import type { ChunkRef } from '../core/manifest.ts'
import type { PeerId } from '../core/peer.ts'
import type { AsideFrame, Store } from '../store/store.ts'
import type { ReadOptions } from './cache.ts'

/** Fetches chunks from the peers; undefined where no swarm is joined. */
export type FetchFromPeers = (
  chunks: readonly ChunkRef[],
  signal: AbortSignal,
  verify?: VerifyFrame,
) => AsyncIterable<SourcedFrame>

/** Resolves if a frame is good, rejects with ERR_INTEGRITY if not. */
export type VerifyFrame = (frame: Frame, peerId: PeerId) => Promise<void>

/** What a read of chunks works with. */
export interface TierReadParts {
  readonly store: Store
  readonly fetch: FetchFromPeers | undefined
  readonly logger: Logger
}

// Frames waiting for a consumer that writes files: enough to ride out one slow file, small beside 250 MB resident.
const BUFFER_BYTES = 16 * 1024 * 1024
// Frames from peers that the disk has not taken yet; the network slows down to the disk beyond that.
const STORING_BYTES = 16 * 1024 * 1024
// Hides the latency of single file reads; more only queues up in the thread pool of four.
const LOCAL_READERS = 6

const NOTHING = new Uint8Array()

/**
 * Frames of `chunks` from the local store and, at the same time, what it lacks from the peers.
 *
 * What peers send is stored, and so can be served to others, while it is handed over. A frame that the
 * store can no longer give comes from the peers too.
 *
 * @throws ERR_STORE if something is missing and no swarm is joined, what `fetch` rejects with, or the signal's reason.
 */
export async function* readTiers(
  parts: TierReadParts,
  chunks: readonly ChunkRef[],
  options: ReadOptions = {},
): AsyncGenerator<SourcedFrame, void, void> {
  const { signal } = options
  signal?.throwIfAborted()
  const read = new TierRead(parts, options)
  const work = read.run(chunks)
  try {
    for await (const frame of read.frames) {
      signal?.throwIfAborted()
      yield frame
    }
  } finally {
    read.stop()
    await work
  }
}

class TierRead {
  readonly frames = new BoundedQueue<SourcedFrame>(BUFFER_BYTES, (frame) => frame.bytes.length)
  readonly #parts: TierReadParts
  readonly #outer: AbortSignal | undefined
  readonly #stopped = new AbortController()
  readonly #storing = new Limit(STORING_BYTES)
  readonly #onAbort = (): void => {
    this.frames.fail(this.#outer?.reason)
    this.#stopped.abort(this.#outer?.reason)
  }
  readonly #unopened: boolean
  /** False again once the reader could not read a file that was good. */
  #placed: boolean
  /** Chunks that need not be stored once more when the fetch hands them over. */
  readonly #keptAside = new Set<Digest>()
  #warned = false

  constructor(parts: TierReadParts, { signal, unopened = false, placed = false }: ReadOptions) {
    this.#parts = parts
    this.#unopened = unopened
    this.#placed = unopened && placed
    this.#outer = signal
    signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  /** Settles, and never rejects, once nothing runs any more. */
  async run(chunks: readonly ChunkRef[]): Promise<void> {
    try {
      const places = await this.#locate(chunks)
      const held = places?.map((place) => place !== undefined) ?? (await this.#whichHeld(chunks))
      const local = chunks.filter((_, index) => held[index] === true)
      const missing = chunks.filter((_, index) => held[index] !== true)
      const readLocal = async (): Promise<ChunkRef[]> => {
        if (places === undefined) return await this.#readLocal(local)
        const localPlaces = places.filter((place) => place !== undefined)
        return await this.#readLocal(await this.#placeLocal(local, localPlaces))
      }
      const flows = await Promise.allSettled([
        readLocal(),
        this.#fetchMissing(missing).catch((error: unknown) => {
          this.#fail(error)
          throw error
        }),
      ])
      for (const flow of flows) if (flow.status === 'rejected') throw flow.reason
      const [lost] = flows
      await this.#fetchMissing(lost?.status === 'fulfilled' ? (lost.value ?? []) : [])
      this.frames.end()
    } catch (error) {
      this.#fail(error)
    } finally {
      // Being granted the whole limit means that every put has ended.
      using _all = await this.#storing.acquire(STORING_BYTES)
    }
  }

  stop(): void {
    this.#outer?.removeEventListener('abort', this.#onAbort)
    this.frames.end()
    this.#stopped.abort()
  }

  #fail(error: unknown): void {
    this.frames.fail(error)
    this.#stopped.abort(error)
  }

  async #locate(chunks: readonly ChunkRef[]): Promise<(FramePlace | undefined)[] | undefined> {
    if (!this.#placed) return undefined
    try {
      return await this.#parts.store.locate(chunks.map((chunk) => chunk.digest))
    } catch {
      // Asking what is held fails in the same way, and says so.
      return undefined
    }
  }

  async #whichHeld(chunks: readonly ChunkRef[]): Promise<boolean[]> {
    try {
      return await this.#parts.store.has(chunks.map((chunk) => chunk.digest))
    } catch (error) {
      this.#warnStore('The store could not be asked; everything is asked of the peers.', error)
      return []
    }
  }

  /** Says where the frames of chunks lie; resolves to those that the reader could not make use of. */
  async #placeLocal(
    chunks: readonly ChunkRef[],
    places: readonly FramePlace[],
  ): Promise<ChunkRef[]> {
    if (chunks.length === 0) return []
    const settled = Promise.withResolvers<void>()
    const unread: ChunkRef[] = []
    let waiting = chunks.length
    for (const [index, chunk] of chunks.entries()) {
      const settle = (good: boolean): void => {
        if (!good) unread.push(chunk)
        waiting -= 1
        if (waiting === 0) settled.resolve()
      }
      const frame = { chunk, bytes: NOTHING, place: places[index]!, tier: 'disk' as const, settle }
      if (!(await this.frames.push(frame))) return []
    }
    await abortable(settled.promise, this.#stopped.signal)
    return unread
  }

  /** Hands over what the store holds; resolves to what it turned out not to have. */
  async #readLocal(chunks: readonly ChunkRef[]): Promise<ChunkRef[]> {
    const lost: ChunkRef[] = []
    let next = 0
    const reader = async (): Promise<void> => {
      while (!this.#stopped.signal.aborted) {
        const chunk = chunks[next++]
        if (chunk === undefined) return
        const found = await this.#getLocal(chunk)
        if (found === undefined) lost.push(chunk)
        else if (!(await this.frames.push({ chunk, ...found }))) return
      }
    }
    const count = Math.min(LOCAL_READERS, chunks.length)
    await Promise.all(Array.from({ length: count }, reader))
    return lost
  }

  async #getLocal(chunk: ChunkRef): Promise<Pick<SourcedFrame, 'bytes' | 'tier'> | undefined> {
    try {
      return await this.#parts.store.get(chunk.digest, { signal: this.#stopped.signal })
    } catch (error) {
      if (this.#stopped.signal.aborted) throw error
      this.#warnStore('A stored chunk could not be read; it is asked of the peers.', error)
      return undefined
    }
  }

  async #fetchMissing(chunks: readonly ChunkRef[]): Promise<void> {
    if (chunks.length === 0) return
    const { fetch } = this.#parts
    if (fetch === undefined) {
      throw new SwarmCacheError(
        'ERR_STORE',
        `The local store lacks ${chunks.length} of the chunks, and no swarm is joined that could supply them.`,
        { facts: { chunks: chunks.length } },
      )
    }
    const verify = this.#unopened ? this.#readerVerifies : undefined
    for await (const frame of fetch(chunks, this.#stopped.signal, verify)) {
      if (this.#keptAside.delete(frame.chunk.digest)) {
        if (frame.isOwned === true) freeMemory(frame.bytes)
        continue
      }
      await this.#keep(frame)
      if (!this.#unopened && !(await this.frames.push(frame))) return
    }
  }

  /** Hands a frame to the reader, who opens it anyway, and waits for what it found. */
  readonly #readerVerifies: VerifyFrame = async (frame, peer) => {
    if (this.#placed && (await this.#readerUsesPlace(frame, peer))) return
    const { chunk, bytes } = frame
    const opened = Promise.withResolvers<boolean>()
    const { signal } = this.#stopped
    await this.frames.push({ chunk, bytes, tier: 'peers', peer, settle: opened.resolve })
    if (await abortable(opened.promise, signal)) return
    // It says whether the frame or its manifest is wrong.
    await openFrame(frame)
    throw new SwarmCacheError('ERR_INTEGRITY', `The chunk ${chunk.digest} is damaged.`, {
      facts: { digest: chunk.digest },
    })
  }

  /** Lets the reader open a frame in a file that the store then keeps; false if that went wrong. */
  async #readerUsesPlace(frame: Frame, peer: PeerId): Promise<boolean> {
    const { chunk } = frame
    const aside = await this.#putAside(frame)
    if (aside === undefined) return false
    try {
      const opened = Promise.withResolvers<boolean>()
      const { place } = aside
      const settle = opened.resolve
      await this.frames.push({ chunk, bytes: NOTHING, place, tier: 'peers', peer, settle })
      if (await abortable(opened.promise, this.#stopped.signal)) {
        // What goes wrong here is said when the bytes are stored.
        const kept = aside.keep().then(() => this.#keptAside.add(chunk.digest))
        await kept.catch(() => {})
        return true
      }
    } finally {
      aside.drop()
    }
    await openFrame(frame)
    this.#placed = false
    return false
  }

  async #putAside(frame: Frame): Promise<AsideFrame | undefined> {
    try {
      return await this.#parts.store.putAside(frame, { signal: this.#stopped.signal })
    } catch {
      // It is stored later, or it is said that it cannot be.
      return undefined
    }
  }

  /** Starts to store a frame; waits only while too many bytes are being stored. */
  async #keep(frame: Frame): Promise<void> {
    const held = await this.#storing.acquire(frame.bytes.length, this.#stopped.signal)
    void this.#parts.store
      .put(frame)
      .catch((error: unknown) => {
        this.#warnStore('A fetched chunk could not be stored, so it cannot be shared.', error)
      })
      .finally(() => held[Symbol.dispose]())
  }

  #warnStore(message: string, error: unknown): void {
    if (this.#warned) return
    this.#warned = true
    this.#parts.logger.log('warning', message, { reason: errorMessage(error) })
  }
}
