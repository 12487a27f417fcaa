import { withDeadline } from '../async/deadline.ts'
import { Limit } from '../async/limit.ts'
import type { Frame, SourcedFrame } from '../core/chunk.ts'
import { errorMessage, isSwarmCacheError, SwarmCacheError } from '../core/errors.ts'
import { publish } from '../core/events.ts'
import type { ChunkRef } from '../core/manifest.ts'
import type { PeerId } from '../core/peer.ts'
import type { ChannelReceiver, ChunkChannel, OpenChannel } from './chunk-channel.ts'
import { ChunkPicker } from './chunk-picker.ts'
import { chunksToDuplicate, MAX_COPIES } from './endgame.ts'
import { FetchSource } from './fetch-source.ts'
import { HolderSearch } from './holder-search.ts'
import type { Candidate, HolderSearchParts } from './holder-search.ts'
import { MAX_DIGESTS, MAX_OUTSTANDING } from './transfer-wire.ts'
import type { FetchRequest } from './transfer.ts'

/** What a fetch needs. */
export interface ChunkFetchParts extends HolderSearchParts {
  readonly open: OpenChannel
  /** Rejects if the frame is not what its chunk names. */
  readonly verify: (frame: Frame) => Promise<unknown>
  readonly now: () => number
}

/** Tunables of a fetch. */
export interface ChunkFetchOptions {
  /** Bytes asked for or waiting for the consumer at most. */
  readonly bufferBytes?: number
}

const BUFFER_BYTES = 16 * 1024 * 1024
const MAX_SOURCES = 8
// A further source pays from about this much left to fetch.
const BYTES_PER_SOURCE = 1024 * 1024
const OPEN_MS = 3000
// A source that is silent for longer no longer keeps the next candidate from being tried.
const SLOW_MS = 250
// Half of what a peer takes, so that cancelled ones that it has not removed yet find room.
const MAX_ASKED_PER_SOURCE = MAX_OUTSTANDING / 2
const TICK_MS = 50
// Decompression happens on the thread pool, which has four threads by default.
const VERIFY_AT_ONCE = 8
// While chunks are open, the router is asked again for holders this often.
const SEARCH_AGAIN_MS = 5000
// An only source is given more time before it is left: nobody else could do better.
const ONLY_SOURCE_PATIENCE = 4

interface Task {
  readonly chunk: ChunkRef
  /** Sources that were asked and have not answered. */
  readonly from: Set<FetchSource>
  state: 'open' | 'asked' | 'arrived'
}

/**
 * Fetches chunks from several peers at once.
 *
 * Each source is kept busy with as much as its speed deserves. What is asked for or buffered counts
 * against one budget, so that whatever arrives can be taken at once and a slow consumer slows the
 * requests, not the connections. A chunk that a source does not deliver is open again at once. At the
 * end, idle sources duplicate what slow ones still owe, and the first copy wins.
 */
export class ChunkFetch {
  readonly #parts: ChunkFetchParts
  readonly #bufferBytes: number
  readonly #picker: ChunkPicker
  readonly #tasks = new Map<string, Task>()
  readonly #sources = new Set<FetchSource>()
  readonly #search: HolderSearch
  readonly #verifying = new Limit(VERIFY_AT_ONCE)
  readonly #ending = new AbortController()
  readonly #ready: SourcedFrame[] = []
  readonly #reasons = new Map<PeerId, string>()
  readonly #timer: NodeJS.Timeout
  #heldBytes = 0
  #tickedAt: number
  #searchedAt: number
  /** A source was lost since the router was asked last. */
  #searchAgain = false
  #finished = false
  #error: unknown
  #wake: (() => void) | undefined

  constructor(parts: ChunkFetchParts, request: FetchRequest, options: ChunkFetchOptions = {}) {
    this.#parts = parts
    this.#bufferBytes = options.bufferBytes ?? BUFFER_BYTES
    this.#picker = new ChunkPicker(request.chunks)
    for (const chunk of request.chunks) {
      this.#tasks.set(chunk.digest, { chunk, from: new Set(), state: 'open' })
    }
    this.#tickedAt = parts.now()
    this.#searchedAt = parts.now()
    this.#search = new HolderSearch(parts, request.manifest, request.holders, () => this.#pump())
    this.#search.start()
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
    this.#pump()
  }

