import * as core from '@actions/core'
import type { RestoreResult } from '../cache/cache.ts'
import type { BytesByTier, Tier } from '../core/chunk.ts'

const TIERS: readonly Tier[] = ['memory', 'disk', 'shared', 'peers', 'upstream']

/** Sets the outputs of a restore; `cache-hit` stays unset on a miss, as with actions/cache. */
export function setRestoreOutputs(result: RestoreResult): void {
  core.setOutput('cache-primary-key', result.key)
  for (const tier of TIERS) core.setOutput(`bytes-${tier}`, result.bytes[tier])
  if (result.hit === 'miss') return
  core.setOutput('cache-hit', String(result.hit === 'exact'))
  core.setOutput('cache-matched-key', result.matchedKey)
  core.setOutput('source', mainSource(result.bytes))
}

/** The tier that most bytes came from; empty if none were moved. */
export function mainSource(bytes: BytesByTier): Tier | '' {
  let source: Tier | '' = ''
  for (const tier of TIERS) {
    if (bytes[tier] > (source === '' ? 0 : bytes[source])) source = tier
  }
  return source
}
