import type { Packed } from '../archive/archive.ts'
import { withDeadline } from '../async/deadline.ts'
import { entryVersion } from '../core/cache-key.ts'
import type { Digest } from '../core/digest.ts'
import { digestOf } from '../core/digest.ts'
import { errorMessage, isSwarmCacheError } from '../core/errors.ts'
import { encodeManifest, totalBytes } from '../core/manifest.ts'
import type { OwnTurn } from '../lease/lease.ts'
import type { CacheOptions, CacheProgress, SaveResult } from './cache.ts'
import { notesFile } from './notes-file.ts'
import { takeTurn, workName } from './shared-work.ts'
import type { TreeCacheOptions, TreeCacheParts } from './tree-parts.ts'

const LOOKUP_DEADLINE_MS = 5_000

interface SaveOptions extends TreeCacheOptions, Omit<CacheOptions, 'workingDirectory'> {}

/** A tree to be packed and entered under a key. */
export interface TreeToCommit {
  readonly paths: readonly string[]
  readonly key: string
  readonly version: Digest
  readonly origin: 'save' | 'upstream'
  /** Milliseconds since the epoch; a file that changed later ends the work. */
  readonly unchangedSince?: number
}

/** Packs a tree into the tiers and enters it in the own scope; `committed` is false if the name was taken meanwhile. */
export async function commitTree(
  parts: TreeCacheParts,
  options: SaveOptions,
  tree: TreeToCommit,
): Promise<{ packed: Packed; digest: Digest; committed: boolean }> {
  const { tiers, archive, logger } = parts
  const packed = await archive.pack(tree.paths, tiers, {
    signal: options.signal,
    workingDirectory: options.workingDirectory,
    threads: options.threads,
    unchangedSince: tree.unchangedSince,
    notes: notesFile(options, tree.paths),
    onProgress: ({ bytes }) => options.onProgress?.({ phase: 'pack', bytes, peers: 0 }),
  })
  for (const warning of packed.warnings) logger.log('warning', warning)
  const manifest = encodeManifest(packed.manifest)
  const digest = digestOf(manifest)
  await tiers.putManifest(digest, manifest)
  const committed = await tiers.commit({
    repository: options.request.repository,
    scope: options.request.scope,
    key: tree.key,
    version: tree.version,
    manifest: digest,
    manifestBytes: manifest.length,
    contentBytes: totalBytes(packed.manifest.content),
    created: Date.now(),
    origin: tree.origin,
    ...options.request.provenance,
  })
  return { packed, digest, committed }
}

/** One save, from the question whether the key is taken to the upstream's copy. */
export class Save {
  readonly #parts: TreeCacheParts
  readonly #options: SaveOptions
  readonly #started = performance.now()

  constructor(parts: TreeCacheParts, options: SaveOptions) {
    this.#parts = parts
    this.#options = options
  }

  async run(paths: readonly string[], key: string): Promise<SaveResult> {
    const { writeRefused } = this.#options.request
    if (writeRefused !== undefined) {
      this.#parts.logger.log('notice', `Nothing is saved. ${writeRefused}`)
      return this.#unsaved(key, writeRefused)
    }
    const version = entryVersion(paths, this.#options.crossOs)
    if (await this.#isTaken(key, version)) return this.#unsaved(key, taken(key))
    const { repository, scope } = this.#options.request
    const turn = await takeTurn(
      this.#parts,
      workName('save', { repository, scope, key, version }),
      { signal: this.#options.signal, onWaiting: () => this.#wait() },
    )
    if (turn.kind === 'done') return this.#unsaved(key, taken(key))
    try {
      return await this.#write(paths, key, version, turn)
    } finally {
      await turn.done(false)
    }
  }

  /**
   * Saves for all runners that save the same. They go on as soon as the peers have it: the upstream, too,
   * tells them that the key is taken while the first is still uploading.
   */
  async #write(
    paths: readonly string[],
    key: string,
    version: Digest,
    turn: OwnTurn,
  ): Promise<SaveResult> {
    const { logger } = this.#parts
    const options = { ...this.#options, onProgress: this.#follow(turn) }
    let reason: string | undefined
    let done: Awaited<ReturnType<typeof commitTree>> | undefined
    try {
      done = await commitTree(this.#parts, options, { paths, key, version, origin: 'save' })
      await turn.done(true)
      if (!done.committed) reason = taken(key)
    } catch (error) {
      this.#options.signal?.throwIfAborted()
      if (isSwarmCacheError(error, 'ERR_PATH') || isSwarmCacheError(error, 'ERR_INPUT')) throw error
      reason = errorMessage(error)
      logger.log('warning', `Saving "${key}" for the peers failed: ${reason}`)
    }
    if (done?.committed === false) return this.#saved(key, false, reason, done)
    const written = await this.#writeThrough(paths, key, turn)
    if (written) await turn.done(true)
    return this.#saved(key, done !== undefined || written, reason, done)
  }

  #follow(turn: OwnTurn): (progress: CacheProgress) => void {
    return (progress) => {
      turn.progressed()
      this.#options.onProgress?.(progress)
    }
  }

  #wait(): void {
    this.#options.onProgress?.({ phase: 'lookup', bytes: 0, peers: 0 })
  }

  async #isTaken(key: string, version: Digest): Promise<boolean> {
    const { repository, scope } = this.#options.request
    try {
      const lookup = await withDeadline(
        LOOKUP_DEADLINE_MS,
        'Asking the peers',
        this.#options.signal,
        (signal) =>
          this.#parts.tiers.find(
            { repository, scopes: [scope], key, restoreKeys: [], version },
            { signal },
          ),
      )
      return lookup.match?.hit === 'exact'
    } catch (error) {
      this.#options.signal?.throwIfAborted()
      this.#parts.logger.log('warning', `Asking the peers failed: ${errorMessage(error)}`)
      return false
    }
  }

  async #writeThrough(paths: readonly string[], key: string, turn: OwnTurn): Promise<boolean> {
    const { upstream, logger } = this.#parts
    if (upstream === undefined || !this.#options.writeThrough) return false
    try {
      const { signal, crossOs } = this.#options
      const saved = await upstream.save(paths, key, {
        signal,
        crossOs,
        onProgress: (bytes) => this.#follow(turn)({ phase: 'upstream', bytes, peers: 0 }),
      })
      if (!saved) logger.log('info', `The upstream has the key "${key}" already.`)
      return saved
    } catch (error) {
      this.#options.signal?.throwIfAborted()
      logger.log('warning', `Saving "${key}" to the upstream failed: ${errorMessage(error)}`)
      return false
    }
  }

  #saved(
    key: string,
    saved: boolean,
    reason: string | undefined,
    done: Awaited<ReturnType<typeof commitTree>> | undefined,
  ): SaveResult {
    const base = this.#unsaved(key, reason)
    if (done === undefined) return { ...base, saved }
    const { packed, digest } = done
    const { files, bytes, chunks } = packed
    return { ...base, saved, digest, files, bytes, chunks }
  }

  #unsaved(key: string, reason: string | undefined): SaveResult {
    return {
      saved: false,
      reason,
      key,
      scope: this.#options.request.scope,
      files: 0,
      bytes: { content: 0, new: 0, stored: 0 },
      chunks: { total: 0, new: 0 },
      milliseconds: Math.round(performance.now() - this.#started),
    }
  }
}

function taken(key: string): string {
  return `The key "${key}" exists in this scope already and is left as it is.`
}
