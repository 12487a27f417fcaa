import type { Archive } from '../archive/archive.ts'
import type { Logger } from '../core/logger.ts'
import type { Upstream } from '../store/store.ts'
import type { RequestScope, Tiers } from './cache.ts'

/** What a cache of trees needs. */
export interface TreeCacheParts {
  readonly tiers: Tiers
  readonly archive: Archive
  /** Undefined when the upstream is off. */
  readonly upstream?: Upstream
  readonly logger: Logger
}

/** Tunables of a cache of trees. */
export interface TreeCacheOptions {
  readonly request: RequestScope
  readonly workingDirectory: string
  /** Whether saves go to the upstream as well. */
  readonly writeThrough: boolean
  /** Threads beside the caller's for packing and unpacking. */
  readonly threads: number
  /** A folder of this user where packing notes how it found trees; it reads all of them again without. */
  readonly notesFolder?: string
}
