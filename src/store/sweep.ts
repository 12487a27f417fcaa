import { statSync } from 'node:fs'
import type { Digest } from '../core/digest.ts'
import { formatSize } from '../core/sizes.ts'
import type { Logger } from '../core/logger.ts'
import { scopeClass } from '../core/scope-rules.ts'
import type { DigestFolder, StoredFile } from './digest-folder.ts'
import type { DiskLayout } from './disk-layout.ts'
import type { EntryFiles } from './entry-files.ts'
import { EntryIndex } from './entry-index.ts'
import { planEviction } from './eviction-plan.ts'
import type { EvictableEntry, EvictionPlan, RepositorySurvey } from './eviction-plan.ts'
import type { IndexDatabase } from './index-database.ts'
import type { RepositoryFiles } from './repository-files.ts'
import type { SpaceLedger, SpaceUsed } from './space-ledger.ts'
import { Turn } from './turn.ts'

// A clean-up goes this far below the limit, so that the next one is a while off.
const LOW_WATER = 0.8
// A sweeper that died is replaced after this; a living one renews its lease between batches of milliseconds.
const LEASE_MS = 10_000
// Few enough that other processes wait for the write lock only a moment.
const BATCH_FILES = 64

/** What a sweep works on. */
export interface SweepParts {
  readonly layout: DiskLayout
  readonly database: IndexDatabase
  readonly ledger: SpaceLedger
  readonly logger: Logger
  readonly now: () => number
  /** Chunks and manifests of any repository of the home, by its folder. */
  readonly filesOf: (tag: string) => RepositoryFiles
  readonly entryFilesOf: (tag: string) => EntryFiles
  /** The scope of a repository's default branch, if it is known. */
  readonly defaultScopeOf: (tag: string) => string | undefined
}

/** How long files are spared after somebody relied on them. */
export interface SweepOptions {
  readonly graceMs: number
  /** The same when the store is full and nothing older is left to drop. */
  readonly pressedGraceMs: number
}

interface HeatRow {
  readonly name: Digest
  readonly scope: string
  readonly heat: number
  readonly last_used: number
  readonly added: number
}

/**
 * Mark and sweep over all repositories of a home.
 *
 * 1. Take the lease; another process that sweeps does the work for this one.
 * 2. Bring the index up to the entry files: only they say what is live.
 * 3. Mark what the manifests of all entries name, and plan (see `planEviction`).
 * 4. Drop entries first, then files, in short write transactions; a file that was touched since it was
 *    surveyed is put back. `addEntry` touches what it needs and links the entry in such a transaction too.
 * 5. Note what is left as the space in use.
 */
export class Sweep {
  readonly #parts: SweepParts
  readonly #options: SweepOptions

  constructor(parts: SweepParts, options: SweepOptions) {
    this.#parts = parts
    this.#options = options
  }

  /** Cleans up so that `neededBytes` more fit; false if another process cleans up at this moment. */
  async run(neededBytes: number, signal?: AbortSignal): Promise<boolean> {
    const { ledger } = this.#parts
    if (!ledger.leaseSweep(LEASE_MS)) return false
    try {
      const bytes = await this.#sweep(this.#options.graceMs, neededBytes, signal)
      if (bytes + neededBytes > ledger.limitBytes) {
        await this.#sweep(this.#options.pressedGraceMs, neededBytes, signal)
      }
      return true
    } finally {
      ledger.releaseSweep()
    }
  }

  async #sweep(graceMs: number, neededBytes: number, signal?: AbortSignal): Promise<number> {
    const { layout, ledger, logger, now } = this.#parts
    const turn = new Turn()
    // Ages count from here: what an entry that comes in meanwhile relies on is touched later than this.
    const start = now()
    ledger.settle()
    const noted = ledger.noted()
    const surveys: RepositorySurvey[] = []
    const entries: EvictableEntry[] = []
    const counts = new Map<string, SpaceUsed>()
    let total = 0
    for (const tag of layout.tags()) {
      for (const entry of await this.#mark(tag, graceMs, turn, signal)) entries.push(entry)
      const survey = await this.#survey(tag, turn, signal)
      surveys.push(survey)
      const bytes = totalBytes(survey.chunks.values()) + totalBytes(survey.manifests.values())
      counts.set(tag, { bytes, chunks: survey.chunks.size })
      total += bytes
    }
    const newest = entries.toSorted((a, b) => b.added - a.added)[0]
    const isOver = total + neededBytes > ledger.limitBytes
    const plan = turn.step(() =>
      planEviction(
        surveys,
        // The newest may be the very one whose arrival filled the store.
        entries.map((entry) => (entry === newest ? { ...entry, isSpared: true } : entry)),
        {
          now: start,
          graceMs,
          limitBytes: ledger.limitBytes,
          neededBytes,
          targetBytes: isOver ? ledger.limitBytes * LOW_WATER - neededBytes : Infinity,
        },
      ),
    )
    await this.#drop(plan, counts, turn, signal)
    let left = 0
    for (const [tag, count] of counts) {
      ledger.recount(tag, count, noted.get(tag))
      left += count.bytes
    }
    if (total > left) {
      logger.log('info', `Cleaned up ${formatSize(total - left)} of ${formatSize(total)}.`, {
        entries: plan.entries.length,
      })
    }
    return left
  }

