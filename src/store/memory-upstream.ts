import {
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import path from 'node:path'
import { assertKeys, entryVersion } from '../core/cache-key.ts'
import { digestOf } from '../core/digest.ts'
import type { Entry } from '../core/entry.ts'
import { bestMatch } from '../core/entry-match.ts'
import { errnoOf, errorMessage, inputError, SwarmCacheError } from '../core/errors.ts'
import type { Upstream, UpstreamHit, UpstreamOptions } from './store.ts'

/** A file, link or folder of a saved tree, by its path relative to the working directory. */
interface SavedItem {
  readonly path: string
  readonly mode: number
  readonly mtime: Date
  /** Content of a file, target of a link, undefined for a folder. */
  readonly content?: Buffer
  readonly target?: string
}

interface SavedEntry extends Entry {
  readonly items: readonly SavedItem[]
}

/** The service behind one or more memory upstreams, so that several runners can share it. */
export class MemoryUpstreamService {
  readonly entries: SavedEntry[] = []
}

/** Settings of a memory upstream. */
export interface MemoryUpstreamOptions {
  readonly service?: MemoryUpstreamService
  readonly repository?: string
  /** The scope that saves belong to. */
  readonly scope?: string
  /** Scopes that may be read, own first. */
  readonly readable?: readonly string[]
  readonly workingDirectory?: string
  /** Runs before each call; may wait, or throw what the service should fail with. */
  readonly beforeCall?: (kind: 'lookup' | 'restore' | 'save', key: string) => Promise<void> | void
}

/**
 * Twin of the upstream that keeps trees in memory, for tests; it takes files and folders as paths, no patterns.
 *
 * What `beforeCall` throws becomes ERR_UPSTREAM.
 */
export class MemoryUpstream implements Upstream {
  /** Calls so far by kind. */
  readonly calls: { lookup: number; restore: number; save: number } = {
    lookup: 0,
    restore: 0,
    save: 0,
  }
  readonly #service: MemoryUpstreamService
  readonly #repository: string
  readonly #scope: string
  readonly #readable: readonly string[]
  readonly #workingDirectory: string
  readonly #beforeCall: MemoryUpstreamOptions['beforeCall']
  readonly #closing = new AbortController()

  constructor(options: MemoryUpstreamOptions = {}) {
    this.#service = options.service ?? new MemoryUpstreamService()
    this.#repository = options.repository ?? 'octo/cache'
    this.#scope = options.scope ?? 'refs/heads/main'
    this.#readable = options.readable ?? [this.#scope]
    this.#workingDirectory = options.workingDirectory ?? process.cwd()
    this.#beforeCall = options.beforeCall
  }

  async lookup(
    paths: readonly string[],
    key: string,
    restoreKeys: readonly string[],
    options: UpstreamOptions = {},
  ): Promise<UpstreamHit | undefined> {
    await this.#begin('lookup', paths, key, restoreKeys, options)
    const found = this.#find(paths, key, restoreKeys, options)
    return found === undefined ? undefined : { key: found.key }
  }

  async restore(
    paths: readonly string[],
    key: string,
    restoreKeys: readonly string[],
    options: UpstreamOptions = {},
  ): Promise<UpstreamHit | undefined> {
    const signal = await this.#begin('restore', paths, key, restoreKeys, options)
    const found = this.#find(paths, key, restoreKeys, options)
    if (found === undefined) return undefined
    let bytes = 0
    for (const item of found.items) {
      signal.throwIfAborted()
      await write(this.#folder(options), item)
      bytes += item.content?.length ?? 0
      options.onProgress?.(bytes)
    }
    return { key: found.key }
  }

  async save(
    paths: readonly string[],
    key: string,
    options: UpstreamOptions = {},
  ): Promise<boolean> {
    const signal = await this.#begin('save', paths, key, [], options)
    const version = entryVersion(paths, options.crossOs)
    const isTaken = (): boolean =>
      this.#service.entries.some(
        (entry) =>
          entry.repository === this.#repository &&
          entry.scope === this.#scope &&
          entry.version === version &&
          entry.key.toLowerCase() === key.toLowerCase(),
      )
    const items: SavedItem[] = []
    try {
      for (const each of paths) await collect(this.#folder(options), each, items, signal)
    } catch (error) {
      signal.throwIfAborted()
      throw upstreamError(error)
    }
    if (isTaken()) return false
    const newest = this.#service.entries.at(-1)?.created ?? 0
    const contentBytes = items.reduce((total, item) => total + (item.content?.length ?? 0), 0)
    this.#service.entries.push({
      repository: this.#repository,
      scope: this.#scope,
      key,
      version,
      manifest: digestOf(`${newest + 1}`),
      manifestBytes: 0,
      contentBytes,
      created: Math.max(Date.now(), newest + 1),
      origin: 'save',
      writer: '',
      items,
    })
    options.onProgress?.(contentBytes)
    return true
  }

  async close(): Promise<void> {
    this.#closing.abort(new SwarmCacheError('ERR_CLOSED', 'The upstream is closed.'))
  }

  async #begin(
    kind: 'lookup' | 'restore' | 'save',
    paths: readonly string[],
    key: string,
    restoreKeys: readonly string[],
    options: UpstreamOptions,
  ): Promise<AbortSignal> {
    assertKeys(key, restoreKeys)
    if (paths.length === 0) throw inputError('No path was given. Name at least one file or folder.')
    const { signal: given } = options
    const signal = AbortSignal.any([this.#closing.signal, ...(given === undefined ? [] : [given])])
    signal.throwIfAborted()
    this.calls[kind] += 1
    try {
      await this.#beforeCall?.(kind, key)
    } catch (error) {
      throw upstreamError(error)
    }
    signal.throwIfAborted()
    return signal
  }

  #find(
    paths: readonly string[],
    key: string,
    restoreKeys: readonly string[],
    options: UpstreamOptions,
  ): SavedEntry | undefined {
    return bestMatch(this.#service.entries, {
      repository: this.#repository,
      scopes: this.#readable,
      key,
      restoreKeys,
      version: entryVersion(paths, options.crossOs),
    })?.entry
  }

  #folder(options: UpstreamOptions): string {
    return options.workingDirectory ?? this.#workingDirectory
  }
}

