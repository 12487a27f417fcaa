import { assertKeys } from '../core/cache-key.ts'
import { inputError } from '../core/errors.ts'
import { Background } from './background.ts'
import type { Cache, CacheOptions, RestoreResult, SaveResult } from './cache.ts'
import type { TreeCacheOptions, TreeCacheParts } from './tree-parts.ts'

/** Restores and saves trees through the tiers and the upstream. */
export class TreeCache implements Cache {
  readonly #parts: TreeCacheParts
  readonly #options: TreeCacheOptions
  readonly #background: Background

  constructor(parts: TreeCacheParts, options: TreeCacheOptions) {
    this.#parts = parts
    this.#options = options
    this.#background = new Background(parts.logger)
  }

  async restore(
    paths: readonly string[],
    key: string,
    restoreKeys: readonly string[] = [],
    options: CacheOptions & { readonly lookupOnly?: boolean } = {},
  ): Promise<RestoreResult> {
    assertPaths(paths)
    assertKeys(key, restoreKeys)
    const { Restore } = await import('./restore.ts')
    const restore = new Restore(
      { ...this.#parts, background: this.#background },
      { ...this.#options, ...definedOf(options) },
    )
    return await restore.run(paths, key, restoreKeys)
  }

  async save(
    paths: readonly string[],
    key: string,
    options: CacheOptions = {},
  ): Promise<SaveResult> {
    assertPaths(paths)
    assertKeys(key)
    const { Save } = await import('./save.ts')
    const save = new Save(this.#parts, { ...this.#options, ...definedOf(options) })
    return await save.run(paths, key)
  }

  async settle(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    await this.#background.settle(options.signal)
  }
}

function assertPaths(paths: readonly string[]): void {
  if (paths.every((path) => path.trim() === '')) {
    throw inputError('No path was given. Name at least one file, folder or pattern to cache.')
  }
}

/** The options that are set, so that an undefined one does not hide a default. */
function definedOf<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T
}