  async #mark(
    tag: string,
    graceMs: number,
    turn: Turn,
    signal?: AbortSignal,
  ): Promise<EvictableEntry[]> {
    const { database, now } = this.#parts
    const files = this.#parts.entryFilesOf(tag)
    const index = new EntryIndex(tag, files, database, now)
    database.run((prepare) => index.reconcile(prepare))
    const rows = database.run((prepare) =>
      prepare('SELECT name, scope, heat, last_used, added FROM entries WHERE tag = ?').all(tag),
    ) as unknown as HeatRow[]
    const content = this.#parts.filesOf(tag)
    const marked: EvictableEntry[] = []
    for (const { name, scope, heat, last_used: lastUsed, added } of rows) {
      await turn.pass(signal)
      const digest = turn.step(() => files.read(name)?.manifest)
      if (digest === undefined) continue
      const manifest = turn.step(() => content.readManifest(digest)?.manifest)
      const refs = manifest === undefined ? [] : [...manifest.catalog, ...manifest.content]
      const needs = [...new Set([digest, ...refs.map((ref) => ref.digest)])]
      const isSpared = now() - added < graceMs
      const kind = scopeClass(scope, this.#parts.defaultScopeOf(tag))
      marked.push({ tag, name, scope, scopeClass: kind, needs, heat, lastUsed, added, isSpared })
    }
    return marked
  }

  async #survey(tag: string, turn: Turn, signal?: AbortSignal): Promise<RepositorySurvey> {
    const files = this.#parts.filesOf(tag)
    const listed = async (folder: DigestFolder): Promise<Map<Digest, StoredFile>> => {
      const found = new Map<Digest, StoredFile>()
      const listing = folder.list()
      for (;;) {
        await turn.pass(signal)
        const next = turn.step(() => listing.next())
        if (next.done === true) return found
        for (const file of next.value) found.set(file.digest, file)
      }
    }
    return { tag, chunks: await listed(files.chunks), manifests: await listed(files.manifests) }
  }

  async #drop(
    plan: EvictionPlan,
    counts: Map<string, SpaceUsed>,
    turn: Turn,
    signal?: AbortSignal,
  ): Promise<void> {
    const { database, ledger, entryFilesOf, filesOf } = this.#parts
    for (const entry of plan.entries) {
      await turn.pass(signal)
      turn.step(() =>
        database.transaction((prepare) => {
          entryFilesOf(entry.tag).remove(entry.name)
          prepare('DELETE FROM entries WHERE tag = ? AND name = ?').run(entry.tag, entry.name)
        }),
      )
    }
    for (const { tag, chunks, manifests } of plan.files) {
      const files = filesOf(tag)
      const doomed = [
        ...chunks.map((file) => ({ folder: files.chunks, file })),
        ...manifests.map((file) => ({ folder: files.manifests, file })),
      ]
      for (let at = 0; at < doomed.length; at += BATCH_FILES) {
        await turn.pass(signal)
        // Whoever took over because this process was stopped for a while has a plan of its own.
        if (!ledger.leaseSweep(LEASE_MS)) return
        const removed = turn.step(() =>
          database.transaction(() =>
            doomed.slice(at, at + BATCH_FILES).filter(({ folder, file }) =>
              folder.remove(file.digest, (moved) => {
                const stats = statSync(moved, { throwIfNoEntry: false })
                return stats !== undefined && stats.mtimeMs > file.mtimeMs
              }),
            ),
          ),
        )
        const { bytes, chunks: count } = counts.get(tag) ?? { bytes: 0, chunks: 0 }
        counts.set(tag, {
          bytes: bytes - totalBytes(removed.map(({ file }) => file)),
          chunks: count - removed.filter(({ folder }) => folder === files.chunks).length,
        })
      }
    }
  }
}

function totalBytes(files: Iterable<StoredFile>): number {
  let total = 0
  for (const file of files) total += file.bytes
  return total
}
