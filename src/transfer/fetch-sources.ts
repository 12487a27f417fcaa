import { withDeadline } from '../async/deadline.ts'
import type { Digest } from '../core/digest.ts'
import { errorMessage, isSwarmCacheError, SwarmCacheError } from '../core/errors.ts'
import type { ChunkRef } from '../core/manifest.ts'
import type { PeerId } from '../core/peer.ts'
import type { ChunkChannel, OpenChannel, WatchAnswer } from './chunk-channel.ts'
import type { ChunkPicker } from './chunk-picker.ts'
import type { Crowds } from './crowds.ts'
import { FetchSource } from './fetch-source.ts'
import { HolderSearch } from './holder-search.ts'
import type { Candidate, Hint, HolderSearchParts } from './holder-search.ts'
import type { FetchRequest } from './transfer.ts'

/** What sources are made of. */
export interface FetchSourcesParts extends HolderSearchParts {
  readonly open: OpenChannel
  readonly crowds: Crowds
  readonly now: () => number
}

/** Hears what the sources do. */
export interface FetchSourcesListener {
  frame(source: FetchSource, chunk: ChunkRef, bytes: Uint8Array): void
  missing(source: FetchSource, chunk: ChunkRef): void
  /** A holder of a part offers chunks. */
  offered(digests: readonly Digest[]): void
  /** The source will not deliver what it owes. */
  lost(source: FetchSource): void
  /** Something changed: there may be more to ask for. */
  changed(): void
}

const MAX_SOURCES = 8
// In a crowd most sources have little to give at any moment.
const MAX_CROWD_SOURCES = 12
// A further source pays from about this much left to fetch.
const BYTES_PER_SOURCE = 1024 * 1024
const OPEN_MS = 3000
// A source that is silent for longer no longer keeps the next candidate from being tried.
const SLOW_MS = 250
// An only source is given more time before it is left: nobody else could do better. In a crowd everybody waits.
const ONLY_SOURCE_PATIENCE = 4
const CROWD_PATIENCE = 3
// Chunks that a source is asked about at a time, and how many of them are left when it is asked about more.
const MAX_WATCHED = 2048
const WATCH_MORE_AT = 512
// Where chunks are added all the time, each source is asked about them so often; it costs both sides a look at each.
const WATCH_AGAIN_MS = 250
// One that claims to hold everything and lacks more than this is no use.
const MAX_LACKS = 1024
// Asking everybody for more holders than are known costs more than a short fetch. After that the router is asked more
// and more rarely, each node at a time of its own.
const FIRST_SEARCH_MS = 250
const FIRST_SEARCH_AGAIN_MS = 1000
const LAST_SEARCH_AGAIN_MS = 5000
// A peer that stalled may only have been busy: with nobody else left, it is waited for so long after the last news.
const RECOVERY_MS = 6000

/** The peers that one fetch takes chunks from: finds, opens, watches and leaves them. */
export class FetchSources {
  readonly #parts: FetchSourcesParts
  readonly #manifest: Digest
  readonly #picker: ChunkPicker
  readonly #listener: FetchSourcesListener
  /** The request may name further chunks. */
  readonly #grows: boolean
  readonly #random: () => number
  readonly #sources = new Set<FetchSource>()
  readonly #search: HolderSearch
  readonly #reasons = new Map<PeerId, string>()
  readonly #stalled = new Set<PeerId>()
  readonly #ending = new AbortController()
  readonly #leaveCrowd: () => void
  #searchAgainMs = FIRST_SEARCH_AGAIN_MS
  #searchAt: number
  /** A source was lost since the router was asked last, or it was not asked yet. */
  #searchAgain = true
  #inCrowd = false
  #newsAt: number

