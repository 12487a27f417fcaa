import type { ByteRate } from '../async/byte-rate.ts'
import type { Frame, SourcedFrame } from '../core/chunk.ts'
import { isMalformed, isSwarmCacheError, SwarmCacheError } from '../core/errors.ts'
import { publish } from '../core/events.ts'
import { freeMemory } from '../core/free-memory.ts'
import type { Digest } from '../core/digest.ts'
import type { ChunkRef } from '../core/manifest.ts'
import type { PeerId } from '../core/peer.ts'
import { ChunkPicker, isOnlyAskedOfFull } from './chunk-picker.ts'
import type { Task } from './chunk-picker.ts'
import { chunksToRescue } from './endgame.ts'
import type { FetchSource } from './fetch-source.ts'
import { FetchSources } from './fetch-sources.ts'
import type { FetchSourcesParts } from './fetch-sources.ts'
import { MAX_OUTSTANDING } from './transfer-wire.ts'
import type { FetchRequest, Priority } from './transfer.ts'

/** What a fetch needs. */
export interface ChunkFetchParts extends FetchSourcesParts {
  /**
   * Rejects if the frame is not what its chunk names; resolves to its bytes, and may have moved them, so that
   * those given are not used any more.
   */
  readonly verify: (frame: Frame) => Promise<Uint8Array>
  /** How fast all fetches together may be. */
  readonly rate?: ByteRate
  /** Calls back every so many milliseconds, until the returned function is called; a timer by default. */
  readonly every?: (milliseconds: number, callback: () => void) => () => void
  readonly random?: () => number
}

/** Tunables of a fetch. */
export interface ChunkFetchOptions {
  /** Bytes asked for or waiting for the consumer at most. */
  readonly bufferBytes?: number
}

const BUFFER_BYTES = 16 * 1024 * 1024
// On a slow link so much would be on its way for minutes, and each of its sources would take it for dead.
const AHEAD_MS = 3000
const LEAST_AHEAD_BYTES = 1024 * 1024
// Half of what a peer takes, so that cancelled ones that it has not removed yet find room.
const MAX_ASKED_PER_SOURCE = MAX_OUTSTANDING / 2
const TICK_MS = 50
// A request is sent when at least this part of what a source may owe is free.
const WORTH_ASKING = 0.25
// In a crowd a full holder relieves others only if much is gained: its bytes are the scarce ones.
const GAIN_MS = 50
const FULL_GAIN_MS = 400
// Before the end whoever asks twice for a chunk has it take the place of another on the same link.
const ENDING_MS = 300
// Those that fetch the same may get chunks from elsewhere for as long as something came within this time.
const CROWD_GRACE_MS = 1000

/**
 * Fetches chunks from several peers at once, and with others that fetch the same.
 *
 * Each source is kept busy with as much as its speed deserves. What is asked for or buffered counts
 * against one budget, so that whatever arrives can be taken at once and a slow consumer slows the
 * requests, not the connections. A chunk that a source does not deliver is open again at once. Idle
 * sources take over what slow ones owe; of the last chunks two copies are asked for, and the first wins.
 */
export class ChunkFetch {
  readonly #parts: ChunkFetchParts
  readonly #bufferBytes: number
  readonly #priority: Priority | undefined
  readonly #picker: ChunkPicker
  readonly #sources: FetchSources
  readonly #verify: (frame: Frame, peerId: PeerId) => Promise<Uint8Array>
  readonly #ready: SourcedFrame[] = []
  readonly #stopTicking: () => void
  #heldBytes = 0
  /** What may be held: as much as comes in a while, once it is known how much that is. */
  #mayHoldBytes: number
  #tickedAt: number
  /** Further chunks may be added. */
  #growing: boolean
  #finished = false
  #error: unknown
  #wake: (() => void) | undefined

  constructor(parts: ChunkFetchParts, request: FetchRequest, options: ChunkFetchOptions = {}) {
    const { random = Math.random, every = everyByTimer } = parts
    this.#parts = parts
    const { verify, priority } = request
    this.#priority = priority
    this.#verify =
      verify === undefined
        ? parts.verify
        : async (frame, peerId) => {
            await verify(frame, peerId)
            return frame.bytes
          }
    this.#bufferBytes = options.bufferBytes ?? BUFFER_BYTES
    this.#mayHoldBytes = this.#bufferBytes
    this.#picker = new ChunkPicker(request.chunks, random)
    this.#tickedAt = parts.now()
    this.#growing = request.more !== undefined
    const listener = {
      frame: (source: FetchSource, chunk: ChunkRef, bytes: Uint8Array) =>
        this.#take(source, chunk, bytes),
      missing: (source: FetchSource, chunk: ChunkRef) => this.#lack(source, chunk),
      offered: (digests: readonly Digest[]) => this.#spareFull(digests),
      lost: (source: FetchSource) => this.#lost(source),
      changed: () => this.#pump(),
    }
    this.#sources = new FetchSources(parts, request, this.#picker, listener, random)
    this.#stopTicking = every(TICK_MS, () => this.#tick())
    if (request.more !== undefined) void this.#grow(request.more)
    this.#pump()
  }

