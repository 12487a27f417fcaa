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

/** Reads the settings and hides the secret ones from the log. */
export function readConfig(env: Environment, logger: Logger): Config {
  const config = loadConfig({ env })
  if (config.swarmKey !== undefined) core.setSecret(config.swarmKey)
  for (const warning of config.warnings) logger.log('warning', warning)
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
  if (!config.peers) return alone(config)
  if (config.swarmKey === undefined) {
    core.notice(
      'This job has no swarm key, so it works without peers. To share with other runners, give the step "swarm-key: ${{ secrets.SWARMCACHE_KEY }}" (any 16 or more random characters, the same for the whole fleet; fork pull requests get no secrets).',
    )
    return alone(config)
  }
  try {
    keepNode(await startNode(env))
    return config
  } catch (error) {
    if (isSwarmCacheError(error, 'ERR_INPUT')) throw error
    if (isSwarmCacheError(error, 'ERR_CONTROL')) {
      core.debug(`The node of this machine is used: ${errorMessage(error)}`)
      return config
    }
    core.warning(
      `No node could be started, so this job works without peers: ${errorMessage(error)}`,
    )
    return alone(config)
  }
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

function alone(config: Config): Config {
  keepNodeAbsent()
  return { ...config, peers: false }
}
