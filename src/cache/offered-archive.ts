import { BoundedQueue } from '../async/bounded-queue.ts'
import { pause } from '../async/deadline.ts'
import {
  MAX_PART_PIECES,
  MAX_SHARED_BYTES,
  PIECE_BYTES,
  encodePieces,
  partVersion,
} from '../core/archive-part.ts'
import { digestOf } from '../core/digest.ts'
import type { Digest } from '../core/digest.ts'
import { SwarmCacheError, errorMessage } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { totalBytes } from '../core/manifest.ts'
import type { ChunkRef } from '../core/manifest.ts'
import { rawFrame } from '../core/raw-blocks.ts'
import type { RequestScope, Tiers } from './cache.ts'

/** What offering a download works with. */
export interface OfferedArchiveParts {
  readonly tiers: Tiers
  readonly logger: Logger
}

/** Which download it is. */
export interface OfferedArchiveOptions {
  readonly work: Digest
  readonly request: RequestScope
  readonly key: string
  readonly archiveBytes: number
  /** Number of the piece that the first bytes belong to, which begin with it. */
  readonly firstPiece: number
}

// Bytes on their way to the store; the download slows down to the disk beyond that.
const MAX_WAITING_BYTES = 8 * 1024 * 1024
// Who is alone does not put anything. Runners of a crowd start within seconds of each other: until so much was
// downloaded it is kept for them, and who comes later gets the copy.
const EARLY_BYTES = 64 * 1024 * 1024
// Pieces that are stored at once.
const STORERS = 3
// A part is told when it has so many pieces, or a while after the one before: each costs everybody a question.
const PART_PIECES = 16
const PART_MS = 250
const LOOK_MS = 50
const COMPANY_MS = 100

/**
 * Cuts an archive into pieces while it is downloaded, puts them, and offers them part by part to those who wait; does
 * nothing of that before somebody waits.
 */
export class OfferedArchive {
  readonly #parts: OfferedArchiveParts
  readonly #options: OfferedArchiveOptions
  readonly #pieces = new BoundedQueue<{ number: number; bytes: Uint8Array }>(STORERS)
  readonly #stored = new Map<number, ChunkRef>()
  readonly #finished = new AbortController()
  readonly #work: Promise<void>
  /** Written and not cut yet. */
  #raw: Uint8Array[] = []
  #rawBytes = 0
  #hasCompany = false
  #isEnded = false
  #isOver = false
  #news: PromiseWithResolvers<void> = Promise.withResolvers()
  #told: number

