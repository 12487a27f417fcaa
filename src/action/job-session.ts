import * as core from '@actions/core'
import type { Session } from '../compose.ts'
import { loadConfig } from '../config.ts'
import type { Config } from '../config.ts'
import { errorMessage, isSwarmCacheError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { startNode } from './background-node.ts'
import { hasRef } from './inputs.ts'
import type { Environment } from './inputs.ts'
import { keepNode, keepNodeAbsent } from './state.ts'

// Indexing what the upstream restored and copying a save to it takes seconds; a job may not wait for ever.
const SETTLE_MS = 10 * 60 * 1000

/** Reads the settings and hides the secret one from the log. */
export function readConfig(env: Environment): Config {
  const config = loadConfig({ env })
  if (config.swarmKey !== undefined) core.setSecret(config.swarmKey)
  if (config.github.token !== undefined) core.setSecret(config.github.token)
  return config
}

/** False, with a word on it, if the run belongs to no ref, which entries are scoped by. */
export function isCacheable(env: Environment): boolean {
  if (hasRef(env)) return true
  const event = env['GITHUB_EVENT_NAME'] ?? ''
  core.info(
    `[warning]Event Validation Error: The event type ${event} is not supported because it's not tied to a branch or tag ref.`,
  )
  return false
}

/**
 * Starts the node of the job unless it has one; returns the config to go on with, which is one
 * without peers if there can be no node.
 *
 * @throws ERR_INPUT for a setting that the node refuses.
 */
export async function joinSwarm(env: Environment, config: Config): Promise<Config> {
  if (!config.peers || config.membership.proof === 'none') {
    keepNodeAbsent()
    return config
  }
  try {
    const github = config.registries.some(({ kind }) => kind === 'github')
    if (!(await isNodeRunning(config.home))) keepNode(await startNode(env, { github }))
    return config
  } catch (error) {
    if (isSwarmCacheError(error, 'ERR_INPUT')) throw error
    core.warning(
      `No node could be started, so this job works without peers: ${errorMessage(error)}`,
    )
    keepNodeAbsent()
    return { ...config, peers: false }
  }
}

/** True if an earlier step of the job, or the machine, has a node for this home. */
async function isNodeRunning(home: string): Promise<boolean> {
  const { connectToNode } = await import('../compose.ts')
  const node = await connectToNode(home)
  await node?.stop()
  return node !== undefined
}

/** Opens a session for `work` and closes it within a deadline. */
export async function withSession(
  config: Config,
  logger: Logger,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  // The parts take time to load, and a step with nothing to do need not wait for them.
  const { openSession } = await import('../compose.ts')
  const session = await openSession(config, { logger })
  try {
    await work(session)
  } finally {
    await session.stop({ signal: AbortSignal.timeout(SETTLE_MS) })
  }
}
