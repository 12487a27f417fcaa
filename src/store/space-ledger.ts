import { randomUUID } from 'node:crypto'
import type { IndexDatabase, Prepare } from './index-database.ts'

// Space is taken from the home's limit in blocks ahead of writing: one transaction for many chunks, and what
// a killed process had taken stays counted, never the other way round. A clean-up counts anew.
const MAX_BLOCK_BYTES = 16 * 1024 * 1024
// Of a small limit a block must be a small part.
const BLOCKS_PER_LIMIT = 64

const SWEEP_LEASE = 'sweep'

/** What one repository has on disk. */
export interface SpaceUsed {
  readonly bytes: number
  readonly chunks: number
}

/** Counts the bytes of a home, over all its repositories and processes, against its limit. */
export class SpaceLedger {
  readonly limitBytes: number
  readonly #database: IndexDatabase
  readonly #tag: string
  readonly #blockBytes: number
  /** Names this process among those that may hold a lease. */
  readonly #owner: string = randomUUID()
  /** Taken from the limit, and free for the next reservations. */
  #available = 0
  /** Reserved, and neither written nor released yet. */
  #outstanding = 0
  /** Written, and not in the database yet. */
  #written = 0
  #chunks = 0

  constructor(database: IndexDatabase, tag: string, limitBytes: number) {
    this.#database = database
    this.#tag = tag
    this.limitBytes = limitBytes
    this.#blockBytes = Math.min(MAX_BLOCK_BYTES, Math.ceil(limitBytes / BLOCKS_PER_LIMIT))
  }

  /** Takes `bytes` from the limit, to be written or released; false if they do not fit. */
  reserve(bytes: number): boolean {
    const isTaken = bytes <= this.#available || this.#takeBlock(bytes)
    if (!isTaken) return false
    this.#available -= bytes
    this.#outstanding += bytes
    return true
  }

  /** Takes a block of at least `bytes`; false if they do not fit. */
  #takeBlock(bytes: number): boolean {
    return this.#database.transaction((prepare) => {
      this.#settle(prepare)
      const free = this.limitBytes - totalOf(prepare)
      if (bytes > free) return false
      const block = Math.min(free, Math.max(bytes, this.#blockBytes))
      prepare('UPDATE space SET reserved = reserved + ? WHERE tag = ?').run(block, this.#tag)
      this.#available = block
      return true
    })
  }

  /** Gives back reserved bytes that were not written after all. */
  release(bytes: number): void {
    this.#available += bytes
    this.#outstanding -= bytes
  }

  /** Notes that reserved bytes were written. */
  wrote(bytes: number, chunks: number): void {
    this.#written += bytes
    this.#outstanding -= bytes
    this.#chunks += chunks
  }

  /** Counts what was written, and gives back what was taken ahead. */
  settle(): void {
    if (this.#available + this.#written > 0) {
      this.#database.transaction((prepare) => this.#settle(prepare))
    }
  }

  used(): SpaceUsed {
    const row = this.#database.run((prepare) =>
      prepare('SELECT bytes, chunks FROM space WHERE tag = ?').get(this.#tag),
    ) as { bytes: number; chunks: number } | undefined
    return {
      bytes: (row?.bytes ?? 0) + this.#written,
      chunks: (row?.chunks ?? 0) + this.#chunks,
    }
  }

  /** What is noted about each repository, for `recount`. */
  noted(): Map<string, SpaceUsed> {
    const rows = this.#database.run((prepare) =>
      prepare('SELECT tag, bytes, chunks FROM space').all(),
    ) as unknown as { tag: string; bytes: number; chunks: number }[]
    return new Map(rows.map(({ tag, bytes, chunks }) => [tag, { bytes, chunks }]))
  }

  /**
   * Replaces what was noted `before` the files of a repository were counted by the count.
   *
   * What was written meanwhile may be counted twice until the next time, never left out.
   */
  recount(tag: string, counted: SpaceUsed, before: SpaceUsed = { bytes: 0, chunks: 0 }): void {
    const isOwn = tag === this.#tag
    if (isOwn) this.#available = 0
    this.#database.run((prepare) =>
      prepare(
        `INSERT INTO space (tag, bytes, chunks, reserved) VALUES (?, ?, ?, ?)
         ON CONFLICT (tag) DO UPDATE SET reserved = excluded.reserved,
           bytes = excluded.bytes + max(0, bytes - ?), chunks = excluded.chunks + max(0, chunks - ?)`,
      ).run(
        tag,
        counted.bytes,
        counted.chunks,
        isOwn ? this.#outstanding : 0,
        before.bytes,
        before.chunks,
      ),
    )
  }

  /** Notes what a repository has if nothing is noted about it: the index is new, or was rebuilt. */
  adopt(prepare: Prepare, tag: string, count: () => SpaceUsed): void {
    if (prepare('SELECT 1 FROM space WHERE tag = ?').get(tag) !== undefined) return
    const { bytes, chunks } = count()
    prepare('INSERT OR IGNORE INTO space (tag, bytes, chunks, reserved) VALUES (?, ?, ?, 0)').run(
      tag,
      bytes,
      chunks,
    )
  }

  /** Takes or renews the right to clean up, which lapses by itself if this process dies; false if another has it. */
  leaseSweep(milliseconds: number): boolean {
    const now = Date.now()
    return this.#database.transaction((prepare) => {
      const changed = prepare(
        `INSERT INTO leases (name, owner, expires) VALUES (?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, expires = excluded.expires
         WHERE owner = excluded.owner OR expires < ?`,
      ).run(SWEEP_LEASE, this.#owner, now + milliseconds, now)
      return Number(changed.changes) > 0
    })
  }

  releaseSweep(): void {
    this.#database.run((prepare) =>
      prepare('DELETE FROM leases WHERE name = ? AND owner = ?').run(SWEEP_LEASE, this.#owner),
    )
  }

  #settle(prepare: Prepare): void {
    prepare(
      `INSERT INTO space (tag, bytes, chunks, reserved) VALUES (?, ?, ?, 0)
       ON CONFLICT (tag) DO UPDATE SET bytes = bytes + excluded.bytes,
         chunks = chunks + excluded.chunks, reserved = max(0, reserved - ?)`,
    ).run(this.#tag, this.#written, this.#chunks, this.#written + this.#available)
    this.#written = 0
    this.#chunks = 0
    this.#available = 0
  }
}

function totalOf(prepare: Prepare): number {
  const row = prepare('SELECT coalesce(sum(bytes + reserved), 0) AS total FROM space').get() as {
    total: number
  }
  return row.total
}
