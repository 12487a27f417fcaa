import type { Archive } from '../archive/archive.ts'
import { PIECE_BYTES } from '../core/archive-part.ts'
import type { Digest } from '../core/digest.ts'
import { foldKey } from '../core/entry-match.ts'
import { SwarmCacheError, errorMessage, isSwarmCacheError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { DoneTurn, OwnTurn, Turn } from '../lease/lease.ts'
import type {
  ArchiveBytes,
  ArchiveDownload,
  ArchiveSource,
  UpstreamArchive,
} from '../store/store.ts'
import type { FollowedPiece, RequestScope, Tiers } from './cache.ts'
import { OfferedArchive } from './offered-archive.ts'
import { DownloadPace, PassableTurn } from './passable-turn.ts'
import { openPiece } from './open-piece.ts'
import { takeTurn } from './shared-work.ts'

/** What sharing a download works with. */
export interface SharedArchiveParts {
  readonly tiers: Tiers
  readonly archive: Pick<Archive, 'check'>
  readonly logger: Logger
}

/** Which download it is. */
export interface SharedArchiveOptions {
  /** The name of the turn in which it is done. */
  readonly work: Digest
  readonly request: RequestScope
  /** The key that the upstream matched. */
  readonly key: string
  readonly paths: readonly string[]
  readonly workingDirectory: string
  readonly signal: AbortSignal
  readonly onWaiting: () => void
  /** Called with the bytes so far, by where they came from. */
  readonly onProgress: (bytes: { readonly peers: number; readonly upstream: number }) => void
}

/** Another has the turn, and what it downloads can be followed. */
export interface FollowedTurn {
  readonly kind: 'followed'
}

const TICK_MS = 100
// Who has the turn itself asks the service for what the others do not supply at once.
const OWN_PATIENCE_MS = 300
// A peer that supplies nothing for so long is no longer waited for, whatever its turn does.
const PATIENCE_MS = 20_000
// After the turn has ended with success whoever waits in vain may as well take what was made of the archive. On a slow
// link the pieces of eight peers come side by side, and none of them for seconds.
const COPY_PATIENCE_MS = 8000

/**
 * A download from the upstream that many want at once: one of them, who has the turn, fetches the archive and offers
 * its pieces while they arrive; the others follow, and whoever has the turn next goes on where it stopped.
 */
export class SharedArchive implements ArchiveSource {
  /** Peers whose bytes were used. */
  readonly peers: Set<string> = new Set()
  readonly #parts: SharedArchiveParts
  readonly #options: SharedArchiveOptions
  readonly #over = new AbortController()
  #unfollowed = new AbortController()
  readonly #signal: AbortSignal
  readonly #bytes = { peers: 0, upstream: 0 }
  readonly #waiting = Promise.withResolvers<void>()
  readonly #turn: Promise<PassableTurn | DoneTurn>
  #ownTurn: PassableTurn | undefined
  /** The turn was done by another. */
  #isDone = false
  #isClaimed = false
  #isCopyOffered = false
  #isOpened = false
  #pieces: AsyncIterator<FollowedPiece> | undefined
  #first: Promise<IteratorResult<FollowedPiece>> | undefined
  #offering: OfferedArchive | undefined
  /** For how long the others have supplied nothing that was waited for. */
  #silentMs = 0

  constructor(parts: SharedArchiveParts, options: SharedArchiveOptions) {
    this.#parts = parts
    this.#options = options
    this.#signal = AbortSignal.any([options.signal, this.#over.signal])
    this.#turn = takeTurn(parts, options.work, {
      signal: this.#signal,
      onWaiting: () => {
        this.#waiting.resolve()
        options.onWaiting()
      },
    }).then((turn) => (turn.kind === 'mine' ? new PassableTurn(turn) : turn))
    this.#turn.then(
      (turn) => {
        if (turn.kind === 'done') this.#isDone = true
        // Nobody is left who would end it.
        else if (this.#isClaimed || this.#over.signal.aborted) void turn.done(false)
        else this.#ownTurn = turn
      },
      () => {},
    )
  }

  /** The turn, or the news that the work of who has it can be followed. Rejects with the signal's reason only. */
  async begin(): Promise<Turn | FollowedTurn> {
    const followed = this.#waiting.promise.then(async () => {
      this.#follow(0, true)
      const first = await this.#first!.catch(() => undefined)
      if (first?.done !== false) return await this.#turn
      return { kind: 'followed' } as const
    })
    const turn = await Promise.race([this.#turn, followed])
    if (turn.kind !== 'followed') this.#unfollow()
    if (turn.kind === 'mine') this.#isClaimed = true
    return turn
  }

  /** The turn, if it is this one's by now: the caller's to end from here on. */
  claimTurn(): OwnTurn | undefined {
    this.#isClaimed = true
    return this.#ownTurn
  }

  /** True if the bytes of the archive come through here. */
  get isUsed(): boolean {
    return this.#bytes.peers + this.#bytes.upstream > 0
  }

  /** True if following was given up because a peer has what is in the archive. */
  get isCopyOffered(): boolean {
    return this.#isCopyOffered
  }

  async open(archive: UpstreamArchive): Promise<ArchiveBytes | undefined> {
    // Asked again the client is on its own, whatever went wrong before.
    const isFirst = !this.#isOpened
    this.#isOpened = true
    if (!isFirst || foldKey(archive.key) !== foldKey(this.#options.key)) return undefined
    if (this.#first === undefined) return await this.#openOwn(archive)
    const first = await this.#first
    if (first.done === true) return undefined
    const { archiveBytes } = first.value
    return { archiveBytes, content: this.#checked(archive, archiveBytes) }
  }

  /** Ends waiting and following; what was offered stays so. The turn goes on if it is this one's. */
  async finish(): Promise<void> {
    await this.#offering?.finish()
    if (this.#ownTurn === undefined) this.#over.abort(unneeded())
    else if (!this.#isClaimed) await this.#ownTurn.done(false)
    this.#unfollow()
  }

  #follow(first: number, placed: boolean): void {
    const { work, key, request } = this.#options
    this.#unfollowed = new AbortController()
    const pieces = this.#parts.tiers.followArchive(
      { work, scope: request.scope, key, first, placed },
      {
        signal: AbortSignal.any([this.#signal, this.#unfollowed.signal]),
        onArrival: () => (this.#silentMs = 0),
      },
    )
    this.#pieces = pieces[Symbol.asyncIterator]()
    this.#first = this.#pieces.next()
    this.#first.catch((error: unknown) => this.#refused(error))
  }

  #unfollow(): void {
    this.#pieces = undefined
    this.#first = undefined
    this.#unfollowed.abort(unneeded())
  }

  #refused(error: unknown): void {
    if (this.#signal.aborted || this.#unfollowed.signal.aborted) return
    const level = isSwarmCacheError(error, 'ERR_PROOF') ? 'warning' : 'info'
    this.#parts.logger.log(level, `A download is not followed: ${errorMessage(error)}`)
  }

  async #openOwn(archive: UpstreamArchive): Promise<ArchiveBytes | undefined> {
    const company = await this.#parts.tiers.company(this.#options.work).catch(() => 'none')
    if (company === 'none') return undefined
    const download = await archive.download(0, this.#signal)
    return { archiveBytes: download.archiveBytes, content: this.#own(download, 0) }
  }

  /** What peers have a part in is not let through to its end before it was checked as a whole. */
  async *#checked(
    archive: UpstreamArchive,
    archiveBytes: number,
  ): AsyncGenerator<Uint8Array, void, void> {
    const { paths, workingDirectory } = this.#options
    const { folder } = archive
    const size = archive.size()
    const check = await this.#parts.archive.check(paths, { workingDirectory, folder })
    try {
      let last: Uint8Array | undefined
      for await (const bytes of this.#followed(archive, archiveBytes)) {
        await check.write(bytes)
        if (last !== undefined) yield last
        last = bytes
      }
      await check.end()
      if (((await size) ?? archiveBytes) !== archiveBytes) {
        throw new SwarmCacheError('ERR_INTEGRITY', 'The archive of the peers has another size.')
      }
      if (last !== undefined) yield last
    } catch (error) {
      this.#drop(error)
      throw error
    } finally {
      check.close()
    }
  }

  /** What came so far is of no use. */
  #drop(error: unknown): void {
    this.peers.clear()
    this.#options.onProgress(Object.assign(this.#bytes, { peers: 0, upstream: 0 }))
    if (this.#isCopyOffered || this.#signal.aborted) return
    this.#parts.logger.log(
      'warning',
      `What peers sent of "${this.#options.key}" is not used: ${errorMessage(error)}`,
    )
  }

  async *#followed(
    archive: UpstreamArchive,
    archiveBytes: number,
  ): AsyncGenerator<Uint8Array, void, void> {
    let pieces = 0
    for (;;) {
      const piece = await this.#nextPiece()
      if (piece === 'end') return
      if (piece === undefined) break
      const bytes = await openPiece(piece)
      if (bytes === undefined) {
        // The files of the node cannot be read here.
        this.#unfollow()
        this.#follow(pieces, false)
        continue
      }
      pieces += 1
      if (piece.peer !== undefined) this.peers.add(piece.peer)
      this.#count('peers', bytes.length)
      yield bytes
    }
    this.#unfollow()
    const at = pieces * PIECE_BYTES
    if (at >= archiveBytes) return
    this.#parts.logger.log('info', `Going on with the download of another from byte ${at}`)
    const rest = await archive.download(at, this.#signal)
    if (rest.archiveBytes !== archiveBytes) {
      throw new SwarmCacheError('ERR_INTEGRITY', 'The archive of the peers has another size.')
    }
    yield* this.#own(rest, pieces)
  }

  /** The next piece of who has the turn; undefined once there is no use in waiting for one. */
  async #nextPiece(): Promise<FollowedPiece | 'end' | undefined> {
    const iterator = this.#pieces
    if (iterator === undefined) return undefined
    const next = this.#first ?? iterator.next()
    this.#first = undefined
    const over = Promise.withResolvers<undefined>()
    this.#silentMs = 0
    // Ticks instead of a clock: time in which this process stood still is not the others' fault.
    const timer = setInterval(() => {
      this.#silentMs += TICK_MS
      const patienceMs = this.#ownTurn === undefined ? PATIENCE_MS : OWN_PATIENCE_MS
      if (this.#silentMs >= patienceMs) over.resolve(undefined)
      else if (this.#isDone && this.#silentMs >= COPY_PATIENCE_MS) over.reject(this.#takeCopy())
    }, TICK_MS)
    const arrived = next.then(
      (result) => (result.done === true ? ('end' as const) : result.value),
      (error: unknown) => {
        this.#refused(error)
        return undefined
      },
    )
    try {
      return await Promise.race([arrived, over.promise])
    } finally {
      clearInterval(timer)
    }
  }

  #takeCopy(): SwarmCacheError {
    this.#isCopyOffered = true
    return new SwarmCacheError('ERR_PEER', 'Who downloaded it has offered what is in it instead.')
  }

  /** Bytes from the service, which are offered to the others as long as the turn is this one's. */
  async *#own(
    { archiveBytes, content, receivedBytes }: ArchiveDownload,
    firstPiece: number,
  ): AsyncGenerator<Uint8Array, void, void> {
    const { work, request, key } = this.#options
    const { tiers, logger } = this.#parts
    const turn = this.#ownTurn
    let offering =
      turn === undefined
        ? undefined
        : new OfferedArchive({ tiers, logger }, { work, request, key, archiveBytes, firstPiece })
    this.#offering = offering
    // Who goes on where another stopped keeps the turn: where all are slow it would only go round.
    let pace = firstPiece === 0 ? new DownloadPace(archiveBytes) : undefined
    for await (const bytes of content) {
      turn?.progressed()
      this.#count('upstream', bytes.length)
      if (turn !== undefined && pace?.isSlowAt(receivedBytes()) === true) {
        await this.#pass(turn)
        pace = undefined
        offering = undefined
      }
      await offering?.write(bytes)
      yield bytes
      pace?.wait()
    }
    offering?.end()
  }

  /** Lets another download for those who wait; what was offered so far is of use to it. */
  async #pass(turn: PassableTurn): Promise<void> {
    this.#parts.logger.log('info', 'This download is slow; those who wait for it go on without it.')
    await this.#offering?.finish()
    turn.pass()
  }

  #count(from: 'peers' | 'upstream', bytes: number): void {
    this.#bytes[from] += bytes
    this.#options.onProgress(this.#bytes)
  }
}

function unneeded(): SwarmCacheError {
  return new SwarmCacheError('ERR_ABORTED', 'What others did is no longer needed.')
}