  /** The next verified frame, or undefined once all were handed over; rejects with what ended the fetch. */
  async next(): Promise<SourcedFrame | undefined> {
    for (;;) {
      const frame = this.#ready.shift()
      if (frame !== undefined) {
        this.#heldBytes -= frame.bytes.length
        this.#parts.crowds.arrived(frame.chunk.digest)
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
    this.#stopTicking()
    this.#sources.close()
    this.#wake?.()
  }

  async #grow(more: AsyncIterable<readonly ChunkRef[]>): Promise<void> {
    try {
      for await (const chunks of more) {
        if (this.#finished) return
        this.#picker.add(chunks)
        this.#pump()
      }
    } catch (error) {
      this.#finish(error)
    }
    this.#growing = false
    this.#pump()
  }

  get #isComplete(): boolean {
    return this.#picker.left === 0 && !this.#growing
  }

  #pump(): void {
    // Sources may speak up before the constructor is through.
    if (this.#finished || this.#sources === undefined) return
    if (this.#isComplete) {
      this.#finish(undefined)
      return
    }
    const { all, inCrowd } = this.#sources
    const load = (source: FetchSource): number =>
      source.outstandingBytes / source.windowBytes(inCrowd) + (source.isFull && inCrowd ? 1 : 0)
    let isThrottled = false
    for (const source of [...all].sort((a, b) => load(a) - load(b))) {
      isThrottled = this.#parts.rate?.isOpen === false
      if (isThrottled) break
      this.#feed(source)
    }
    this.#sources.openMore()
    // Those that were not asked for the sake of the rate may have what is left.
    if (!isThrottled) this.#endIfStuck()
  }

  #feed(source: FetchSource): void {
    if (source.channel === undefined) return
    const { inCrowd } = this.#sources
    const windowBytes = source.windowBytes(inCrowd)
    if (source.outstandingBytes > windowBytes * (1 - WORTH_ASKING)) return
    const bytes = Math.min(
      windowBytes - source.outstandingBytes,
      this.#mayHoldBytes - this.#heldBytes,
    )
    const count = MAX_ASKED_PER_SOURCE - source.outstanding.size
    if (bytes <= 0 || count <= 0) return
    const now = this.#parts.now()
    const tasks = this.#picker.pick(source, { bytes, count, now, inCrowd })
    for (const task of tasks) if (task.from.size === 0) this.#heldBytes += task.chunk.bytes
    this.#withdraw(tasks)
    this.#ask(source, tasks)
  }

