import type { Frame, FramePlace, StoredFrame } from '../core/chunk.ts'
import type { Digest } from '../core/digest.ts'
import type { EntryName, EntryQuery, SignedEntry } from '../core/entry.ts'
import type { EntryMatch } from '../core/entry-match.ts'
import { errorMessage, SwarmCacheError } from '../core/errors.ts'
import { encodeFrameFile } from '../core/frame-file.ts'
import type { Inbox } from '../core/inbox.ts'
import { silentLogger } from '../core/logger.ts'
import type { Logger } from '../core/logger.ts'
import { decodeManifest } from '../core/manifest.ts'
import { scopeClass } from '../core/scope-rules.ts'
import type { DigestFolder } from './digest-folder.ts'
import { diskLayout } from './disk-layout.ts'
import type { DiskLayout } from './disk-layout.ts'
import { EntryFiles } from './entry-files.ts'
import { EntryIndex } from './entry-index.ts'
import { EntryNeeds } from './entry-needs.ts'
import { framePlace, putFrameAside } from './frame-aside.ts'
import { HotFrames } from './hot-frames.ts'
import { IndexDatabase } from './index-database.ts'
import { RepositoryFiles } from './repository-files.ts'
import { Room } from './room.ts'
import { MAX_SCOPE_ENTRIES } from './scope-shares.ts'
import { SpaceLedger } from './space-ledger.ts'
import { StoreInbox } from './store-inbox.ts'
import { assertFrame, assertOwn, yieldsTo } from './store-input.ts'
import type {
  AsideFrame,
  IndexedEntry,
  Store,
  StoreOptions,
  StoreReport,
  StoreUsage,
} from './store.ts'
import { Sweep } from './sweep.ts'
import { Turn } from './turn.ts'
import { Verification } from './verification.ts'

// A save of 10 GB at 12 MB/s takes this long from its first chunk to its entry.
const GRACE_MS = 15 * 60 * 1000
// In a full store a save that relied on a chunk this long ago may fail, rather than every other save.
const PRESSED_GRACE_MS = 60 * 1000

/** Where a store is, and its bounds. */
export interface DiskStoreOptions {
  /** Data folder, shared by all repositories. */
  readonly home: string
  /** owner/name; entries and chunks of other repositories are out of reach. */
  readonly repository: string
  /** Scope of the repository's default branch, whose entries others cannot push out; guessed by default. */
  readonly defaultScope?: string
  /** Entries of one scope at most; by how much the scope matters by default. */
  readonly maxScopeEntries?: number
  /** Bound on all repositories of the home together. */
  readonly limitBytes: number
  /** Bound on frames kept in memory that are asked for again and again; 0 keeps none. */
  readonly memoryLimitBytes?: number
  readonly logger?: Logger
  /** Whether an entry's signature is its writer's; entries that fail are set aside. */
  readonly verifyEntry?: (entry: SignedEntry) => boolean
  readonly now?: () => number
  /** How long chunks are spared after somebody relied on them. */
  readonly graceMs?: number
  /** The same while the store is full. */
  readonly pressedGraceMs?: number
}

interface DiskStoreParts {
  readonly layout: DiskLayout
  readonly files: RepositoryFiles
  readonly entryFiles: EntryFiles
  readonly database: IndexDatabase
  readonly index: EntryIndex
  readonly ledger: SpaceLedger
  readonly room: Room
  readonly needs: EntryNeeds
  readonly now: () => number
  /** What somebody relied on longer ago is marked as in use when it is asked for. */
  readonly touchAfterMs: number
}

/** A store in a folder that several processes may share, and that survives any of them being killed. */
export class DiskStore implements Store {
  readonly #parts: DiskStoreParts
  readonly #options: DiskStoreOptions
  readonly #logger: Logger
  readonly #isTrusted: (entry: SignedEntry) => boolean
  readonly #memory: HotFrames | undefined
  readonly #turn = new Turn()
  #isClosed = false

  private constructor(parts: DiskStoreParts, options: DiskStoreOptions) {
    this.#parts = parts
    this.#options = options
    this.#logger = options.logger ?? silentLogger
    this.#isTrusted = options.verifyEntry ?? (() => true)
    const memoryLimitBytes = options.memoryLimitBytes ?? 0
    if (memoryLimitBytes > 0) {
      this.#memory = new HotFrames(memoryLimitBytes)
    }
  }

