import { closeSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { StatementSync } from 'node:sqlite'
import { errnoOf, errorMessage, SwarmCacheError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { FILE_MODE, makeFolder, namesOrEmpty } from './disk-layout.ts'
import { storeFault } from './store-fault.ts'

const FILE_NAME = 'index.db'
const SCHEMA_VERSION = 1
// Other processes hold the write lock for milliseconds; five seconds means that one of them hangs.
const BUSY_TIMEOUT_MS = 5_000
// Switching to WAL does not wait for others by itself.
const OPEN_RETRY_MS = 10

const SQLITE_BUSY = 5
const SQLITE_CORRUPT = 11
const SQLITE_PROTOCOL = 15
const SQLITE_NOTADB = 26
const SQLITE_READONLY_DBMOVED = 1032

// Keys are stored folded and as UTF-16, so that a prefix of a key is a range of bytes, for any characters.
const SCHEMA = `
  CREATE TABLE entries (
    tag TEXT NOT NULL,
    name TEXT NOT NULL,
    scope TEXT NOT NULL,
    version TEXT NOT NULL,
    folded BLOB NOT NULL,
    origin TEXT NOT NULL,
    manifest TEXT NOT NULL,
    created INTEGER NOT NULL,
    added INTEGER NOT NULL,
    last_used INTEGER NOT NULL,
    uses INTEGER NOT NULL,
    heat REAL NOT NULL,
    PRIMARY KEY (tag, name)
  ) WITHOUT ROWID;
  CREATE INDEX entries_by_scope ON entries (tag, version, scope, origin, folded);
  CREATE INDEX entries_by_key ON entries (tag, folded);
  CREATE TABLE space (
    tag TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL,
    chunks INTEGER NOT NULL,
    reserved INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    expires INTEGER NOT NULL
  ) WITHOUT ROWID;
  PRAGMA user_version = ${SCHEMA_VERSION};
`

/** The prepared statement of some SQL, kept for as long as the database is open. */
export type Prepare = (sql: string) => StatementSync

interface OpenDatabase {
  readonly database: DatabaseSync
  readonly inode: number
  readonly prepare: Prepare
}

/**
 * The SQLite file that is derived from the entry files of a home.
 *
 * When it turns out to be damaged its folder is moved aside with a warning and a new one is filled by
 * `onOpen`, which runs after every opening. Another process may do so at any time: a call that finds
 * another file under the path opens that one.
 */
export class IndexDatabase {
  readonly #versionFolder: string
  readonly #folder: string
  readonly #path: string
  readonly #logger: Logger
  readonly #onOpen: (prepare: Prepare) => void
  #open: OpenDatabase | undefined
  /** Set while `work` runs: damage that an inner call meets is for the outermost one to repair. */
  #within: Prepare | undefined
  #problems: string[] = []
  #isClosed = false

  constructor(versionFolder: string, logger: Logger, onOpen: (prepare: Prepare) => void) {
    this.#versionFolder = versionFolder
    this.#folder = join(versionFolder, 'index')
    this.#path = join(this.#folder, FILE_NAME)
    this.#logger = logger
    this.#onOpen = onOpen
  }

  /** Opens the file now rather than with the first statement. @throws ERR_STORE. */
  open(): void {
    this.run(() => {})
  }

  /**
   * Runs statements; `work` runs again on a rebuilt index if this one is damaged. Within a transaction
   * it is a part of that.
   *
   * @throws ERR_STORE.
   */
  run<T>(work: (prepare: Prepare) => T): T {
    if (this.#within !== undefined) return work(this.#within)
    try {
      return this.#runOnce(work)
    } catch (error) {
      if (!isDamage(error)) throw storeFault('Using the index', this.#path, error)
      this.#setAside(error)
    }
    try {
      return this.#runOnce(work)
    } catch (error) {
      throw storeFault('Using the index', this.#path, error)
    }
  }

  /** Runs statements while no other process writes, all of them or none. */
  transaction<T>(work: (prepare: Prepare) => T): T {
    return this.run((prepare) => inTransaction(prepare, work))
  }

  /** Reads the whole index; a damaged one is rebuilt, and its problem returned. */
  check(): string[] {
    this.#problems = []
    this.run((prepare) => {
      const row = prepare('PRAGMA quick_check(1)').get() as { quick_check: string }
      if (row.quick_check !== 'ok') throw damage(row.quick_check)
    })
    return this.#problems
  }

  /** False once the file that is open is no longer the one under the path. */
  isCurrent(): boolean {
    return this.#open !== undefined && inodeOf(this.#path) === this.#open.inode
  }

  /** Closes the file for good. */
  close(): void {
    this.#isClosed = true
    this.#release()
  }

  #release(): void {
    const open = this.#open
    this.#open = undefined
    try {
      open?.database.close()
    } catch (error) {
      this.#logger.log('debug', `closing the index: ${errorMessage(error)}`)
    }
  }

  #runOnce<T>(work: (prepare: Prepare) => T): T {
    const prepare = this.#current()
    this.#within = prepare
    try {
      return work(prepare)
    } finally {
      this.#within = undefined
    }
  }

  #current(): Prepare {
    if (this.#isClosed) throw new SwarmCacheError('ERR_CLOSED', 'The index is closed.')
    if (this.#open !== undefined) {
      if (this.isCurrent()) return this.#open.prepare
      this.#release()
    }
    const open = this.#openFile()
    this.#open = open
    try {
      this.#onOpen(open.prepare)
    } catch (error) {
      this.#release()
      throw error
    }
    return open.prepare
  }

  #openFile(): OpenDatabase {
    makeFolder(this.#folder)
    // SQLite would create it readable for others.
    closeSync(openSync(this.#path, 'a', FILE_MODE))
    const deadline = Date.now() + BUSY_TIMEOUT_MS
    for (;;) {
      const database = new DatabaseSync(this.#path, { timeout: BUSY_TIMEOUT_MS })
      try {
        const statements = new Map<string, StatementSync>()
        const prepare = (sql: string): StatementSync => {
          const known = statements.get(sql)
          if (known !== undefined) return known
          const statement = database.prepare(sql)
          statements.set(sql, statement)
          return statement
        }
        database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
        inTransaction(prepare, () => createSchema(database, prepare))
        return { database, inode: inodeOf(this.#path) ?? 0, prepare }
      } catch (error) {
        database.close()
        const code = primaryCode(error)
        const isBusy = code === SQLITE_BUSY || code === SQLITE_PROTOCOL
        if (!isBusy || Date.now() > deadline) throw error
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, OPEN_RETRY_MS)
      }
    }
  }

  #setAside(cause: unknown): void {
    const inode = this.#open?.inode ?? inodeOf(this.#path)
    this.#release()
    // Another process has done it already.
    if (inode === undefined || inodeOf(this.#path) !== inode) return
    const prefix = 'index.damaged-'
    const earlier = namesOrEmpty(this.#versionFolder).filter((name) => name.startsWith(prefix))
    const aside = join(this.#versionFolder, `${prefix}${Date.now()}-${process.pid}`)
    try {
      renameSync(this.#folder, aside)
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return
      throw storeFault('Moving the damaged index aside', this.#folder, error)
    }
    for (const name of earlier) {
      rmSync(join(this.#versionFolder, name), { recursive: true, force: true })
    }
    const problem = `The index ${this.#path} is damaged (${errorMessage(cause)}). It was moved to ${aside} and is rebuilt from the entry files.`
    this.#logger.log('warning', problem)
    this.#problems.push(problem)
  }
}

/** Runs statements while no other process writes, all of them or none; not inside another transaction. */
export function inTransaction<T>(prepare: Prepare, work: (prepare: Prepare) => T): T {
  prepare('BEGIN IMMEDIATE').run()
  try {
    const result = work(prepare)
    prepare('COMMIT').run()
    return result
  } catch (error) {
    try {
      prepare('ROLLBACK').run()
    } catch {
      // SQLite has rolled back by itself; the first error says why.
    }
    throw error
  }
}

function createSchema(database: DatabaseSync, prepare: Prepare): void {
  const row = prepare('PRAGMA user_version').get() as { user_version: number }
  if (row.user_version === SCHEMA_VERSION) return
  if (row.user_version !== 0) throw damage(`it has the unknown version ${row.user_version}`)
  database.exec(SCHEMA)
}

function damage(why: string): Error {
  return Object.assign(new Error(why), { errcode: SQLITE_CORRUPT })
}

function isDamage(error: unknown): boolean {
  const code = primaryCode(error)
  return (
    code === SQLITE_CORRUPT ||
    code === SQLITE_NOTADB ||
    (error as { errcode?: unknown }).errcode === SQLITE_READONLY_DBMOVED
  )
}

/** SQLite's result code without its extension. */
function primaryCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | undefined)?.errcode
  return typeof code === 'number' ? code & 0xff : undefined
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino
}
