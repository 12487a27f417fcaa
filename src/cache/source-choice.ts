import type { EntryQuery } from '../core/entry.ts'
import { foldKey } from '../core/entry-match.ts'
import type { EntryMatch } from '../core/entry-match.ts'
import type { UpstreamHit } from '../store/store.ts'

/**
 * Which of two answers to a query is restored.
 *
 * An exact key wins over a prefix. Between two prefix hits the earlier restore key wins; for the same one
 * the upstream decides, because it knows what runners outside the swarm saved since (the bytes still come
 * from a peer if one holds what the upstream names).
 */
export function preferUpstream(
  tiers: EntryMatch | undefined,
  upstream: UpstreamHit | undefined,
  query: EntryQuery,
): 'tiers' | 'upstream' {
  if (upstream === undefined) return 'tiers'
  if (tiers === undefined) return 'upstream'
  if (tiers.hit === 'exact' || foldKey(upstream.key) === foldKey(tiers.entry.key)) return 'tiers'
  return upstreamRank(upstream, query) <= tiers.keyRank ? 'upstream' : 'tiers'
}

/** `keyRank` of the upstream's key, as core/entry-match counts it. */
function upstreamRank(upstream: UpstreamHit, query: EntryQuery): number {
  const found = foldKey(upstream.key)
  const keys = [query.key, ...query.restoreKeys]
  for (const [index, key] of keys.entries()) {
    const wanted = foldKey(key)
    if (found === wanted) return index * 2
    if (found.startsWith(wanted)) return index * 2 + 1
  }
  return Infinity
}
