import type { Digest } from '../core/digest.ts'
import type { ChunkRef } from '../core/manifest.ts'
import type { PeerId, PeerOutcome } from '../core/peer.ts'
import type { ChunkChannel } from './chunk-channel.ts'

// In flight before anything is known of a peer: enough for 100 Mbit/s at 80 ms.
const FIRST_WINDOW_BYTES = 1024 * 1024
const MIN_WINDOW_BYTES = 256 * 1024
const MAX_WINDOW_BYTES = 8 * 1024 * 1024
// The window holds twice what the peer delivers in this time, or in two round trips if that is longer.
const WINDOW_MS = 50
// Of what partial holders are asked for, less: what they owe nobody else can be asked for.
const PARTIAL_WINDOW_BYTES = 512 * 1024
const MAX_PARTIAL_WINDOW_BYTES = 1024 * 1024
const PARTIAL_WINDOW_MS = 80
// A crowd's full holder chooses from what all want of it what nobody was given; it must have a choice.
const CROWD_WINDOW_BYTES = 3 * 1024 * 1024
// What a source is taken to deliver before it has been measured: 2.5 MB/s.
const ASSUMED_BYTES_PER_MS = 2500
const RATE_WEIGHT = 0.3
// A peer that delivers nothing for this long is left; sooner if its answers used to take far less.
const MAX_STALL_MS = 2000
const MIN_STALL_MS = 600
const STALL_LATENCIES = 20
// A peer that dribbles is never silent: no chunk at all in this time is as bad.
const MAX_FRAME_GAP_MS = 20_000

/** One peer that chunks are fetched from: what it was asked for, how fast it is, whether it has stalled. */
export class FetchSource {
  readonly peerId: PeerId
  readonly openedAt: number
  /** True if it is taken to hold everything but what it lacks; false if it holds only what it offers. */
  isFull: boolean
  readonly lacks: Set<Digest> = new Set()
  /** Chunks that it has said to hold and that were not asked of it yet; only of one that is not full. */
  readonly offers: Set<Digest> = new Set()
  /** True if it gets more itself. */
  isFetching = false
  /** Number in the request of the first chunk that it was not asked about. */
  watchedTo = 0
  isWatching = false
  /** When it was asked last what it holds. */
  watchedAt: number = -Infinity
  /** Set once the channel is open and the source may be asked. */
  channel: ChunkChannel | undefined
  /** When each chunk was asked for, the oldest first. */
  readonly outstanding: Map<Digest, { chunk: ChunkRef; askedAt: number }> = new Map()
  outstandingBytes = 0
  /** Frames delivered that proved good. */
  frames = 0
  #bytes = 0
  #busyMs = 0
  #busySince = 0
  #lastFrameAt = 0
  #progressAt = 0
  #seenBytes = 0
  #tickBytes = 0
  #bytesPerMs: number | undefined
  #bestBytesPerMs = 0
  #latencyMs: number | undefined

  constructor(peerId: PeerId, now: number, isFull: boolean) {
    this.peerId = peerId
    this.openedAt = now
    this.isFull = isFull
  }