async function collect(
  folder: string,
  relative: string,
  items: SavedItem[],
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted()
  const full = path.resolve(folder, relative)
  const { mode, mtime, ...stats } = await statOf(full)
  if (stats.kind === 'link') {
    items.push({ path: relative, mode, mtime, target: await readlink(full) })
  } else if (stats.kind === 'file') {
    items.push({ path: relative, mode, mtime, content: await readFile(full) })
  } else {
    items.push({ path: relative, mode, mtime })
    for (const name of (await readdir(full)).sort()) {
      await collect(folder, path.join(relative, name), items, signal)
    }
  }
}

async function statOf(
  full: string,
): Promise<{ mode: number; mtime: Date; kind: 'link' | 'file' | 'folder' }> {
  const stats = await lstat(full)
  const kind = stats.isSymbolicLink() ? 'link' : stats.isDirectory() ? 'folder' : 'file'
  return { mode: stats.mode & 0o7777, mtime: stats.mtime, kind }
}

async function write(folder: string, item: SavedItem): Promise<void> {
  const full = path.resolve(folder, item.path)
  if (item.content === undefined && item.target === undefined) {
    await mkdir(full, { recursive: true, mode: item.mode })
    return
  }
  await mkdir(path.dirname(full), { recursive: true })
  await rm(full, { recursive: true, force: true })
  if (item.target !== undefined) {
    await symlink(item.target, full)
    return
  }
  await writeFile(full, item.content ?? Buffer.alloc(0), { mode: item.mode })
  await utimes(full, item.mtime, item.mtime)
}

function upstreamError(error: unknown): SwarmCacheError {
  if (error instanceof SwarmCacheError && error.code === 'ERR_UPSTREAM') return error
  const missing =
    errnoOf(error) === 'ENOENT' ? 'A path to save does not exist' : 'The upstream failed'
  return new SwarmCacheError('ERR_UPSTREAM', `${missing}: ${errorMessage(error)}`, { cause: error })
}
