import type { Digest } from '../core/digest.ts'
import type { EntryName, EntryQuery, SignedEntry } from '../core/entry.ts'
import { foldKey, matchEntry } from '../core/entry-match.ts'
import type { EntryMatch } from '../core/entry-match.ts'
import { entryNameDigest } from './disk-layout.ts'
import type { EntryFiles } from './entry-files.ts'
import { warmed } from './heat.ts'
import { inTransaction } from './index-database.ts'
import type { IndexDatabase, Prepare } from './index-database.ts'
import type { IndexedEntry } from './store.ts'

// Enough for a message that explains a miss.
const MAX_NEAR_MISSES = 5
// Candidates come in the order of precedence and the first good one ends the search.
const CANDIDATES_AT_ONCE = 16

const INSERT = `
  INSERT OR IGNORE INTO entries
    (tag, name, scope, version, folded, origin, manifest, created, added, last_used, uses, heat)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)`
const DELETE = 'DELETE FROM entries WHERE tag = ? AND name = ?'
const BY_PREFIX = `
  SELECT name FROM entries INDEXED BY entries_by_scope
  WHERE tag = ? AND version = ? AND scope = ? AND origin = 'save' AND folded >= ? AND folded < ?
  ORDER BY created DESC, manifest LIMIT ? OFFSET ?`
const COUNT_SCOPE = 'SELECT count(*) AS count FROM entries WHERE tag = ? AND scope = ?'
const LEAST_USED = `
  SELECT name FROM entries WHERE tag = ? AND scope = ? AND name <> ?
  ORDER BY last_used, created LIMIT ?`
const BY_KEY = 'SELECT name FROM entries WHERE tag = ? AND folded = ? ORDER BY created DESC'

/**
 * The entries of one repository: files that say what exists, and an SQL index that finds them by prefix and time.
 *
 * The index may lag behind the files (a process died between the two): lookups by name go to the files, and
 * every opening and clean-up brings the index up to them.
 */
export class EntryIndex {
  readonly #tag: string
  readonly #files: EntryFiles
  readonly #database: IndexDatabase
  readonly #now: () => number
  readonly #maxEntriesOf: (scope: string) => number

  constructor(
    tag: string,
    files: EntryFiles,
    database: IndexDatabase,
    now: () => number,
    maxEntriesOf: (scope: string) => number = () => Infinity,
  ) {
    this.#tag = tag
    this.#files = files
    this.#database = database
    this.#now = now
    this.#maxEntriesOf = maxEntriesOf
  }

