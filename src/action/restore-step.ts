import * as core from '@actions/core'
import type { Cache } from '../cache/cache.ts'
import { StepFailure } from './fail-soft.ts'
import type { Inputs } from './inputs.ts'
import { setRestoreOutputs } from './outputs.ts'
import { progressReporter } from './progress.ts'
import { keepMatchedKey } from './state.ts'
import { writeRestoreSummary } from './summary.ts'
import { inGroup } from './workflow-log.ts'

/**
 * Restores what the inputs ask for and says so as actions/cache does, in the log and the outputs.
 *
 * @throws StepFailure on a miss with `fail-on-cache-miss`, ERR_INPUT for bad keys or paths.
 */
export async function restoreStep(cache: Cache, inputs: Inputs): Promise<void> {
  const { key, restoreKeys, lookupOnly } = inputs
  const result = await inGroup(`Looking for ${key}`, async () => {
    return await cache.restore(inputs.paths, key, restoreKeys, {
      lookupOnly,
      crossOs: inputs.crossOs,
      onProgress: progressReporter(),
    })
  })
  setRestoreOutputs(result)
  await writeRestoreSummary(result, lookupOnly)
  const { matchedKey } = result
  if (result.hit === 'miss' || matchedKey === undefined) {
    if (inputs.failOnCacheMiss) {
      throw new StepFailure(
        `Failed to restore cache entry. Exiting as fail-on-cache-miss is set. Input key: ${key}`,
      )
    }
    core.info(`Cache not found for input keys: ${[key, ...restoreKeys].join(', ')}`)
    return
  }
  keepMatchedKey(matchedKey)
  core.info(
    lookupOnly
      ? `Cache found and can be restored from key: ${matchedKey}`
      : `Cache restored from key: ${matchedKey}`,
  )
}