  /** The next verified frame, or undefined once all were handed over; rejects with what ended the fetch. */
  async next(): Promise<SourcedFrame | undefined> {
    for (;;) {
      const frame = this.#ready.shift()
      if (frame !== undefined) {
        this.#heldBytes -= frame.bytes.length
        this.#pump()
        return frame
      }
      if (this.#error !== undefined) throw this.#error as Error
      if (this.#finished) return undefined
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  /** Ends the fetch at once; what is buffered is dropped. */
  abort(reason: unknown): void {
    this.#ready.length = 0
    this.#finish(reason)
  }

  /** Releases everything; safe to call at any time. */
  close(): void {
    this.#finish(undefined)
  }

  #finish(error: unknown): void {
    if (this.#finished) return
    this.#finished = true
    this.#error = error
    clearInterval(this.#timer)
    this.#search.close()
    this.#ending.abort()
    for (const source of this.#sources) this.#release(source)
    this.#wake?.()
  }

  #pump(): void {
    if (this.#finished) return
    if (this.#tasks.size === 0) {
      this.#finish(undefined)
      return
    }
    const load = (source: FetchSource): number => source.outstandingBytes / source.windowBytes
    for (const source of [...this.#sources].sort((a, b) => load(a) - load(b))) this.#feed(source)
    this.#openMore()
    this.#endIfStuck()
  }

  #feed(source: FetchSource): void {
    if (source.channel === undefined || !source.wantsMore) return
    const batch: ChunkRef[] = []
    while (
      source.outstandingBytes < source.windowBytes &&
      source.outstanding.size < MAX_ASKED_PER_SOURCE &&
      this.#heldBytes < this.#bufferBytes
    ) {
      const chunk = this.#picker.take(source.cursor)
      if (chunk === undefined) break
      const task = this.#tasks.get(chunk.digest)!
      task.state = 'asked'
      this.#heldBytes += chunk.bytes
      this.#ask(source, task)
      batch.push(chunk)
    }
    if (batch.length > 0) source.channel.want(batch)
  }

  #ask(source: FetchSource, task: Task): void {
    task.from.add(source)
    source.asked(task.chunk, this.#parts.now())
  }

  /** Opens as many sources as the work left is worth; slow and useless ones do not count. */
  #openMore(): void {
    const now = this.#parts.now()
    let workBytes = this.#picker.bytes
    let counted = 0
    for (const source of this.#sources) {
      if (source.isSlow(now, SLOW_MS)) workBytes += source.outstandingBytes
      else if (!this.#isUseless(source)) counted += 1
    }
    if (workBytes === 0) return
    const wanted = Math.min(MAX_SOURCES, 1 + Math.floor(workBytes / BYTES_PER_SOURCE))
    while (counted < wanted && this.#sources.size < 2 * MAX_SOURCES) {
      const candidate = this.#search.next()
      if (candidate === undefined) return
      void this.#open(candidate)
      counted += 1
    }
  }

  /** True for an open source that holds nothing of what is open. */
  #isUseless(source: FetchSource): boolean {
    return (
      source.channel !== undefined &&
      source.outstanding.size === 0 &&
      this.#picker.isDoneFor(source.cursor)
    )
  }

  async #open({ peerId, declared }: Candidate): Promise<void> {
    const source = new FetchSource(peerId, this.#parts.now())
    this.#sources.add(source)
    const receiver: ChannelReceiver = {
      frame: (chunk, bytes) => this.#take(source, chunk, bytes),
      missing: (chunk) => this.#lack(source, chunk),
      closed: (error) => this.#lost(source, error),
    }
    let channel: ChunkChannel | undefined
    try {
      const what = 'Opening a channel to a peer'
      channel = await withDeadline(OPEN_MS, what, this.#ending.signal, (signal) =>
        this.#parts.open(peerId, receiver, signal),
      )
      if (!declared && !(await this.#holdsSome(source, channel))) {
        this.#sources.delete(source)
        this.#search.release(peerId)
        channel.close()
      } else if (this.#sources.has(source)) {
        source.channel = channel
      }
    } catch (error) {
      channel?.close()
      this.#leave(source, error)
    }
    this.#pump()
  }

  /** Asks a peer that nobody named as a holder which of the open chunks it has. */
  async #holdsSome(source: FetchSource, channel: ChunkChannel): Promise<boolean> {
    const chunks = this.#picker.chunks().take(MAX_DIGESTS).toArray()
    if (chunks.length === 0) return false
    const digests = chunks.map((chunk) => chunk.digest)
    const held = await withDeadline(OPEN_MS, 'Asking a peer', this.#ending.signal, (signal) =>
      channel.have(digests, signal),
    )
    const lacking = digests.filter((_, index) => held[index] !== true)
    for (const digest of lacking) source.cursor.lacks.add(digest)
    return lacking.length < digests.length
  }

  #take(source: FetchSource, chunk: ChunkRef, bytes: Uint8Array): void {
    const now = this.#parts.now()
    source.delivered(chunk.digest, bytes.length, now)
    const task = this.#tasks.get(chunk.digest)
    if (task?.state === 'asked') {
      task.from.delete(source)
      for (const other of task.from) {
        other.settle(chunk.digest, now)
        other.channel?.cancel([chunk.digest])
      }
      task.from.clear()
      task.state = 'arrived'
      this.#heldBytes += bytes.length - chunk.bytes
      void this.#verify(source, task, bytes)
    }
    this.#pump()
  }

  async #verify(source: FetchSource, task: Task, bytes: Uint8Array): Promise<void> {
    const { chunk } = task
    const { peerId } = source
    try {
      using _turn = await this.#verifying.acquire(1, this.#ending.signal)
      await this.#parts.verify({ chunk, bytes })
    } catch (error) {
      if (this.#finished) return
      if (!isSwarmCacheError(error, 'ERR_INTEGRITY')) {
        this.#finish(error)
        return
      }
      publish('chunk:corrupt', { digest: chunk.digest, where: `peer ${peerId}` })
      this.#heldBytes -= bytes.length
      task.state = 'open'
      this.#picker.giveBack(chunk)
      this.#leave(source, error)
      this.#pump()
      return
    }
    if (this.#finished) return
    source.frames += 1
    publish('chunks:received', { tier: 'peers', bytes: bytes.length, peerId })
    this.#tasks.delete(chunk.digest)
    this.#ready.push({ chunk, bytes, tier: 'peers', peer: peerId })
    this.#wake?.()
    if (this.#tasks.size === 0) this.#finish(undefined)
  }

  #lack(source: FetchSource, chunk: ChunkRef): void {
    source.cursor.lacks.add(chunk.digest)
    this.#reopen(source, chunk)
    this.#pump()
  }

  /** The chunk will not come from this source; it is open again if no other was asked for it. */
  #reopen(source: FetchSource, chunk: ChunkRef): void {
    source.settle(chunk.digest, this.#parts.now())
    const task = this.#tasks.get(chunk.digest)
    if (task === undefined) return
    task.from.delete(source)
    if (task.state !== 'asked' || task.from.size > 0) return
    task.state = 'open'
    this.#heldBytes -= chunk.bytes
    this.#picker.giveBack(chunk)
  }

  #lost(source: FetchSource, error: Error): void {
    const ended = isSwarmCacheError(error, 'ERR_CLOSED')
    if (ended && source.outstanding.size === 0 && source.frames > 0) {
      // A peer may end what is not used; it is opened again when there is something to ask.
      if (!this.#sources.delete(source)) return
      this.#release(source)
      this.#search.release(source.peerId)
      this.#search.add(source.peerId, true)
    } else {
      this.#leave(source, error)
    }
    this.#pump()
  }

  /** Gives a source up and what it owes to others. */
  #leave(source: FetchSource, error: unknown): void {
    if (this.#finished) return
    const reason = errorMessage(error)
    const misbehaved =
      isSwarmCacheError(error, 'ERR_FRAME') || isSwarmCacheError(error, 'ERR_INTEGRITY')
    const { peerId } = source
    if (this.#sources.delete(source)) {
      this.#release(source)
      for (const { chunk } of source.outstanding.values()) this.#reopen(source, chunk)
    } else if (!misbehaved) {
      return
    }
    this.#parts.peers.failed(peerId, reason, misbehaved)
    this.#reasons.set(peerId, reason)
    this.#searchAgain = true
    if (!misbehaved) this.#search.release(peerId)
  }

  #release(source: FetchSource): void {
    source.channel?.close()
    const outcome = source.outcome(this.#parts.now())
    if (outcome !== undefined) this.#parts.peers.succeeded(source.peerId, outcome)
  }

  #tick(): void {
    const now = this.#parts.now()
    const elapsedMs = now - this.#tickedAt
    this.#tickedAt = now
    const lateMs = Math.max(0, elapsedMs - 2 * TICK_MS)
    const open = [...this.#sources].filter((source) => source.channel !== undefined)
    for (const source of open) {
      source.tick(now, elapsedMs, lateMs)
      const alone = open.length === 1 && !this.#search.hasNext
      const reason = source.stallReason(now, alone ? ONLY_SOURCE_PATIENCE : 1)
      if (reason !== undefined) this.#leave(source, new SwarmCacheError('ERR_TIMEOUT', reason))
    }
    if (now - this.#searchedAt > SEARCH_AGAIN_MS && this.#sources.size < MAX_SOURCES) {
      this.#searchedAt = now
      this.#search.start()
    }
    this.#pump()
    if (!this.#finished) this.#duplicateTail(now)
  }

  #duplicateTail(now: number): void {
    const copiesOf = (chunk: ChunkRef): number =>
      this.#tasks.get(chunk.digest)?.from.size ?? MAX_COPIES
    for (const source of this.#sources) {
      if (source.channel === undefined || source.outstanding.size > 0) continue
      const chunks = chunksToDuplicate(source, this.#sources, copiesOf, now)
      for (const chunk of chunks) this.#ask(source, this.#tasks.get(chunk.digest)!)
      if (chunks.length > 0) source.channel.want(chunks)
    }
  }

  /** Ends the fetch if chunks are left that no source and no candidate can supply. */
  #endIfStuck(): void {
    if (this.#picker.size === 0 || this.#heldBytes >= this.#bufferBytes) return
    for (const source of this.#sources) {
      if (source.channel === undefined || source.outstanding.size > 0) return
    }
    if (this.#search.isSearching || this.#search.hasNext) return
    if (this.#searchAgain) {
      this.#searchAgain = false
      this.#search.start()
      return
    }
    const reasons = [...this.#reasons].map(([peerId, reason]) => `${peerId}: ${reason}`)
    const why = reasons.length === 0 ? 'no peer holds them' : reasons.join('; ')
    this.#finish(
      new SwarmCacheError(
        'ERR_PEER',
        `No peer is left that could supply ${this.#picker.size} more chunks (${why}).`,
        { facts: { chunks: this.#picker.size } },
      ),
    )
  }
}