  /** Opens the store of a repository, creating and repairing what is needed. @throws ERR_STORE naming the path. */
  static async open(options: DiskStoreOptions): Promise<DiskStore> {
    const logger = options.logger ?? silentLogger
    const now = options.now ?? Date.now
    const graceMs = options.graceMs ?? GRACE_MS
    const pressedGraceMs = Math.min(options.pressedGraceMs ?? PRESSED_GRACE_MS, graceMs)
    const layout = diskLayout(options.home, options.repository)
    layout.prepare()
    // Marking a file in use at half the time keeps it out of a clean-up's reach for the other half.
    const touchAfterMs = pressedGraceMs / 2
    const filesOf = (tag: string): RepositoryFiles =>
      new RepositoryFiles(layout.sibling(tag), logger, now, touchAfterMs)
    const isTrusted = options.verifyEntry ?? (() => true)
    const entryFilesOf = (tag: string): EntryFiles =>
      new EntryFiles(layout.sibling(tag), tag === layout.tag ? isTrusted : () => true, logger)
    const entryFiles = entryFilesOf(layout.tag)
    const database = new IndexDatabase(layout.versionFolder, logger, (prepare) => {
      index.reconcile(prepare)
      for (const tag of layout.tags()) ledger.adopt(prepare, tag, () => filesOf(tag).count())
    })
    const maxEntriesOf = (scope: string): number =>
      options.maxScopeEntries ?? MAX_SCOPE_ENTRIES[scopeClass(scope, options.defaultScope)]
    const index = new EntryIndex(layout.tag, entryFiles, database, now, maxEntriesOf)
    const ledger = new SpaceLedger(database, layout.tag, options.limitBytes)
    const sweep = new Sweep(
      {
        layout,
        database,
        ledger,
        logger,
        now,
        filesOf,
        entryFilesOf,
        defaultScopeOf: (tag) => (tag === layout.tag ? options.defaultScope : undefined),
      },
      { graceMs, pressedGraceMs },
    )
    const files = filesOf(layout.tag)
    database.open()
    const room = new Room(options.home, ledger, sweep)
    const needs = new EntryNeeds(files, database)
    return new DiskStore(
      { layout, files, entryFiles, database, index, ledger, room, needs, now, touchAfterMs },
      options,
    )
  }

