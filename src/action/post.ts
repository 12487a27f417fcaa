import * as core from '@actions/core'
import type { Config } from '../config.ts'
import { withDeadline } from '../async/deadline.ts'
import { errorMessage } from '../core/errors.ts'
import { readTail } from './log-tail.ts'
import { stopNode } from './background-node.ts'
import { runFailSoft } from './fail-soft.ts'
import { processEnvironment, readInputs, settingsEnvironment } from './inputs.ts'
import type { Inputs } from './inputs.ts'
import { isCacheable, readConfig, withSession } from './job-session.ts'
import { saveStep } from './save-step.ts'
import { readState } from './state.ts'
import type { StartedNode, StepState } from './state.ts'
import { writeApiSummary } from './summary.ts'
import { inGroup, workflowLogger } from './workflow-log.ts'

// The node answers at once, or it hangs.
const STATUS_MS = 3000

void runFailSoft(async () => {
  const state = readState()
  try {
    await saveAtEnd(state)
  } finally {
    if (state.node !== undefined) await leave(state.node)
  }
})

async function saveAtEnd(state: StepState): Promise<void> {
  const env = settingsEnvironment(processEnvironment())
  const inputs = readInputs(env)
  if (inputs.mode !== 'cache') return
  const config = readConfig(env)
  if (!isCacheable(env)) return
  const key = state.primaryKey || inputs.key
  if (!shouldSave(inputs, key, state.matchedKey)) return
  // What is to be said about the settings has been said by main.
  const membership = { ...config.membership, improvable: false }
  const quiet: Config = { ...config, membership, peers: config.peers && state.peers, warnings: [] }
  await withSession(quiet, workflowLogger(), async (session) => {
    await saveStep(session.cache, inputs, key)
  })
}

/** True if there is something to save, and the job went well enough to save it. */
function shouldSave(inputs: Inputs, key: string, matchedKey: string): boolean {
  const succeeded = inputs.jobStatus === '' || inputs.jobStatus === 'success'
  if (!succeeded && !inputs.saveAlways) {
    core.info(`The job's status is ${inputs.jobStatus}, not saving cache.`)
    return false
  }
  if (key.localeCompare(matchedKey, undefined, { sensitivity: 'accent' }) === 0) {
    core.info(`Cache hit occurred on the primary key ${key}, not saving cache.`)
    return false
  }
  return true
}

async function leave(node: StartedNode): Promise<void> {
  await sumUpApi()
  const wasRunning = await stopNode(node)
  if (!wasRunning) core.warning('The node of this job had ended before the job did.')
  await inGroup('Log of the node', async () => core.info(await readTail(node.logPath)))
}

/** What the node's API cache saved this job, for the summary; a node that does not answer says nothing. */
async function sumUpApi(): Promise<void> {
  try {
    const { home, request } = readConfig(settingsEnvironment(processEnvironment()))
    const { connectToNode } = await import('../compose.ts')
    await withDeadline(STATUS_MS, 'The status of the node', undefined, async () => {
      const running = await connectToNode(home)
      const swarms = (await running?.status())?.swarms ?? []
      const own = swarms.find(({ repository }) => repository === request.repository)
      await running?.stop()
      if (own !== undefined) await writeApiSummary(own.api)
    })
  } catch (error) {
    core.debug(`The API cache is not summed up: ${errorMessage(error)}`)
  }
}
