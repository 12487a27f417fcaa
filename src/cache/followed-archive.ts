import { BoundedQueue } from '../async/bounded-queue.ts'
import { abortable, pause } from '../async/deadline.ts'
import { Limit } from '../async/limit.ts'
import { endOfPart, pieceCount } from '../core/archive-part.ts'
import type { ArchivePart } from '../core/archive-part.ts'
import { checkFrameSync } from '../core/chunk.ts'
import type { Frame, SourcedFrame, Tier } from '../core/chunk.ts'
import type { Digest } from '../core/digest.ts'
import { foldKey } from '../core/entry-match.ts'
import { SwarmCacheError, errorMessage, isSwarmCacheError } from '../core/errors.ts'
import { freeMemory } from '../core/free-memory.ts'
import type { Logger } from '../core/logger.ts'
import type { ChunkRef } from '../core/manifest.ts'
import type { PeerId } from '../core/peer.ts'
import type { CheckEntry } from '../identity/identity.ts'
import type { Leases } from '../lease/lease.ts'
import type { Store } from '../store/store.ts'
import type { Transfer } from '../transfer/transfer.ts'
import type { FollowOptions, FollowRequest, FollowedPiece } from './cache.ts'

/** What following a download works with. */
export interface FollowParts {
  readonly store: Store
  readonly leases: Pick<Leases, 'follow' | 'offer'>
  /** Left out where no swarm is joined. */
  readonly transfer?: Pick<Transfer, 'fetchChunks'>
  readonly checkEntry: CheckEntry
  /** Hears of a peer whose offer is forged. */
  readonly forged: (peerId: PeerId, reason: string) => void
  readonly logger: Logger
}

// Pieces that came before those in front of them; what is beyond is read from the store when its time comes.
const AHEAD_BYTES = 16 * 1024 * 1024
// Pieces that the disk has not taken yet; the network slows down to the disk beyond that.
const STORING_BYTES = 8 * 1024 * 1024
// Lists of pieces waiting to be fetched; each is a quarter of a second's worth.
const WAITING_LISTS = 1024
// After nobody could supply what is left: another will have it soon, or the turn goes to the next.
const FETCH_AGAIN_MS = 250
// Of pieces that come in whoever waits for them is told so often.
const ARRIVALS_MS = 100

const NOTHING = new Uint8Array()

/** The pieces of a download that another works on, in order; see `Tiers.followArchive`. */
export async function* followArchive(
  parts: FollowParts,
  repository: string,
  request: FollowRequest,
  options: FollowOptions,
): AsyncGenerator<FollowedPiece, void, void> {
  const following = new Following(parts, repository, request, options)
  try {
    for (;;) {
      const piece = await following.next()
      if (piece === undefined) return
      yield piece
    }
  } finally {
    await following.stop()
  }
}

/** A piece that was offered. */
interface Wanted {
  readonly chunk: ChunkRef
  /** Set while it is at hand. */
  frame?: SourcedFrame
  tier: Tier
  peer?: PeerId
  /** True once it is in the store, or was. */
  isStored: boolean
}

class Following {
  readonly #parts: FollowParts
  readonly #repository: string
  readonly #request: FollowRequest
  readonly #ending = new AbortController()
  readonly #signal: AbortSignal
  readonly #onArrival: (() => void) | undefined
  readonly #storing = new Limit(STORING_BYTES)
  /** By number, from the next one to hand over on. */
  readonly #wanted = new Map<number, Wanted>()
  /** Numbers of pieces with the same content. */
  readonly #numbers = new Map<Digest, number[]>()
  /** Offered and neither fetched nor held. */
  readonly #missing = new Map<Digest, ChunkRef>()
  #more = new BoundedQueue<readonly ChunkRef[]>(WAITING_LISTS)
  readonly #work: Promise<void>[] = []
  #next: number
  #archiveBytes: number | undefined
  #aheadBytes = 0
  #saidMs = -Infinity
  #holder: PeerId | undefined
  /** True if pieces can be handed over as places in files. */
  #placed = false
  #error: unknown
  #wake: PromiseWithResolvers<void> = Promise.withResolvers()

  constructor(
    parts: FollowParts,
    repository: string,
    request: FollowRequest,
    { signal, onArrival }: FollowOptions,
  ) {
    this.#parts = parts
    this.#repository = repository
    this.#request = request
    this.#signal = AbortSignal.any([signal, this.#ending.signal])
    this.#onArrival = onArrival
    this.#next = request.first
    this.#start(this.#listen())
    this.#start(this.#fetch())
  }