  #ask(source: FetchSource, tasks: readonly Task[]): void {
    if (tasks.length === 0) return
    const now = this.#parts.now()
    for (const task of tasks) {
      task.from.add(source)
      source.asked(task.chunk, now)
      this.#parts.rate?.spend(task.chunk.bytes)
    }
    source.channel!.want(
      tasks.map(({ chunk }) => chunk),
      this.#priority,
    )
  }

  /** Takes tasks back from the sources that were asked for them. */
  #withdraw(tasks: readonly Task[]): void {
    const now = this.#parts.now()
    const cancelled = new Map<FetchSource, string[]>()
    for (const task of tasks) {
      for (const source of task.from) {
        const digests = cancelled.get(source) ?? []
        cancelled.set(source, digests)
        digests.push(task.chunk.digest)
        source.settle(task.chunk.digest, now)
        if (!source.isFull) source.offers.add(task.chunk.digest)
      }
      task.from.clear()
    }
    for (const [source, digests] of cancelled) source.channel?.cancel(digests)
  }

  /** In a crowd full holders are to send what nobody else has. */
  #spareFull(digests: readonly Digest[]): void {
    if (!this.#sources.inCrowd) return
    const tasks = digests
      .map((digest) => this.#picker.get(digest))
      .filter((task) => task?.state === 'asked' && isOnlyAskedOfFull(task)) as Task[]
    this.#withdraw(tasks)
    for (const task of tasks) {
      this.#heldBytes -= task.chunk.bytes
      this.#picker.giveBack(task)
    }
  }

  #take(source: FetchSource, chunk: ChunkRef, bytes: Uint8Array): void {
    source.delivered(chunk.digest, bytes.length, this.#parts.now())
    this.#sources.hasNews()
    const task = this.#picker.get(chunk.digest)
    if (task?.state === 'asked' || task?.state === 'open') {
      // Nobody owes it any more if it was cancelled too late.
      if (task.state === 'open') this.#heldBytes += chunk.bytes
      task.from.delete(source)
      this.#withdraw([task])
      this.#picker.arrived(task)
      this.#heldBytes += bytes.length - chunk.bytes
      void this.#check(source, task, bytes)
    } else {
      freeMemory(bytes)
    }
    this.#pump()
  }

  async #check(source: FetchSource, task: Task, received: Uint8Array): Promise<void> {
    const { chunk } = task
    const { peerId } = source
    const size = received.length
    let bytes: Uint8Array
    try {
      bytes = await this.#verify({ chunk, bytes: received }, peerId)
    } catch (error) {
      if (this.#finished) return
      if (!isSwarmCacheError(error, 'ERR_INTEGRITY') || isMalformed(error)) {
        this.#finish(error)
        return
      }
      publish('chunk:corrupt', { digest: chunk.digest, where: `peer ${peerId}` })
      this.#heldBytes -= size
      this.#picker.giveBack(task)
      this.#sources.leave(source, error)
      this.#pump()
      return
    }
    if (this.#finished) return
    source.frames += 1
    publish('chunks:received', { tier: 'peers', bytes: bytes.length, peerId })
    this.#picker.done(task)
    this.#ready.push({ chunk, bytes, tier: 'peers', peer: peerId, isOwned: true })
    this.#wake?.()
    if (this.#isComplete) this.#finish(undefined)
  }

  #lack(source: FetchSource, chunk: ChunkRef): void {
    this.#reopen(source, chunk)
    this.#sources.lacks(source, chunk.digest)
    this.#pump()
  }

  #lost(source: FetchSource): void {
    for (const { chunk } of source.outstanding.values()) this.#reopen(source, chunk)
  }

  /** The chunk will not come from this source; it is open again if no other was asked for it. */
  #reopen(source: FetchSource, chunk: ChunkRef): void {
    source.settle(chunk.digest, this.#parts.now())
    const task = this.#picker.get(chunk.digest)
    if (task === undefined) return
    task.from.delete(source)
    if (task.state !== 'asked' || task.from.size > 0) return
    this.#heldBytes -= chunk.bytes
    this.#picker.giveBack(task)
  }

  #tick(): void {
    const now = this.#parts.now()
    const elapsedMs = now - this.#tickedAt
    this.#tickedAt = now
    this.#sources.tick(now, elapsedMs, Math.max(0, elapsedMs - 2 * TICK_MS))
    const aheadBytes = this.#sources.bytesPerMs * AHEAD_MS
    if (aheadBytes > 0) {
      this.#mayHoldBytes = Math.min(this.#bufferBytes, Math.max(LEAST_AHEAD_BYTES, aheadBytes))
    }
    this.#pump()
    if (!this.#finished) this.#rescue(now)
  }

  #rescue(now: number): void {
    const { all, inCrowd } = this.#sources
    const mayCopy = this.#isEnding
    for (const source of all) {
      if (source.channel === undefined || source.outstanding.size > 0) continue
      const gainMs = inCrowd && source.isFull ? FULL_GAIN_MS : GAIN_MS
      const taskOf = (digest: string): Task | undefined => this.#picker.get(digest)
      const { copied, moved } = chunksToRescue(source, all, { now, taskOf, gainMs, mayCopy })
      this.#withdraw(moved)
      this.#ask(source, [...copied, ...moved])
    }
  }

  /** True if all that was asked for will soon be here, so that what is late is worth having twice. */
  get #isEnding(): boolean {
    const { all, bytesPerMs } = this.#sources
    let owedBytes = 0
    for (const source of all) owedBytes += source.outstandingBytes
    return owedBytes < bytesPerMs * ENDING_MS
  }

  /** Ends the fetch if chunks are left that no source and no candidate can supply. */
  #endIfStuck(): void {
    const { open } = this.#picker
    if (open === 0 || this.#heldBytes >= this.#mayHoldBytes || this.#sources.mayGain) return
    const { inCrowd, newsAt, reasons } = this.#sources
    if (this.#sources.mayRecover) return
    if (this.#sources.searchOnceMore()) return
    if (inCrowd && this.#parts.now() - newsAt < CROWD_GRACE_MS) return
    const why = reasons === '' ? 'no peer holds them' : reasons
    this.#finish(
      new SwarmCacheError(
        'ERR_PEER',
        `No peer is left that could supply ${open} more chunks (${why}).`,
        { facts: { chunks: open } },
      ),
    )
  }
}

function everyByTimer(milliseconds: number, callback: () => void): () => void {
  const timer = setInterval(callback, milliseconds)
  return () => clearInterval(timer)
}