  constructor(parts: OfferedArchiveParts, options: OfferedArchiveOptions) {
    this.#parts = parts
    this.#options = options
    this.#told = options.firstPiece
    this.#work = this.#run()
      .catch((error: unknown) => {
        if (this.#finished.signal.aborted) return
        const reason = errorMessage(error)
        parts.logger.log('info', `What is downloaded is not offered to others: ${reason}`)
      })
      .finally(() => {
        this.#isOver = true
        this.#raw = []
        this.#rawBytes = 0
        this.#pieces.end()
        this.#wake()
      })
  }

  /** Takes the next bytes, which it keeps; waits while the store is behind. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#isOver) return
    this.#raw.push(bytes)
    this.#rawBytes += bytes.length
    // Nobody has asked for it in time.
    if (!this.#hasCompany && this.#rawBytes > EARLY_BYTES) this.#finished.abort()
    this.#wake()
    while (this.#hasCompany && this.#rawBytes > MAX_WAITING_BYTES && !this.#isOver) {
      await this.#news.promise
    }
  }

  /** Nothing follows. */
  end(): void {
    this.#isEnded = true
    this.#wake()
  }

  /** Resolves when everything that was written is offered, or cannot or need not be. */
  async finish(): Promise<void> {
    if (!this.#isEnded || !this.#hasCompany) this.#finished.abort()
    this.#wake()
    await this.#work
  }

  #wake(): void {
    this.#news.resolve()
    this.#news = Promise.withResolvers()
  }

  async #run(): Promise<void> {
    const { archiveBytes } = this.#options
    if (archiveBytes > MAX_SHARED_BYTES) throw unshared('it is too large')
    await this.#awaitCompany()
    await Promise.all([this.#cut(), this.#store()])
  }

  async #awaitCompany(): Promise<void> {
    const { tiers } = this.#parts
    while ((await tiers.company(this.#options.work)) !== 'waiting') {
      await pause(COMPANY_MS, this.#finished.signal)
    }
    this.#hasCompany = true
  }

  async #cut(): Promise<void> {
    let cut: Uint8Array[] = []
    let cutBytes = 0
    let number = this.#options.firstPiece
    const push = async (): Promise<void> => {
      await this.#pieces.push({ number, bytes: cut.length === 1 ? cut[0]! : Buffer.concat(cut) })
      number += 1
      cut = []
      cutBytes = 0
    }
    for (;;) {
      this.#finished.signal.throwIfAborted()
      const news = this.#news.promise
      const bytes = this.#raw.shift()
      if (bytes === undefined) {
        if (this.#isEnded) break
        await news
        continue
      }
      for (let at = 0; at < bytes.length;) {
        const end = Math.min(bytes.length, at + PIECE_BYTES - cutBytes)
        cut.push(bytes.subarray(at, end))
        cutBytes += end - at
        at = end
        if (cutBytes === PIECE_BYTES) await push()
      }
      this.#rawBytes -= bytes.length
      this.#wake()
    }
    if (cutBytes > 0) await push()
    this.#pieces.end()
  }

  async #store(): Promise<void> {
    const pieces = this.#pieces[Symbol.asyncIterator]()
    const storing = new AbortController()
    const store = async (): Promise<void> => {
      for (;;) {
        const next = await pieces.next()
        if (next.done === true) return
        const { number, bytes } = next.value
        const chunk = { digest: digestOf(bytes), bytes: bytes.length }
        // Archives are compressed already.
        await this.#parts.tiers.put({ chunk, bytes: rawFrame(bytes) })
        this.#stored.set(number, chunk)
      }
    }
    const stored = Promise.all(Array.from({ length: STORERS }, store)).finally(() =>
      storing.abort(),
    )
    stored.catch(() => {})
    let waitedMs = 0
    while (!storing.signal.aborted) {
      await pause(LOOK_MS, storing.signal).catch(() => {})
      waitedMs += LOOK_MS
      const isFirst = this.#told === this.#options.firstPiece
      if (this.#stored.size < PART_PIECES && waitedMs < PART_MS && !isFirst) continue
      waitedMs = 0
      await this.#tell()
    }
    await stored
    await this.#tell()
  }

  /** Offers what is stored and was not offered yet, as far as it has no gap. */
  async #tell(): Promise<void> {
    const { work, request, key, archiveBytes } = this.#options
    for (;;) {
      const pieces: ChunkRef[] = []
      while (pieces.length < MAX_PART_PIECES) {
        const chunk = this.#stored.get(this.#told + pieces.length)
        if (chunk === undefined) break
        pieces.push(chunk)
      }
      if (pieces.length === 0) return
      const first = this.#told
      const manifest = encodePieces(pieces)
      const entry = {
        repository: request.repository,
        scope: request.scope,
        key,
        version: partVersion(work, archiveBytes, first),
        manifest: digestOf(manifest),
        manifestBytes: manifest.length,
        contentBytes: totalBytes(pieces),
        created: Date.now(),
        origin: 'upstream' as const,
        ...request.provenance,
      }
      const offered = await this.#parts.tiers.offerPart(work, {
        entry,
        archiveBytes,
        first,
        pieces,
      })
      if (!offered) throw unshared('there is no room for more of it')
      for (const [index] of pieces.entries()) this.#stored.delete(first + index)
      this.#told += pieces.length
    }
  }
}

function unshared(why: string): SwarmCacheError {
  return new SwarmCacheError('ERR_LIMIT', `The download cannot be shared: ${why}.`)
}
