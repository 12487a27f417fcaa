import type { EntryQuery, NearMiss } from '../core/entry.ts'
import type { Logger } from '../core/logger.ts'

/** Says of each entry with a key of the query why it is no answer. */
export function explainNearMisses(
  logger: Logger,
  query: EntryQuery,
  nearMisses: readonly NearMiss[],
): void {
  for (const near of nearMisses) {
    const why =
      near.reason === 'other-version'
        ? 'was saved with other paths (they must be declared alike, in the same order, to match)'
        : `belongs to ${near.scope}, which a run of ${query.scopes[0]} may not read`
    logger.log('notice', `An entry "${near.key}" exists but ${why}.`)
  }
}
