import { Watchdog } from '../async/watchdog.ts'
import { digestOf } from '../core/digest.ts'
import type { Digest } from '../core/digest.ts'
import type { EntryName } from '../core/entry.ts'
import { foldKey } from '../core/entry-match.ts'
import { SwarmCacheError, errorMessage } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { UNLED_TURN } from '../lease/lease.ts'
import type { Turn } from '../lease/lease.ts'
import type { Tiers } from './cache.ts'

/** What waiting for a turn works with. */
export interface SharedWorkParts {
  readonly tiers: Pick<Tiers, 'takeTurn'>
  readonly logger: Logger
}

/** Tunables of waiting for a turn. */
export interface SharedWorkOptions {
  readonly signal?: AbortSignal
  readonly onWaiting?: () => void
  /** Work that does not move on for this long is no longer waited for. */
  readonly patienceMs?: number
}

// Longer than a turn lasts whose work stands still, so that the next in line comes first.
const PATIENCE_MS = 45_000

/** The name of what one runner does with an entry for all others of its scope. */
export function workName(kind: 'restore' | 'save', { key, ...entry }: EntryName): Digest {
  const { repository, scope, version } = entry
  return digestOf(JSON.stringify([kind, repository, scope, version, foldKey(key)]))
}

/**
 * The turn for some work, or the news that another has done it.
 *
 * Whatever fails, and who waits in vain, does the work without: rejects with the signal's reason only.
 */
export async function takeTurn(
  parts: SharedWorkParts,
  name: Digest,
  options: SharedWorkOptions = {},
): Promise<Turn> {
  const { tiers, logger } = parts
  const { signal, patienceMs = PATIENCE_MS } = options
  const gaveUp = new AbortController()
  using patience = new Watchdog(patienceMs, () => {
    const why = `Another runner's work has not moved on for ${patienceMs} ms.`
    gaveUp.abort(new SwarmCacheError('ERR_TIMEOUT', why))
  })
  let last = -1
  const onWaiting = (progress: number): void => {
    options.onWaiting?.()
    if (progress <= last) return
    last = progress
    patience.heard()
  }
  try {
    const ending = signal === undefined ? gaveUp.signal : AbortSignal.any([signal, gaveUp.signal])
    return await tiers.takeTurn(name, { signal: ending, onWaiting })
  } catch (error) {
    signal?.throwIfAborted()
    logger.log('info', `Doing alone what others may do too: ${errorMessage(error)}`)
    return UNLED_TURN
  }
}
