import { randomUUID } from 'node:crypto'
import { unlink } from 'node:fs/promises'
import type { Entry } from '../../core/entry.ts'
import { bestMatch, foldKey } from '../../core/entry-match.ts'
import type { EntryMatch } from '../../core/entry-match.ts'

/** What a token lets its bearer do. */
export interface CacheServiceToken {
  /** owner/name. */
  readonly repository: string
  /** The ref that saves belong to; without one the token reads only. */
  readonly writeScope?: string
  /** Refs that may be read, in order of precedence. */
  readonly readScopes: readonly string[]
  /** The permission `actions`, for the REST API; none by default. */
  readonly actions?: 'read' | 'write'
}

/** A piece of an archive as it was uploaded, in a file of its own. */
export interface ArchivePart {
  readonly file: string
  readonly bytes: number
}

/** An entry of the service; `manifest` holds the secret of its URLs. */
export interface ServiceEntry extends Entry {
  readonly id: number
  lastUsed: number
  /** Undefined until the upload is finished. */
  archive?: readonly ArchivePart[]
  sizeBytes: number
  finished: boolean
  /** Uploaded pieces by block id or offset, until they are put in order. */
  readonly pieces: Map<string, ArchivePart>
}

// A run that died while uploading must not block its key for ever.
const RESERVATION_MS = 10 * 60_000

/** The entries of the service and their archives on disk, bounded in bytes (the least recently used go first). */
export class CacheServiceEntries {
  readonly #limitBytes: number
  readonly #entries = new Map<number, ServiceEntry>()
  #nextId = 1
  #lastCreated = 0
  #bytes = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  /** Bytes of all archives and pieces on disk. */
  get bytes(): number {
    return this.#bytes
  }

  get count(): number {
    return [...this.#entries.values()].filter((entry) => entry.finished).length
  }

  get(id: number): ServiceEntry | undefined {
    return this.#entries.get(id)
  }

  /** Reserves a name for an upload; undefined if it is taken. */
  async reserve(
    token: CacheServiceToken,
    key: string,
    version: string,
  ): Promise<ServiceEntry | undefined> {
    const scope = token.writeScope ?? ''
    for (const other of this.#entries.values()) {
      const same =
        other.repository === token.repository &&
        other.scope === scope &&
        other.version === version &&
        foldKey(other.key) === foldKey(key)
      if (!same) continue
      if (other.finished || Date.now() - other.created < RESERVATION_MS) return undefined
      await this.remove(other)
    }
    const id = this.#nextId++
    // Strictly increasing, so that "the newest" has one answer.
    this.#lastCreated = Math.max(Date.now(), this.#lastCreated + 1)
    const entry: ServiceEntry = {
      id,
      repository: token.repository,
      scope,
      key,
      version,
      created: this.#lastCreated,
      lastUsed: this.#lastCreated,
      origin: 'save',
      manifest: randomUUID(),
      manifestBytes: 0,
      contentBytes: 0,
      writer: '',
      sizeBytes: 0,
      finished: false,
      pieces: new Map(),
    }
    this.#entries.set(id, entry)
    return entry
  }

  /** The reservation that `token` holds under this name. */
  findReserved(token: CacheServiceToken, key: string, version: string): ServiceEntry | undefined {
    for (const entry of this.#entries.values()) {
      if (entry.finished || entry.repository !== token.repository) continue
      if (entry.scope !== token.writeScope || entry.version !== version) continue
      if (foldKey(entry.key) === foldKey(key)) return entry
    }
    return undefined
  }

  /** The best answer by GitHub's rules. */
  find(
    token: CacheServiceToken,
    keys: readonly string[],
    version: string,
  ): EntryMatch<ServiceEntry> | undefined {
    const [key = '', ...restoreKeys] = keys
    const finished = [...this.#entries.values()].filter((entry) => entry.finished)
    const { repository, readScopes: scopes } = token
    const match = bestMatch(finished, { repository, scopes, key, restoreKeys, version })
    if (match !== undefined) match.entry.lastUsed = Date.now()
    return match
  }

  /** Finished entries that the token may read and whose key starts with `prefix`. */
  list(token: CacheServiceToken, prefix: string): ServiceEntry[] {
    return [...this.#entries.values()].filter(
      (entry) =>
        entry.finished &&
        entry.repository === token.repository &&
        token.readScopes.includes(entry.scope) &&
        foldKey(entry.key).startsWith(foldKey(prefix)),
    )
  }

  /** Finished entries of a repository, of all scopes, the newest first. */
  ofRepository(repository: string): ServiceEntry[] {
    return [...this.#entries.values()]
      .filter((entry) => entry.finished && entry.repository === repository)
      .sort((a, b) => b.created - a.created)
  }

  /** Counts bytes before they are written, making room if needed; false if they cannot fit. */
  async claim(bytes: number): Promise<boolean> {
    while (this.#bytes + bytes > this.#limitBytes) {
      const oldest = [...this.#entries.values()]
        .filter((entry) => entry.finished)
        .sort((a, b) => a.lastUsed - b.lastUsed)[0]
      if (oldest === undefined) return false
      await this.remove(oldest)
    }
    this.#bytes += bytes
    return true
  }

  /** Takes bytes off the count that were claimed and then not kept. */
  release(bytes: number): void {
    this.#bytes -= bytes
  }

  /** Forgets an entry and deletes its files. */
  async remove(entry: ServiceEntry): Promise<void> {
    this.#entries.delete(entry.id)
    const parts = new Set([...(entry.archive ?? []), ...entry.pieces.values()])
    entry.pieces.clear()
    await this.discard(parts)
  }

  /** Deletes pieces; readers that have them open still read to the end. */
  async discard(parts: Iterable<ArchivePart>): Promise<void> {
    for (const part of parts) {
      this.#bytes -= part.bytes
      await unlink(part.file).catch(() => {})
    }
  }
}
