import { BoundedQueue } from '../async/bounded-queue.ts'
import { abortable } from '../async/deadline.ts'
import { Limit } from '../async/limit.ts'
import type { Frame, SourcedFrame } from '../core/chunk.ts'
import { SwarmCacheError, errorMessage } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { ChunkRef } from '../core/manifest.ts'
import type { PeerId } from '../core/peer.ts'
import type { Store } from '../store/store.ts'
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
  { signal, unopened = false }: ReadOptions = {},
): AsyncGenerator<SourcedFrame, void, void> {
  signal?.throwIfAborted()
  const read = new TierRead(parts, signal, unopened)
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
  #warned = false

  constructor(parts: TierReadParts, signal: AbortSignal | undefined, unopened: boolean) {
    this.#parts = parts
    this.#unopened = unopened
    this.#outer = signal
    signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  /** Settles, and never rejects, once nothing runs any more. */
  async run(chunks: readonly ChunkRef[]): Promise<void> {
    try {
      const held = await this.#whichHeld(chunks)
      const local = chunks.filter((_, index) => held[index] === true)
      const missing = chunks.filter((_, index) => held[index] !== true)
      const flows = await Promise.allSettled([
        this.#readLocal(local),
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

  async #whichHeld(chunks: readonly ChunkRef[]): Promise<boolean[]> {
    try {
      return await this.#parts.store.has(chunks.map((chunk) => chunk.digest))
    } catch (error) {
      this.#warnStore('The store could not be asked; everything is asked of the peers.', error)
      return []
    }
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
      await this.#keep(frame)
      if (!this.#unopened && !(await this.frames.push(frame))) return
    }
  }

  /** Hands a frame to the reader, who opens it anyway, and waits for what it found. */
  readonly #readerVerifies: VerifyFrame = async ({ chunk, bytes }, peer) => {
    const opened = Promise.withResolvers<boolean>()
    const { signal } = this.#stopped
    await this.frames.push({ chunk, bytes, tier: 'peers', peer, settle: opened.resolve })
    if (await abortable(opened.promise, signal)) return
    throw new SwarmCacheError('ERR_INTEGRITY', `The chunk ${chunk.digest} is damaged.`, {
      facts: { digest: chunk.digest },
    })
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