  /**
   * Adds an entry; false if its name is taken by any process. `assertComplete` runs first, at a moment when no
   * clean-up removes anything, and may throw.
   */
  add(entry: SignedEntry, assertComplete: () => void): boolean {
    const name = entryNameDigest(entry)
    let isCreated = false
    this.#database.transaction((prepare) => {
      // The second time round, on a rebuilt index, the file is there already, and it is ours.
      if (!isCreated) {
        assertComplete()
        isCreated = this.#files.create(name, entry)
      }
      // A name that is taken is indexed too: its writer may have died before it could do so.
      const holder = isCreated ? entry : this.#files.read(name)
      if (holder === undefined) isCreated = this.#files.create(name, entry)
      this.#insertRow(prepare, name, holder ?? entry)
      if (isCreated) this.#trim(prepare, entry.scope, name)
    })
    return isCreated
  }

  /** Indexes an entry that has its file. */
  insert(entry: SignedEntry): void {
    const name = entryNameDigest(entry)
    this.#database.run((prepare) => this.#insertRow(prepare, name, entry))
  }

  get(name: EntryName): SignedEntry | undefined {
    return this.#files.read(entryNameDigest(name))
  }

  remove(name: EntryName): void {
    const digest = entryNameDigest(name)
    this.#database.transaction((prepare) => {
      this.#files.remove(digest)
      prepare(DELETE).run(this.#tag, digest)
    })
  }

  find(query: EntryQuery): EntryMatch<SignedEntry> | undefined {
    const { version, repository } = query
    for (const scope of query.scopes) {
      for (const key of [query.key, ...query.restoreKeys]) {
        const exact = this.get({ repository, scope, key, version })
        const match = exact === undefined ? undefined : matchEntry(exact, query)
        if (match !== undefined) return match
        const newest = this.#findPrefix(query, scope, key)
        if (newest !== undefined) return newest
      }
    }
    return undefined
  }

  /** Notes that an entry was asked for, which keeps it from being evicted. */
  recordUse(entry: SignedEntry): void {
    const name = entryNameDigest(entry)
    const now = this.#now()
    this.#database.transaction((prepare) => {
      this.#insertRow(prepare, name, entry)
      const row = prepare('SELECT last_used, heat FROM entries WHERE tag = ? AND name = ?').get(
        this.#tag,
        name,
      ) as { last_used: number; heat: number }
      prepare(
        'UPDATE entries SET uses = uses + 1, last_used = ?, heat = ? WHERE tag = ? AND name = ?',
      ).run(now, warmed(row.heat, now - row.last_used), this.#tag, name)
    })
  }

  /** Entries with the query's key that are no answer, because of their version or scope; newest first. */
  nearMisses(query: EntryQuery): SignedEntry[] {
    const found: SignedEntry[] = []
    const rows = this.#database.run((prepare) =>
      prepare(BY_KEY).all(this.#tag, keyBytes(query.key)),
    ) as { name: Digest }[]
    for (const { name } of rows) {
      const entry = this.#readIndexed(name)
      if (entry === undefined || matchEntry(entry, query) !== undefined) continue
      found.push(entry)
      if (found.length === MAX_NEAR_MISSES) break
    }
    return found
  }

  /** Every entry, the newest first. */
  list(): IndexedEntry[] {
    const rows = this.#database.run((prepare) =>
      prepare(
        'SELECT name, last_used, uses FROM entries WHERE tag = ? ORDER BY created DESC, name',
      ).all(this.#tag),
    ) as { name: Digest; last_used: number; uses: number }[]
    return rows.flatMap(({ name, last_used: lastUsed, uses }) => {
      const entry = this.#readIndexed(name)
      return entry === undefined ? [] : [{ ...entry, lastUsed, uses }]
    })
  }

  count(): number {
    const row = this.#database.run((prepare) =>
      prepare('SELECT count(*) AS count FROM entries WHERE tag = ?').get(this.#tag),
    ) as { count: number }
    return row.count
  }

  /** Brings the index up to the entry files; cheap when nothing is missing. */
  reconcile(prepare: Prepare): void {
    const files = new Set(this.#files.names())
    const rows = prepare('SELECT name FROM entries WHERE tag = ?').all(this.#tag) as {
      name: Digest
    }[]
    const missing = new Set(files)
    for (const { name } of rows) missing.delete(name)
    const gone = rows.filter(({ name }) => !files.has(name))
    if (missing.size === 0 && gone.length === 0) return
    inTransaction(prepare, () => {
      for (const name of missing) {
        const entry = this.#files.read(name)
        if (entry !== undefined) this.#insertRow(prepare, name, entry)
      }
      for (const { name } of gone) {
        // Its file may have been linked since the folder was listed.
        if (this.#files.read(name) === undefined) prepare(DELETE).run(this.#tag, name)
      }
    })
  }

  /** Drops what was not used for longest of a scope that has too many entries, but not the one just added. */
  #trim(prepare: Prepare, scope: string, added: Digest): void {
    const { count } = prepare(COUNT_SCOPE).get(this.#tag, scope) as { count: number }
    const excess = count - this.#maxEntriesOf(scope)
    if (excess <= 0) return
    const rows = prepare(LEAST_USED).all(this.#tag, scope, added, excess) as { name: Digest }[]
    for (const { name } of rows) {
      this.#files.remove(name)
      prepare(DELETE).run(this.#tag, name)
    }
  }

  #findPrefix(query: EntryQuery, scope: string, key: string): EntryMatch<SignedEntry> | undefined {
    const from = keyBytes(key)
    let offset = 0
    for (;;) {
      const rows = this.#database.run((prepare) =>
        prepare(BY_PREFIX).all(
          this.#tag,
          query.version,
          scope,
          from,
          prefixEnd(from),
          CANDIDATES_AT_ONCE,
          offset,
        ),
      ) as { name: Digest }[]
      for (const { name } of rows) {
        const entry = this.#readIndexed(name)
        if (entry === undefined) continue
        const match = matchEntry(entry, query)
        if (match !== undefined) return match
        // The next page starts after a row that stays.
        offset += 1
      }
      if (rows.length < CANDIDATES_AT_ONCE) return undefined
    }
  }

  /** The entry of an index row; the row goes if the file is gone or unusable. */
  #readIndexed(name: Digest): SignedEntry | undefined {
    const entry = this.#files.read(name)
    if (entry === undefined) {
      this.#database.run((prepare) => prepare(DELETE).run(this.#tag, name))
    }
    return entry
  }

  #insertRow(prepare: Prepare, name: Digest, entry: SignedEntry): void {
    const now = this.#now()
    prepare(INSERT).run(
      this.#tag,
      name,
      entry.scope,
      entry.version,
      keyBytes(entry.key),
      entry.origin,
      entry.manifest,
      entry.created,
      now,
      now,
    )
  }
}

/** A key as the index compares it: a prefix of the key is a prefix of these bytes. */
function keyBytes(key: string): Uint8Array {
  return Buffer.from(foldKey(key), 'utf16le')
}

/** The first bytes after all that start with `prefix`. */
function prefixEnd(prefix: Uint8Array): Uint8Array {
  const last = prefix.findLastIndex((byte) => byte !== 0xff)
  // Longer than any key of 0xff bytes that parseSignedEntry lets through.
  if (last === -1) return Buffer.alloc(4096, 0xff)
  const end = Buffer.from(prefix.subarray(0, last + 1))
  end[last] = (end[last] ?? 0) + 1
  return end
}