  constructor(
    parts: FetchSourcesParts,
    request: FetchRequest,
    picker: ChunkPicker,
    listener: FetchSourcesListener,
    random: () => number,
  ) {
    this.#parts = parts
    this.#manifest = request.manifest
    this.#grows = request.more !== undefined
    this.#picker = picker
    this.#listener = listener
    this.#random = random
    this.#newsAt = parts.now()
    this.#searchAt = parts.now() + this.#jittered(FIRST_SEARCH_MS)
    this.#search = new HolderSearch(parts, request.manifest, request.holders, () =>
      listener.changed(),
    )
    this.#leaveCrowd = parts.crowds.fetch(request.manifest, (peerId) => this.#join([peerId]))
    if (request.holders.length === 0) this.#searchNow()
  }

  /** All that are open or opening. */
  get all(): ReadonlySet<FetchSource> {
    return this.#sources
  }

  /** True once others are known to fetch the same. */
  get inCrowd(): boolean {
    return this.#inCrowd
  }

  /** What all sources together deliver at present. */
  get bytesPerMs(): number {
    let sum = 0
    for (const source of this.#sources) sum += source.bytesPerMs
    return sum
  }

  /** When a source last delivered something or got something to offer. */
  get newsAt(): number {
    return this.#newsAt
  }

  /** True while a source, or a candidate for one, may come up with something. */
  get mayGain(): boolean {
    if (this.#search.isSearching || this.#search.hasNext) return true
    for (const source of this.#sources) {
      if (source.channel === undefined || source.outstanding.size > 0) return true
    }
    return false
  }

  /** True while a peer that stalled, and is left alone for a while, is the last hope. */
  get mayRecover(): boolean {
    return this.#stalled.size > 0 && this.#parts.now() - this.#newsAt < RECOVERY_MS
  }

  /** Why peers were left, for people. */
  get reasons(): string {
    return [...this.#reasons].map(([peerId, reason]) => `${peerId}: ${reason}`).join('; ')
  }

  /** Asks the router once more if a source was lost since; false if that would be no use. */
  searchOnceMore(): boolean {
    if (!this.#searchAgain) return false
    this.#searchNow()
    return true
  }

  /** Opens as many sources as the work left is worth; slow and useless ones do not count. */
  openMore(): void {
    const now = this.#parts.now()
    let workBytes = this.#picker.openBytes
    let counted = 0
    for (const source of this.#sources) {
      if (source.isSlow(now, SLOW_MS)) workBytes += source.outstandingBytes
      else if (source.channel === undefined || source.outstanding.size > 0 || source.isFetching) {
        counted += 1
      }
    }
    if (workBytes === 0 && !this.#inCrowd) return
    const wanted = this.#inCrowd
      ? MAX_CROWD_SOURCES
      : Math.min(MAX_SOURCES, 1 + Math.floor(workBytes / BYTES_PER_SOURCE))
    while (counted < wanted && this.#sources.size < 2 * MAX_SOURCES) {
      const candidate = this.#search.next()
      if (candidate === undefined) return
      void this.#open(candidate)
      counted += 1
    }
  }

  /** Takes stock after `elapsedMs`, `lateMs` of which this process was busy: leaves who stalls, looks for more. */
  tick(now: number, elapsedMs: number, lateMs: number): void {
    const open = [...this.#sources].filter((source) => source.channel !== undefined)
    const alone = open.length === 1 && !this.#search.hasNext
    const patience = alone ? ONLY_SOURCE_PATIENCE : this.#inCrowd ? CROWD_PATIENCE : 1
    for (const source of open) {
      source.tick(now, elapsedMs, lateMs)
      const reason = source.stallReason(now, patience)
      if (reason !== undefined) this.leave(source, new SwarmCacheError('ERR_TIMEOUT', reason))
      else if (!source.isFull || this.#grows) this.#watchMore(source)
    }
    // Those of a crowd name each other, which costs less than asking everybody again.
    if (now < this.#searchAt || (this.#inCrowd && this.#sources.size > 1)) return
    if (this.#sources.size >= MAX_SOURCES) return
    this.#searchNow()
    this.#searchAgainMs = Math.min(LAST_SEARCH_AGAIN_MS, this.#searchAgainMs * 1.5)
  }

  /** Something arrived. */
  hasNews(): void {
    this.#newsAt = this.#parts.now()
  }

  /** A chunk that the source was taken to hold is not there. */
  lacks(source: FetchSource, digest: Digest): void {
    if (!source.isFull) return
    source.lacks.add(digest)
    if (source.lacks.size <= MAX_LACKS) return
    this.leave(source, new SwarmCacheError('ERR_PEER', 'it lacks most of what it said to hold'))
  }

  /** Gives a source up. */
  leave(source: FetchSource, error: unknown): void {
    if (this.#ending.signal.aborted) return
    // What is on its way from a peer that is left is not worth waiting for.
    source.channel?.abort()
    const reason = errorMessage(error)
    const misbehaved =
      isSwarmCacheError(error, 'ERR_FRAME') || isSwarmCacheError(error, 'ERR_INTEGRITY')
    if (!this.#remove(source) && !misbehaved) return
    const { peerId } = source
    this.#parts.peers.failed(peerId, reason, misbehaved)
    this.#reasons.set(peerId, reason)
    this.#searchAgain = true
    if (!misbehaved) this.#search.release(peerId)
    // One that was silent may only have been busy: it is tried again when the router lets it.
    if (!isSwarmCacheError(error, 'ERR_TIMEOUT')) this.#stalled.delete(peerId)
    else if (this.#search.add(peerId, source.isFull ? 'holder' : 'named')) this.#stalled.add(peerId)
  }

  close(): void {
    this.#ending.abort()
    this.#search.close()
    this.#leaveCrowd()
    for (const source of this.#sources) this.#release(source)
  }

  #searchNow(): void {
    this.#searchAgain = false
    this.#searchAt = this.#parts.now() + this.#jittered(this.#searchAgainMs)
    this.#search.start()
  }

  #jittered(milliseconds: number): number {
    return milliseconds * (0.75 + 0.5 * this.#random())
  }

  /** Others fetch the same. */
  #join(peerIds: readonly PeerId[]): void {
    if (peerIds.length === 0) return
    this.#inCrowd = true
    let found = false
    for (const peerId of peerIds) found = this.#search.add(peerId, 'reader') || found
    if (found) this.#listener.changed()
  }

  async #open({ peerId, hint }: Candidate): Promise<void> {
    const source = new FetchSource(peerId, this.#parts.now(), hint === 'holder')
    this.#sources.add(source)
    const { signal } = this.#ending
    let channel: ChunkChannel | undefined
    try {
      channel = await withDeadline(OPEN_MS, 'Opening a channel to a peer', signal, (opening) =>
        this.#parts.open(
          peerId,
          {
            frame: (chunk, bytes) => this.#listener.frame(source, chunk, bytes),
            missing: (chunk) => this.#listener.missing(source, chunk),
            gained: (digests) => this.#gained(source, digests),
            closed: (error) => this.#closed(source, error),
          },
          opening,
        ),
      )
      if (!this.#sources.has(source)) channel.close()
      // A holder of all is asked at once; what it says of what it has follows.
      else if (source.isFull) source.channel = channel
      void this.#watch(source, channel, hint)
    } catch (error) {
      channel?.abort()
      if (hint === 'reader') this.#forget(source)
      else this.leave(source, error)
    }
    this.#listener.changed()
  }

  async #watch(source: FetchSource, channel: ChunkChannel, hint?: Hint): Promise<void> {
    // Only the last watch counts: where it comes again with every few chunks, those before are part of it.
    const first = this.#grows ? 0 : source.watchedTo
    const tasks = this.#picker.from(first).take(MAX_WATCHED).toArray()
    if (tasks.length === 0) {
      if (!this.#grows || !this.#sources.has(source)) return
      source.watchedTo = this.#picker.count
      source.channel = channel
      return
    }
    const isAll = this.#grows && tasks.length < MAX_WATCHED
    const watchedTo = isAll ? this.#picker.count : tasks.at(-1)!.number + 1
    const digests = tasks.map(({ chunk }) => chunk.digest)
    source.isWatching = true
    source.watchedAt = this.#parts.now()
    try {
      const what = 'Asking a peer what it holds'
      const answer = await withDeadline(OPEN_MS, what, this.#ending.signal, (signal) =>
        channel.watch({ manifest: this.#manifest, digests, grows: this.#grows }, signal),
      )
      if (!this.#sources.has(source)) return
      source.isWatching = false
      source.watchedTo = watchedTo
      this.#learn(source, digests, answer)
      const isOfUse = source.isFull || source.isFetching || source.offers.size > 0
      if (isOfUse || hint !== 'connected') source.channel = channel
      else this.#forget(source, channel)
    } catch (error) {
      // The source does not have the channel yet if it has not said what it holds.
      if (this.#ending.signal.aborted) channel.close()
      else channel.abort()
      this.leave(source, error)
    }
    this.#listener.changed()
  }

  /** A source that holds parts is asked about more when little is left of what it was asked about. */
  #watchMore(source: FetchSource): void {
    const { channel, watchedTo, isWatching } = source
    if (channel === undefined || isWatching) return
    if (watchedTo >= this.#picker.count || (watchedTo === 0 && !this.#grows)) return
    if (this.#grows && this.#parts.now() - source.watchedAt < WATCH_AGAIN_MS) return
    if (this.#picker.fewLeftBefore(watchedTo, WATCH_MORE_AT)) void this.#watch(source, channel)
  }

  #learn(source: FetchSource, digests: readonly Digest[], answer: WatchAnswer): void {
    const wasWatched = source.offers.size > 0 || source.isFetching
    source.isFetching = answer.fetching
    if (answer.fetching) this.#inCrowd = true
    this.#join(answer.readers)
    const holdsAll = answer.held.every(Boolean) && !answer.fetching && !wasWatched
    if (holdsAll) {
      source.isFull = true
      return
    }
    this.#picker.setPartial(source)
    this.#gained(
      source,
      digests.filter((_, index) => answer.held[index] === true),
    )
  }

  #gained(source: FetchSource, digests: readonly Digest[]): void {
    if (source.isFull || digests.length === 0) return
    const now = this.#parts.now()
    for (const digest of digests) this.#picker.offer(source, digest, now)
    this.#newsAt = now
    this.#listener.offered(digests)
    this.#listener.changed()
  }

  #closed(source: FetchSource, error: Error): void {
    const ended = isSwarmCacheError(error, 'ERR_CLOSED')
    if (ended && source.outstanding.size === 0 && source.frames > 0) {
      // A peer may end what is not used; it is opened again when there is something to ask.
      if (!this.#forget(source)) return
      this.#search.add(source.peerId, source.isFull ? 'holder' : 'named')
    } else {
      this.leave(source, error)
    }
    this.#listener.changed()
  }

  /** Gives a source up without blame. */
  #forget(source: FetchSource, channel?: ChunkChannel): boolean {
    channel?.close()
    if (!this.#remove(source)) return false
    this.#search.release(source.peerId)
    return true
  }

  #remove(source: FetchSource): boolean {
    if (!this.#sources.delete(source)) return false
    this.#release(source)
    this.#picker.remove(source)
    this.#listener.lost(source)
    return true
  }

  #release(source: FetchSource): void {
    source.channel?.close()
    const outcome = source.outcome(this.#parts.now())
    if (outcome !== undefined) this.#parts.peers.succeeded(source.peerId, outcome)
  }
}
