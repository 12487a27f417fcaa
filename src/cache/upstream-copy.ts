import type { EntryQuery } from '../core/entry.ts'
import type { OwnTurn } from '../lease/lease.ts'
import type { Background } from './background.ts'
import type { TreeCacheOptions, TreeCacheParts } from './tree-parts.ts'

/** What the upstream has just restored. */
export interface UpstreamCopy {
  readonly paths: readonly string[]
  readonly query: EntryQuery
  /** The key that the upstream matched. */
  readonly key: string
  /** For which others wait; it ends when they can have the copy, or there is none. */
  readonly turn: OwnTurn
}

/**
 * Indexes what the upstream restored and offers it to the peers, in the background.
 *
 * The tree may be changed meanwhile by the build, so the copy is given up if anything in it is newer than
 * this moment. The entry goes under the own scope: the upstream does not say which scope it matched in.
 */
export function copyFromUpstream(
  parts: TreeCacheParts & { readonly background: Background },
  options: TreeCacheOptions,
  copy: UpstreamCopy,
): void {
  // ctime has fractions of a millisecond, which the clock cuts off.
  const unchangedSince = Date.now() + 1
  parts.background.start(`Offering "${copy.key}" to the peers`, async (signal) => {
    const { turn } = copy
    let offered = false
    try {
      const { commitTree } = await import('./save.ts')
      await commitTree(
        parts,
        { ...options, signal, onProgress: () => turn.progressed() },
        {
          paths: copy.paths,
          key: copy.key,
          version: copy.query.version,
          origin: 'upstream',
          unchangedSince,
        },
      )
      offered = true
    } finally {
      await turn.done(offered)
    }
  })
}
