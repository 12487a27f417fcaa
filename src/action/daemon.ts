// The node of a job: started by main, ended by post.
import { serveNode } from '../compose.ts'
import { loadConfig } from '../config.ts'
import { errorMessage, isSwarmCacheError } from '../core/errors.ts'
import { createLogger } from '../core/logger.ts'
import { JOB_PROCESS_VARIABLE } from './daemon-message.ts'
import type { DaemonMessage } from './daemon-message.ts'
import { processEnvironment } from './inputs.ts'
import { whenJobEnds } from './job-end.ts'

// Shorter than what post waits for.
const DRAIN_MS = 10_000

const logger = createLogger((level, line) => {
  console.log(`${new Date().toISOString()} ${level} ${line}`)
}, 'info')

process.on('uncaughtException', survive)
process.on('unhandledRejection', survive)

try {
  const env = processEnvironment()
  const node = await serveNode(loadConfig({ env }), { logger }, 'job')
  const addresses = (await node.status()).swarms.flatMap((swarm) => swarm.addresses)
  logger.log('info', `Taking part as ${addresses.join(', ') || 'a node that listens on nothing'}.`)
  tell({ state: 'ready' })
  const reason = await whenJobEnds(Number(env[JOB_PROCESS_VARIABLE]))
  logger.log('info', `Leaving: ${reason}.`)
  await node.stop({ signal: AbortSignal.timeout(DRAIN_MS) })
} catch (error) {
  logger.log('error', errorMessage(error))
  const code = isSwarmCacheError(error) ? error.code : undefined
  tell({ state: 'failed', code, message: errorMessage(error) })
  process.exitCode = 1
}
process.exit()

function tell(message: DaemonMessage): void {
  if (process.connected) process.send?.(message)
}

// A fault in one conversation must not take the node, and with it every other one, away.
function survive(error: unknown): void {
  logger.log('warning', errorMessage(error))
}