  /** How much it may owe, alone or in a crowd that fetches the same. */
  windowBytes(inCrowd: boolean): number {
    const rate = this.#bytesPerMs
    if (!this.isFull && inCrowd) {
      const bytes = 2 * (rate ?? 0) * Math.max(PARTIAL_WINDOW_MS, this.#latencyMs ?? 0)
      return Math.min(MAX_PARTIAL_WINDOW_BYTES, Math.max(PARTIAL_WINDOW_BYTES, bytes))
    }
    const least = inCrowd ? CROWD_WINDOW_BYTES : MIN_WINDOW_BYTES
    if (rate === undefined) return Math.max(least, FIRST_WINDOW_BYTES)
    const spanMs = Math.max(WINDOW_MS, 2 * (this.#latencyMs ?? 0))
    return Math.min(MAX_WINDOW_BYTES, Math.max(least, 2 * rate * spanMs))
  }

  /** True if it is known, or taken, to hold the chunk. */
  holds(digest: Digest): boolean {
    return this.isFull ? !this.lacks.has(digest) : this.offers.has(digest)
  }

  /** What it delivers at present. */
  get bytesPerMs(): number {
    return this.#bytesPerMs ?? 0
  }

  /** How long so many bytes that it owes will take at the rate it has now. */
  expectedMs(bytes: number): number {
    const rate = this.#bytesPerMs ?? ASSUMED_BYTES_PER_MS
    // Of a source that has stopped nothing is expected soon.
    return rate < 1 ? Infinity : (this.#latencyMs ?? 0) + bytes / rate
  }

  /** How long so many bytes would take if they were asked of it, at a cautious share of the best it has shown. */
  possibleMs(bytes: number): number {
    const rate = Math.max(this.#bytesPerMs ?? ASSUMED_BYTES_PER_MS, this.#bestBytesPerMs / 4)
    return rate < 1 ? Infinity : (this.#latencyMs ?? 0) + bytes / rate
  }

  asked(chunk: ChunkRef, now: number): void {
    if (this.outstanding.size === 0) {
      this.#busySince = now
      this.#progressAt = now
      this.#lastFrameAt = now
    }
    this.outstanding.set(chunk.digest, { chunk, askedAt: now })
    this.outstandingBytes += chunk.bytes
  }

  /** The chunk is no longer expected from here. */
  settle(digest: Digest, now: number): void {
    const asked = this.outstanding.get(digest)
    if (asked === undefined) return
    this.outstanding.delete(digest)
    this.outstandingBytes -= asked.chunk.bytes
    if (this.outstanding.size === 0) this.#busyMs += now - this.#busySince
  }

  delivered(digest: Digest, bytes: number, now: number): void {
    const asked = this.outstanding.get(digest)
    if (asked !== undefined) {
      this.#latencyMs = Math.min(this.#latencyMs ?? Infinity, now - asked.askedAt)
    }
    this.#lastFrameAt = now
    this.#bytes += bytes
    this.#tickBytes += bytes
    this.settle(digest, now)
  }

  /** Takes stock after `elapsedMs`; `lateMs` of it this process was busy and could not have noticed bytes. */
  tick(now: number, elapsedMs: number, lateMs: number): void {
    const received = this.channel?.receivedBytes ?? 0
    if (received !== this.#seenBytes) this.#progressAt = now
    else this.#progressAt += lateMs
    this.#lastFrameAt += lateMs
    this.#seenBytes = received
    if (this.outstanding.size > 0 || this.#tickBytes > 0) {
      const sample = this.#tickBytes / elapsedMs
      const old = this.#bytesPerMs
      // The first answers count in full: a window that starts small must grow fast.
      if (old === undefined) this.#bytesPerMs = this.#tickBytes === 0 ? undefined : sample
      else this.#bytesPerMs = old + RATE_WEIGHT * (sample - old)
    }
    this.#bestBytesPerMs = Math.max(this.#bestBytesPerMs, this.#bytesPerMs ?? 0)
    this.#tickBytes = 0
  }

  /** For how long it has sent nothing of what it owes. */
  silentMs(now: number): number {
    return this.outstanding.size === 0 ? 0 : now - this.#progressAt
  }

  /** True if it has been opening, or silent about what it owes, for more than `limitMs`. */
  isSlow(now: number, limitMs: number): boolean {
    if (this.channel === undefined) return now - this.openedAt > limitMs
    return this.outstanding.size > 0 && now - this.#progressAt > limitMs
  }

  /** Why the source should be left, or undefined; `patience` lengthens the wait for a source without substitute. */
  stallReason(now: number, patience: number): string | undefined {
    if (this.outstanding.size === 0) return undefined
    const usualMs = (this.#latencyMs ?? MAX_STALL_MS) * STALL_LATENCIES
    const limitMs = Math.min(MAX_STALL_MS, Math.max(MIN_STALL_MS, usualMs)) * patience
    const silentMs = Math.round(now - this.#progressAt)
    if (silentMs > limitMs) return `it sent nothing for ${silentMs} ms`
    const gapMs = Math.round(now - this.#lastFrameAt)
    if (gapMs > MAX_FRAME_GAP_MS) return `it completed no chunk in ${gapMs} ms`
    return undefined
  }

  /** How it behaved as a whole, if it did anything. */
  outcome(now: number): PeerOutcome | undefined {
    if (this.#bytes === 0) return undefined
    const busyMs = this.#busyMs + (this.outstanding.size > 0 ? now - this.#busySince : 0)
    return { latencyMs: this.#latencyMs, bytes: this.#bytes, milliseconds: busyMs }
  }
}
