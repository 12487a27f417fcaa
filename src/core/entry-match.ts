import type { Entry, EntryQuery, NearMiss } from './entry.ts'

/** Where an entry stands in GitHub's order of precedence; compare with `compareMatches`. */
export interface EntryMatch<E extends Entry = Entry> {
  readonly entry: E
  readonly hit: 'exact' | 'prefix'
  /** Index of the scope in the query. */
  readonly scopeRank: number
  /** 0 the key itself, 1 prefix of the key, then two for each restore key (exact, prefix). */
  readonly keyRank: number
}

/**
 * How `entry` answers `query`, or undefined if it does not.
 *
 * GitHub's rules: scope by scope, in each the exact key, then entries that the key is a prefix of,
 * then each restore key in order (exact, then prefix), the newest first. Keys compare without case.
 * https://docs.github.com/actions/reference/workflows-and-actions/dependency-caching#cache-key-matching
 */
export function matchEntry<E extends Entry>(
  entry: E,
  query: EntryQuery,
): EntryMatch<E> | undefined {
  if (entry.repository !== query.repository || entry.version !== query.version) return undefined
  if (query.attested === true && entry.token === undefined) return undefined
  if (query.except?.includes(entry.manifest) === true) return undefined
  const scopeRank = query.scopes.indexOf(entry.scope)
  if (scopeRank === -1) return undefined
  const candidate = foldKey(entry.key)
  const keys = [query.key, ...query.restoreKeys]
  for (const [index, key] of keys.entries()) {
    const wanted = foldKey(key)
    if (candidate === wanted) {
      const hit = candidate === foldKey(query.key) ? 'exact' : 'prefix'
      return { entry, hit, scopeRank, keyRank: index * 2 }
    }
    if (entry.origin === 'save' && candidate.startsWith(wanted)) {
      return { entry, hit: 'prefix', scopeRank, keyRank: index * 2 + 1 }
    }
  }
  return undefined
}

/** Negative if `a` is the better answer. */
export function compareMatches(a: EntryMatch, b: EntryMatch): number {
  return (
    a.scopeRank - b.scopeRank ||
    a.keyRank - b.keyRank ||
    b.entry.created - a.entry.created ||
    // Two writers within one millisecond: any fixed order, so that all peers choose alike.
    (a.entry.manifest < b.entry.manifest ? -1 : a.entry.manifest > b.entry.manifest ? 1 : 0)
  )
}

/** The best answer among `entries`, or undefined. */
export function bestMatch<E extends Entry>(
  entries: Iterable<E>,
  query: EntryQuery,
): EntryMatch<E> | undefined {
  let best: EntryMatch<E> | undefined
  for (const entry of entries) {
    const match = matchEntry(entry, query)
    if (match !== undefined && (best === undefined || compareMatches(match, best) < 0)) best = match
  }
  return best
}

/** Why `entry`, which has a key of the query but does not match it, is no answer. */
export function nearMissOf(entry: Entry, query: EntryQuery): NearMiss {
  const reason = query.scopes.includes(entry.scope) ? 'other-version' : 'other-scope'
  return { reason, key: entry.key, scope: entry.scope }
}

/** Keys compare as the service compares them: without case. */
export function foldKey(key: string): string {
  return key.toLowerCase()
}
