import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pause, withDeadline } from '../async/deadline.ts'
import { SwarmCacheError } from '../core/errors.ts'
import { JOB_PROCESS_VARIABLE } from './daemon-message.ts'
import type { DaemonMessage } from './daemon-message.ts'
import type { Environment } from './inputs.ts'
import { isRunning } from './process-life.ts'
import type { StartedNode } from './state.ts'

// Loading libp2p and listening takes well under a second; a loaded machine may need a few.
const READY_MS = 10_000
// Longer than the daemon gives itself to drain.
const DRAIN_MS = 15_000
const DRAIN_POLL_MS = 20

// The node needs its settings and where things are on this machine. Of the job's tokens it gets only what it
// mints its ID tokens with, as long as it lives.
const PASSED_ON =
  /^(SWARMCACHE_\w+|ACTIONS_ID_TOKEN_REQUEST_(URL|TOKEN)|CACHE_ENABLE_P2P|P2P_\w+|GITHUB_(ACTIONS|REPOSITORY|REF|BASE_REF|EVENT_NAME|EVENT_PATH|SERVER_URL|API_URL)|RUNNER_(TEMP|OS|NAME|TRACKING_ID)|XDG_CACHE_HOME|PATH|HOME|USERPROFILE|SystemRoot|TMPDIR|TEMP|TMP|LANG|TZ)$/i

// The others it gets only if it announces itself through GitHub. No peer ever sees one of these tokens.
const PASSED_ON_FOR_GITHUB =
  /^(GITHUB_TOKEN|ACTIONS_(RUNTIME_TOKEN|RESULTS_URL|CACHE_URL|CACHE_SERVICE_V2|CACHE_MODE)|(HTTPS?|ALL|NO)_PROXY|NODE_USE_ENV_PROXY|NODE_EXTRA_CA_CERTS)$/i

/** What a node may have. */
export interface NodeAccess {
  /** True: the tokens that reach GitHub. */
  readonly github: boolean
}

/**
 * Starts a node in a process of its own that outlives this step; resolves when it takes part.
 *
 * The runner ends it with the job's other left-over processes, should post never come.
 *
 * @throws what the node could not start for: ERR_INPUT for a bad setting, ERR_CONTROL if one runs already.
 */
export async function startNode(env: Environment, access: NodeAccess): Promise<StartedNode> {
  const logPath = join(env['RUNNER_TEMP'] || tmpdir(), `swarmcache-node-${process.pid}.log`)
  const log = openSync(logPath, 'a', 0o600)
  const child = fork(join(import.meta.dirname, daemonFile()), [], {
    detached: true,
    execArgv: [],
    env: daemonEnvironment(env, access),
    stdio: ['ignore', log, log, 'ipc'],
  })
  closeSync(log)
  try {
    const message = await withDeadline(READY_MS, 'Starting the node', undefined, (signal) =>
      firstMessage(child, signal),
    )
    if (message.state === 'failed') {
      throw new SwarmCacheError(message.code ?? 'ERR_CONTROL', message.message)
    }
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  } finally {
    if (child.connected) child.disconnect()
    child.unref()
  }
  return { pid: child.pid!, logPath }
}

/** Asks a node to drain and leave; ends it if that takes too long. False if it was gone already. */
export async function stopNode({ pid }: StartedNode): Promise<boolean> {
  if (!isRunning(pid) || !sendSignal(pid, 'SIGTERM')) return false
  const endMs = performance.now() + DRAIN_MS
  while (isRunning(pid)) {
    if (performance.now() > endMs) return sendSignal(pid, 'SIGKILL')
    await pause(DRAIN_POLL_MS)
  }
  return true
}

function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    // It has just ended, or its id belongs to somebody else's process by now.
    return false
  }
}

async function firstMessage(child: ChildProcess, signal: AbortSignal): Promise<DaemonMessage> {
  const exited = once(child, 'exit', { signal }).then((): DaemonMessage => {
    return { state: 'failed', code: undefined, message: 'The process of the node ended at once.' }
  })
  const told = once(child, 'message', { signal }).then(([message]) => message as DaemonMessage)
  return await Promise.race([told, exited])
}

function daemonEnvironment(env: Environment, { github }: NodeAccess): NodeJS.ProcessEnv {
  const passed = Object.entries(env).filter(
    ([name]) => PASSED_ON.test(name) || (github && PASSED_ON_FOR_GITHUB.test(name)),
  )
  return {
    // Makes Node's own requests take the proxy that the runner is set to.
    ...(github ? { NODE_USE_ENV_PROXY: '1' } : {}),
    ...Object.fromEntries(passed),
    SWARMCACHE_UPSTREAM: 'off',
    [JOB_PROCESS_VARIABLE]: String(process.ppid),
  }
}

// Source files run as they are; the bundle puts the daemon beside whoever starts it.
function daemonFile(): string {
  return import.meta.filename.endsWith('.ts') ? 'daemon.ts' : 'daemon.js'
}
