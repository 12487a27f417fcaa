import type { Digest } from '../core/digest.ts'
import type { PeerId } from '../core/peer.ts'
import type { Watched } from './chunk-channel.ts'
import type { Crowd, Crowds, CrowdReader } from './crowds.ts'
import type { SendChoice, WantedChunk } from './send-order.ts'

/** What a watch needs. */
export interface UploadWatchParts {
  readonly peerId: PeerId
  readonly crowds: Crowds
  readonly has: (digests: readonly Digest[]) => Promise<boolean[]>
  /** Calls back once, unless the returned function is called before; a timer by default. */
  readonly after?: (milliseconds: number, callback: () => void) => () => void
}

// One message for all that arrives meanwhile, to each of the others; the delay adds to each hop that a chunk takes, of
// which there are few.
const TELL_MS = 60
// A chunk is in the store soon after it was handed over, or not at all.
const MAX_TRIES = 40
// Who wants this little is not kept waiting: the others would hardly be relieved.
const MANY_CHUNKS = 16

/** What one conversation is told of the chunks of a manifest, and its place among those that read it. */
export class UploadWatch implements CrowdReader {
  readonly peerId: PeerId
  readonly crowd: Crowd
  readonly #parts: UploadWatchParts
  readonly #watched: Watched
  /** Positions of what is not here yet. */
  readonly #lacking = new Map<Digest, number>()
  /** What has arrived and was not told yet, with how often the store was asked for it. */
  readonly #fresh = new Map<Digest, number>()
  #isComplete: boolean
  #tell: ((positions: number[]) => void) | undefined
  #isAnswered = false
  #stopTimer: (() => void) | undefined
  #closed = false

  /** `before`: what the conversation watched until now, of which as much is likely to be here. */
  constructor(parts: UploadWatchParts, watched: Watched, before?: UploadWatch) {
    this.#parts = parts
    this.peerId = parts.peerId
    this.#watched = watched
    this.#isComplete = before !== undefined && before.#isComplete
    for (const [position, digest] of watched.digests.entries()) this.#lacking.set(digest, position)
    this.crowd = parts.crowds.join(watched.manifest, this)
  }

  get isSpared(): boolean {
    const { digests, grows } = this.#watched
    return this.#isComplete && (grows || digests.length >= MANY_CHUNKS)
  }

  /** True if others fetch the same from this node, or this node does itself. */
  get isShared(): boolean {
    return this.crowd.fetching || this.crowd.order.size > 1
  }

  /** Resolves to what is held already; `tell` hears of the rest, but not before `tell()` was called. */
  async start(tell: (positions: number[]) => void): Promise<boolean[]> {
    this.#tell = tell
    const { digests } = this.#watched
    const held = await this.#parts.has(digests)
    for (const [position, digest] of digests.entries()) {
      if (held[position] === true) this.#lacking.delete(digest)
    }
    this.#isComplete = this.#lacking.size === 0
    for (const digest of this.#parts.crowds.recent) this.arrived(digest)
    return held
  }

  /** The answer is out, so news may follow. */
  tell(): void {
    this.#isAnswered = true
    if (this.#fresh.size > 0) this.#schedule()
  }

  choose<W extends WantedChunk>(wishes: Iterable<W>): SendChoice<W> {
    return this.crowd.order.choose(this, wishes)
  }

  began(digest: Digest): void {
    this.crowd.order.began(digest)
  }

  withdrawn(digest: Digest): void {
    this.crowd.order.withdrawn(digest)
  }

  arrived(digest: Digest): void {
    if (!this.#lacking.has(digest)) return
    this.#fresh.set(digest, 0)
    if (this.#isAnswered) this.#schedule()
  }

  close(): void {
    this.#closed = true
    this.#stopTimer?.()
    this.#parts.crowds.leave(this.#watched.manifest, this)
  }

  #schedule(): void {
    const { after = afterByTimer } = this.#parts
    this.#stopTimer ??= after(TELL_MS, () => void this.#tellFresh())
  }

  async #tellFresh(): Promise<void> {
    const fresh = [...this.#fresh]
    const held = await this.#parts.has(fresh.map(([digest]) => digest)).catch(() => [])
    this.#stopTimer = undefined
    if (this.#closed) return
    const positions: number[] = []
    for (const [index, [digest, tries]] of fresh.entries()) {
      if (held[index] !== true && tries < MAX_TRIES) {
        this.#fresh.set(digest, tries + 1)
        continue
      }
      this.#fresh.delete(digest)
      const position = this.#lacking.get(digest)
      if (held[index] !== true || position === undefined) continue
      this.#lacking.delete(digest)
      positions.push(position)
    }
    if (positions.length > 0) this.#tell?.(positions)
    if (this.#fresh.size > 0) this.#schedule()
  }
}

function afterByTimer(milliseconds: number, callback: () => void): () => void {
  const timer = setTimeout(callback, milliseconds)
  return () => clearTimeout(timer)
}
