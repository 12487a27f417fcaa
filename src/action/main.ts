import { runFailSoft } from './fail-soft.ts'
import { processEnvironment, readInputs, settingsEnvironment } from './inputs.ts'
import { isCacheable, joinSwarm, readConfig, withSession } from './job-session.ts'
import { restoreStep } from './restore-step.ts'
import { saveStep } from './save-step.ts'
import { keepPrimaryKey } from './state.ts'
import { workflowLogger } from './workflow-log.ts'

void runFailSoft(async () => {
  const env = settingsEnvironment(processEnvironment())
  const inputs = readInputs(env)
  const logger = workflowLogger()
  const config = readConfig(env)
  if (!isCacheable(env)) return
  const joined = await joinSwarm(env, config)
  if (inputs.mode === 'serve') return
  if (inputs.mode === 'cache') keepPrimaryKey(inputs.key)
  await withSession(joined, logger, async ({ cache }) => {
    if (inputs.mode === 'save') await saveStep(cache, inputs, inputs.key)
    else await restoreStep(cache, inputs)
  })
})