  async has(digests: readonly Digest[]): Promise<boolean[]> {
    this.#assertOpen()
    const held: boolean[] = []
    for (const digest of digests) {
      held.push(this.#turn.step(() => this.#parts.files.chunks.hold(digest)))
      await this.#turn.pass()
    }
    return held
  }

  async get(digest: Digest, { signal }: StoreOptions = {}): Promise<StoredFrame | undefined> {
    this.#assertOpen()
    await this.#turn.pass(signal)
    const inMemory = this.#memory?.get(digest)
    if (inMemory !== undefined) return { bytes: inMemory, tier: 'memory' }
    const file = this.#turn.step(() => this.#parts.files.readChunk(digest))
    if (file === undefined) return undefined
    const isKept = this.#memory?.offer(digest, file.frame) === true
    return { bytes: file.frame, tier: 'disk', isOwned: !isKept }
  }

  async put(frame: Frame, { signal }: StoreOptions = {}): Promise<void> {
    this.#assertOpen()
    await this.#turn.pass(signal)
    const { files } = this.#parts
    const { digest } = frame.chunk
    assertFrame(frame.chunk, frame.bytes.length)
    if (this.#turn.step(() => files.chunks.hold(digest))) return
    await this.#write(files.chunks, digest, encodeFrameFile(frame), signal)
  }

  async inbox(): Promise<Inbox> {
    this.#assertOpen()
    const { layout, files, ledger, room } = this.#parts
    // What processes that were killed have left would stay for as long as this store is open.
    layout.sweepTemporary()
    return new StoreInbox({
      folder: layout.temporary,
      chunks: files.chunks,
      ledger,
      room,
      turn: this.#turn,
      assertOpen: () => this.#assertOpen(),
    })
  }

  async locate(digests: readonly Digest[]): Promise<(FramePlace | undefined)[]> {
    this.#assertOpen()
    const { chunks } = this.#parts.files
    const places: (FramePlace | undefined)[] = []
    for (const digest of digests) {
      const size = this.#turn.step(() => chunks.holdSize(digest))
      places.push(size === undefined ? undefined : framePlace(chunks.path(digest), size))
      await this.#turn.pass()
    }
    return places
  }

  async putAside(frame: Frame, { signal }: StoreOptions = {}): Promise<AsideFrame> {
    this.#assertOpen()
    await this.#turn.pass(signal)
    assertFrame(frame.chunk, frame.bytes.length)
    const { files, ledger, room } = this.#parts
    const isClosed = (): boolean => this.#isClosed
    const parts = { chunks: files.chunks, ledger, room, turn: this.#turn, isClosed }
    return await putFrameAside(parts, frame, signal)
  }

  async getManifest(digest: Digest): Promise<Uint8Array | undefined> {
    this.#assertOpen()
    return this.#turn.step(() => this.#parts.files.readManifest(digest)?.bytes)
  }

  async putManifest(digest: Digest, bytes: Uint8Array): Promise<void> {
    this.#assertOpen()
    await this.#turn.pass()
    decodeManifest(bytes, digest)
    const { files } = this.#parts
    if (files.manifests.hold(digest)) return
    await this.#write(files.manifests, digest, [bytes])
  }

  async addEntry(entry: SignedEntry): Promise<boolean> {
    this.#assertOpen()
    const { index, ledger, needs, now, touchAfterMs } = this.#parts
    assertOwn(entry, this.#options.repository, this.#isTrusted)
    const taken = index.get(entry)
    if (taken !== undefined && !yieldsTo(taken, entry)) {
      index.insert(taken)
      return false
    }
    const checkedAt = now()
    const needed = await needs.hold(entry)
    if (taken !== undefined) index.remove(taken)
    const isAdded = index.add(entry, () => {
      // A process that was stopped in between can no longer rely on what it saw.
      if (now() - checkedAt >= touchAfterMs) needs.assertHeld(entry, needed)
    })
    ledger.settle()
    return isAdded
  }

  async getEntry(name: EntryName): Promise<SignedEntry | undefined> {
    this.#assertOpen()
    return this.#parts.index.get(name)
  }

  async findEntry(query: EntryQuery): Promise<EntryMatch<SignedEntry> | undefined> {
    this.#assertOpen()
    const match = this.#parts.index.find(query)
    if (match === undefined) return undefined
    try {
      this.#parts.index.recordUse(match.entry)
    } catch (error) {
      // The answer is good without it.
      this.#logger.log('debug', `A use was not noted: ${errorMessage(error)}`)
    }
    return match
  }

  async findNearMisses(query: EntryQuery): Promise<SignedEntry[]> {
    this.#assertOpen()
    return this.#parts.index.nearMisses(query)
  }

  async entries(): Promise<IndexedEntry[]> {
    this.#assertOpen()
    return this.#parts.index.list()
  }

  async removeEntry(name: EntryName): Promise<void> {
    this.#assertOpen()
    this.#parts.index.remove(name)
    this.#parts.room.retry()
  }

  async usage(): Promise<StoreUsage> {
    this.#assertOpen()
    const { index, ledger } = this.#parts
    return { ...ledger.used(), limitBytes: ledger.limitBytes, entries: index.count() }
  }

  async verify({
    signal,
    deep = false,
  }: StoreOptions & { readonly deep?: boolean } = {}): Promise<StoreReport> {
    this.#assertOpen()
    this.#memory?.clear()
    const { layout } = this.#parts
    layout.prepare()
    return new Verification({ ...this.#parts, tag: layout.tag }, signal).run(deep)
  }

  async evict({ signal }: StoreOptions = {}): Promise<void> {
    this.#assertOpen()
    signal?.throwIfAborted()
    this.#parts.room.retry()
    await this.#parts.room.cleanUp(0, signal)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#parts.room.close(closed())
    this.#memory?.clear()
    try {
      // A home that was removed meanwhile must not come back.
      if (this.#parts.database.isCurrent()) this.#parts.ledger.settle()
    } catch (error) {
      this.#logger.log('warning', `Closing the store: ${errorMessage(error)}`)
    }
    this.#parts.database.close()
  }

  async #write(
    folder: DigestFolder,
    digest: Digest,
    parts: readonly Uint8Array[],
    signal?: AbortSignal,
  ): Promise<void> {
    const { files, ledger, room } = this.#parts
    const bytes = totalLength(parts)
    await room.reserve(bytes, signal)
    let isWritten = false
    try {
      // Another call may have written it while this one waited for room.
      if (folder.hold(digest)) return
      this.#turn.step(() => folder.write(digest, parts))
      isWritten = true
    } finally {
      if (isWritten) ledger.wrote(bytes, folder === files.chunks ? 1 : 0)
      else ledger.release(bytes)
    }
  }

  #assertOpen(): void {
    if (this.#isClosed) throw closed()
  }
}

function totalLength(parts: readonly Uint8Array[]): number {
  let bytes = 0
  for (const part of parts) bytes += part.length
  return bytes
}

function closed(): SwarmCacheError {
  return new SwarmCacheError('ERR_CLOSED', 'The store is closed.')
}