  /** The next piece, or undefined at the end of the archive. */
  async next(): Promise<FollowedPiece | undefined> {
    for (;;) {
      const news = this.#wake.promise
      this.#signal.throwIfAborted()
      if (this.#error !== undefined) throw this.#error as Error
      const archiveBytes = this.#archiveBytes
      if (archiveBytes !== undefined && this.#next >= pieceCount(archiveBytes)) return undefined
      const frame = await this.#take(this.#wanted.get(this.#next))
      if (frame !== undefined && archiveBytes !== undefined) {
        this.#wanted.delete(this.#next)
        this.#next += 1
        const { chunk, bytes, place, tier, peer } = frame
        return { chunk, bytes, place, tier, peer, archiveBytes }
      }
      await abortable(news, this.#signal)
    }
  }

  async stop(): Promise<void> {
    this.#ending.abort(new SwarmCacheError('ERR_ABORTED', 'The download is not followed any more.'))
    this.#more.end()
    await Promise.all(this.#work)
    using _all = await this.#storing.acquire(STORING_BYTES)
  }

  #start(work: Promise<void>): void {
    const settled = work.catch((error: unknown) => {
      this.#error ??= error
      this.#news()
    })
    this.#work.push(settled)
  }

  #news(): void {
    this.#wake.resolve()
    this.#wake = Promise.withResolvers()
  }

  async #take(wanted: Wanted | undefined): Promise<SourcedFrame | undefined> {
    if (wanted === undefined) return undefined
    const { chunk, frame, isStored } = wanted
    if (this.#placed && isStored) {
      const [place] = (await this.#parts.store.locate([chunk.digest])) ?? []
      if (place !== undefined)
        return { chunk, bytes: NOTHING, place, tier: wanted.tier, peer: wanted.peer }
    }
    if (frame !== undefined) {
      wanted.frame = undefined
      this.#aheadBytes -= frame.bytes.length
      return frame
    }
    if (!isStored) return undefined
    const found = await this.#parts.store.get(chunk.digest, { signal: this.#signal })
    if (found !== undefined) return { chunk, ...found }
    // The store has dropped it again.
    wanted.isStored = false
    await this.#fetchOnce(chunk)
    return undefined
  }

  /** Takes in what is offered. */
  async #listen(): Promise<void> {
    const { leases } = this.#parts
    const { work, first, placed = false } = this.#request
    this.#placed = placed && (await this.#parts.store.locate([])) !== undefined
    for await (const { part, by } of leases.follow(work, first, this.#signal)) {
      await this.#check(part, by)
      // Whoever comes after those that this node is ahead of hears of it from here, if the turn goes to it.
      leases.offer(work, part)
      this.#holder = by
      this.#archiveBytes ??= part.archiveBytes
      await this.#want(part)
      this.#news()
      if (endOfPart(part) >= pieceCount(part.archiveBytes) && this.#isAllOffered()) return
    }
  }

  #isAllOffered(): boolean {
    const end = pieceCount(this.#archiveBytes ?? Infinity)
    for (let number = this.#next; number < end; number += 1) {
      if (!this.#wanted.has(number)) return false
    }
    return true
  }

  /** @throws ERR_PROOF if the part is not to be believed here. */
  async #check(part: ArchivePart, by: PeerId): Promise<void> {
    const { entry, archiveBytes } = part
    const { scope, key } = this.#request
    const isOwn =
      entry.repository === this.#repository &&
      entry.scope === scope &&
      foldKey(entry.key) === foldKey(key)
    const verdict = isOwn
      ? await this.#parts.checkEntry(entry, { signal: this.#signal })
      : ({ trusted: false, why: 'forged', reason: 'it is one of another entry' } as const)
    if (!verdict.trusted) {
      if (verdict.why === 'forged') {
        this.#parts.forged(by, `it offered a part of "${key}" that is forged: ${verdict.reason}`)
      }
      throw new SwarmCacheError(
        'ERR_PROOF',
        `What a peer offers of "${key}" is not used: ${verdict.reason}.`,
        { facts: { key, peer: by } },
      )
    }
    if (this.#archiveBytes !== undefined && this.#archiveBytes !== archiveBytes) {
      throw new SwarmCacheError('ERR_PROOF', `Two peers offer different archives of "${key}".`, {
        facts: { key },
      })
    }
  }

  async #want({ first, pieces }: ArchivePart): Promise<void> {
    const fresh: ChunkRef[] = []
    for (const [index, chunk] of pieces.entries()) {
      const number = first + index
      const known = this.#wanted.get(number)
      if (number < this.#next || known?.chunk.digest === chunk.digest) continue
      // The word of who works on it now counts, unless the piece is here already.
      if (known?.frame !== undefined || known?.isStored === true) continue
      this.#wanted.set(number, { chunk, tier: 'disk', isStored: false })
      const same = this.#numbers.get(chunk.digest)
      if (same === undefined) fresh.push(chunk)
      this.#numbers.set(chunk.digest, [...(same ?? []), number])
    }
    const held = await this.#parts.store.has(fresh.map(({ digest }) => digest))
    for (const [index, chunk] of fresh.entries()) {
      if (held[index] === true) this.#arrived(chunk.digest, undefined)
      else this.#missing.set(chunk.digest, chunk)
    }
    const missing = fresh.filter(({ digest }) => this.#missing.has(digest))
    if (missing.length > 0) await this.#more.push(missing)
  }

  async #fetchOnce(chunk: ChunkRef): Promise<void> {
    if (this.#missing.has(chunk.digest)) return
    this.#missing.set(chunk.digest, chunk)
    await this.#more.push([chunk])
  }

  /** Fetches what was offered, again and again as long as nobody can supply it. */
  async #fetch(): Promise<void> {
    const { transfer, logger } = this.#parts
    while (transfer !== undefined) {
      const lists = unasked(this.#more)
      const first = await lists.next()
      if (first.done === true) return
      const request = {
        manifest: this.#request.work,
        chunks: first.value,
        more: lists,
        holders: this.#holder === undefined ? [] : [this.#holder],
        verify,
      }
      try {
        for await (const frame of transfer.fetchChunks(request, { signal: this.#signal })) {
          await this.#keep(frame)
        }
        return
      } catch (error) {
        this.#signal.throwIfAborted()
        if (!isSwarmCacheError(error, 'ERR_PEER')) throw error
        const reason = errorMessage(error)
        logger.log('debug', 'A download cannot be followed for now', { reason })
      }
      await pause(FETCH_AGAIN_MS, this.#signal)
      this.#more.end()
      this.#more = new BoundedQueue(WAITING_LISTS)
      await this.#more.push([...this.#missing.values()])
    }
  }

  /** Stores a frame, so that it can be served to others, and hands it over. */
  async #keep(frame: SourcedFrame): Promise<void> {
    const { chunk, bytes, tier, peer } = frame
    const held = await this.#storing.acquire(bytes.length, this.#signal)
    this.#missing.delete(chunk.digest)
    for (const wanted of this.#allOf(chunk.digest)) Object.assign(wanted, { tier, peer })
    if (!this.#placed) this.#arrived(chunk.digest, frame)
    const store = async (): Promise<void> => {
      using _held = held
      try {
        await this.#parts.store.put(frame)
        this.#arrived(chunk.digest, undefined)
        if (this.#placed && frame.isOwned === true) freeMemory(bytes)
      } catch (error) {
        this.#parts.logger.log('debug', 'A piece is not stored', { reason: errorMessage(error) })
        this.#arrived(chunk.digest, frame)
      }
    }
    void store()
  }

  #sayArrival(): void {
    const now = performance.now()
    if (now - this.#saidMs < ARRIVALS_MS) return
    this.#saidMs = now
    this.#onArrival?.()
  }

  #allOf(digest: Digest): Wanted[] {
    const numbers = this.#numbers.get(digest) ?? []
    return numbers.flatMap((number) => {
      const wanted = this.#wanted.get(number)
      return wanted?.chunk.digest === digest ? [wanted] : []
    })
  }

  /** A piece is in the store now, or at hand. */
  #arrived(digest: Digest, frame: SourcedFrame | undefined): void {
    this.#sayArrival()
    for (const wanted of this.#allOf(digest)) {
      if (frame === undefined) wanted.isStored = true
      else if (this.#aheadBytes < AHEAD_BYTES || wanted === this.#wanted.get(this.#next)) {
        wanted.frame = frame
        this.#aheadBytes += frame.bytes.length
      }
    }
    this.#news()
  }
}

/** Archives do not compress, so that a check on the spot costs less than to have a thread do it. */
async function verify(frame: Frame): Promise<void> {
  checkFrameSync(frame)
}

/** Lists without what was in one before, and without empty ones. */
async function* unasked(
  lists: AsyncIterable<readonly ChunkRef[]>,
): AsyncGenerator<readonly ChunkRef[], void, void> {
  const asked = new Set<Digest>()
  for await (const list of lists) {
    const fresh = list.filter(({ digest }) => !asked.has(digest))
    for (const { digest } of fresh) asked.add(digest)
    if (fresh.length > 0) yield fresh
  }
}
