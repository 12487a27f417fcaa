import * as core from '@actions/core'
import type { Cache } from '../cache/cache.ts'
import { formatSize } from '../core/sizes.ts'
import type { Inputs } from './inputs.ts'
import { progressReporter } from './progress.ts'
import { writeSaveSummary } from './summary.ts'
import { inGroup } from './workflow-log.ts'

/** Saves the paths under `key`; what cannot be saved is said and does not fail the step. */
export async function saveStep(cache: Cache, inputs: Inputs, key: string): Promise<void> {
  const result = await inGroup(`Saving ${key}`, async () => {
    return await cache.save(inputs.paths, key, {
      crossOs: inputs.crossOs,
      onProgress: progressReporter(),
    })
  })
  await writeSaveSummary(result)
  if (!result.saved) {
    core.info(`Cache not saved: ${result.reason ?? `the key ${key} is taken`}`)
    return
  }
  const { bytes, files } = result
  core.info(
    `Cache Size: ~${formatSize(bytes.content)} in ${files} files, ${formatSize(bytes.stored)} stored`,
  )
  core.info(`Cache saved with key: ${key}`)
}
