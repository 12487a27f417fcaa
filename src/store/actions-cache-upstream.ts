import { realpath } from 'node:fs/promises'
import path from 'node:path'
import { startDeadline } from '../async/deadline.ts'
import { Limit } from '../async/limit.ts'
import { assertKeys } from '../core/cache-key.ts'
import { errorMessage, inputError, isSwarmCacheError, SwarmCacheError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { runCall } from './actions-cache-call.ts'
import type { CallDeadlines } from './actions-cache-call.ts'
import { judgeRestore, judgeSave } from './actions-cache-outcome.ts'
import { ClientTranscript } from './actions-cache-output.ts'
import { ActionsCacheProcess } from './actions-cache-process.ts'
import type { WorkerCall, WorkerResult } from './actions-cache-worker.ts'
import type { ArchiveRelay } from './archive-relay.ts'
import type { ArchiveSource, Upstream, UpstreamHit, UpstreamOptions } from './store.ts'

/** Collaborators of the upstream. */
export interface ActionsCacheUpstreamParts {
  readonly logger: Logger
}

/** Settings of the upstream. */
export interface ActionsCacheUpstreamOptions extends Partial<CallDeadlines> {
  /** The job's environment; only what the client of the cache service reads is handed on to it. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** The folder that relative paths are relative to, unless a call names one; the process's own by default. */
  readonly workingDirectory?: string
}

// The client itself goes on for 25 to 40 s against a service that answers 5xx; a healthy one answers within one.
const LOOKUP_TIMEOUT_MS = 10_000
// The client gives up a download that is silent for 5 s, and waits 30 s a try for Azure's storage.
const STALL_TIMEOUT_MS = 60_000
// A request for a relayed archive is made again after this.
const MAX_SILENCE_MS = 10_000
// 10 GB at 3 MB/s, the slowest rate that users report.
const TOTAL_TIMEOUT_MS = 60 * 60_000
// Each needs 80 MB or so while it runs; more calls wait for their turn.
const MAX_PROCESSES = 4
const MAX_WAITING_CALLS = 64
// A lookup is often followed by a restore, a restore by a save.
const IDLE_PROCESS_MS = 30_000

/**
 * GitHub's cache service through @actions/cache, unchanged, in processes of its own.
 *
 * What it saves plain actions/cache restores, and the reverse: paths go to the client as written.
 * Nothing is loaded or started before the first call. An aborted call rejects with the signal's
 * reason once nothing of it runs any more.
 */
export class ActionsCacheUpstream implements Upstream {
  readonly #logger: Logger
  readonly #env: Readonly<Record<string, string | undefined>>
  readonly #workingDirectory: string | undefined
  readonly #deadlines: CallDeadlines
  readonly #turns = new Limit(MAX_PROCESSES, MAX_WAITING_CALLS)
  readonly #processes = new Set<ActionsCacheProcess>()
  readonly #idle = new Map<ActionsCacheProcess, NodeJS.Timeout>()
  readonly #closing = new AbortController()

  constructor(parts: ActionsCacheUpstreamParts, options: ActionsCacheUpstreamOptions) {
    this.#logger = parts.logger
    this.#env = options.env
    this.#workingDirectory = options.workingDirectory
    this.#deadlines = {
      lookupTimeoutMs: options.lookupTimeoutMs ?? LOOKUP_TIMEOUT_MS,
      stallTimeoutMs: options.stallTimeoutMs ?? STALL_TIMEOUT_MS,
      totalTimeoutMs: options.totalTimeoutMs ?? TOTAL_TIMEOUT_MS,
    }
  }

  async lookup(
    paths: readonly string[],
    key: string,
    restoreKeys: readonly string[],
    options: UpstreamOptions = {},
  ): Promise<UpstreamHit | undefined> {
    const found = await this.#call('lookup', paths, key, restoreKeys, options, judgeRestore)
    return found === undefined ? undefined : { key: found }
  }

  async restore(
    paths: readonly string[],
    key: string,
    restoreKeys: readonly string[],
    options: UpstreamOptions = {},
  ): Promise<UpstreamHit | undefined> {
    const found = await this.#call('restore', paths, key, restoreKeys, options, judgeRestore)
    return found === undefined ? undefined : { key: found }
  }

  /** The way of a restore whose archive comes from elsewhere; undefined where the client does all by itself. */
  async #relay(
    source: ArchiveSource | undefined,
    folder: string,
  ): Promise<ArchiveRelay | undefined> {
    if (source === undefined) return undefined
    try {
      const { ArchiveRelay, canRelay } = await import('./archive-relay.ts')
      if (!canRelay(this.#env)) return undefined
      const parts = { source, logger: this.#logger }
      // The client is told that its download has stalled once it was tried again for some time.
      const silenceMs = Math.min(MAX_SILENCE_MS, this.#deadlines.stallTimeoutMs / 4)
      return await ArchiveRelay.start(parts, { env: this.#env, folder, silenceMs })
    } catch (error) {
      this.#logger.log('info', `No download can be shared: ${errorMessage(error)}`)
      return undefined
    }
  }

  async save(
    paths: readonly string[],
    key: string,
    options: UpstreamOptions = {},
  ): Promise<boolean> {
    return await this.#call('save', paths, key, [], options, judgeSave)
  }

  /** Ends running calls with ERR_CLOSED and their processes with them. */
  async close(): Promise<void> {
    this.#closing.abort(new SwarmCacheError('ERR_CLOSED', 'The upstream is closed.'))
    for (const timer of this.#idle.values()) clearTimeout(timer)
    this.#idle.clear()
    await Promise.all([...this.#processes].map((process) => process.end()))
  }

  async #call<T>(
    kind: WorkerCall['kind'],
    paths: readonly string[],
    key: string,
    restoreKeys: readonly string[],
    options: UpstreamOptions,
    judge: (call: WorkerCall, done: WorkerResult, transcript: ClientTranscript) => T,
  ): Promise<T> {
    assertKeys(key, restoreKeys)
    if (paths.length === 0) throw inputError('No path was given. Name at least one file or folder.')
    const signals = [this.#closing.signal]
    if (options.signal !== undefined) signals.push(options.signal)
    const signal = AbortSignal.any(signals)
    signal.throwIfAborted()
    const workingDirectory = path.resolve(options.workingDirectory ?? this.#workingDirectory ?? '.')
    const workspace = await chooseWorkspace(paths, workingDirectory, this.#env['GITHUB_WORKSPACE'])
    const crossOs = options.crossOs ?? false
    const asked = { kind, paths, key, restoreKeys, crossOs, workingDirectory, workspace }
    using _turn = await this.#takeTurn(asked, signal)
    await using relay = await this.#relay(options.source, workspace ?? workingDirectory)
    const environment = relay?.environment
    const call = { ...asked, environment }
    const process = await this.#takeProcess(call)
    const tokens = [this.#env, environment].map((env) => env?.['ACTIONS_RUNTIME_TOKEN'] ?? '')
    const transcript = new ClientTranscript(kind, tokens)
    let failed = true
    try {
      const { onProgress } = options
      const watched = { ...this.#deadlines, signal, onProgress }
      const done = await runCall(process, call, transcript, this.#logger, watched)
      const verdict = judge(call, done, transcript)
      failed = false
      for (const warning of transcript.warnings) this.#logger.log('warning', warning)
      return verdict
    } finally {
      // Pieces of a failed transfer may go on in the process and throw into the next call.
      const transferred = transcript.phase === 'download' || transcript.phase === 'upload'
      if (failed && transferred) await process.end()
      if (process.alive) this.#keepIdle(process)
      else this.#processes.delete(process)
    }
  }

  async #takeTurn(call: WorkerCall, signal: AbortSignal): Promise<Disposable> {
    const { totalTimeoutMs } = this.#deadlines
    using deadline = startDeadline(totalTimeoutMs, 'Waiting for earlier upstream calls', signal)
    try {
      return await this.#turns.acquire(1, deadline.signal)
    } catch (error) {
      if (!isSwarmCacheError(error, 'ERR_LIMIT') && !isSwarmCacheError(error, 'ERR_TIMEOUT')) {
        throw error
      }
      throw new SwarmCacheError('ERR_UPSTREAM', `${error.message} Start fewer at a time.`, {
        cause: error,
        facts: { reason: 'timeout', call: call.kind, key: call.key },
      })
    }
  }

  async #takeProcess(call: WorkerCall): Promise<ActionsCacheProcess> {
    for (const [process, timer] of this.#idle) {
      clearTimeout(timer)
      this.#idle.delete(process)
      if (process.alive) return process
      this.#processes.delete(process)
    }
    try {
      const process = await ActionsCacheProcess.start(this.#env)
      this.#processes.add(process)
      return process
    } catch (error) {
      throw new SwarmCacheError(
        'ERR_UPSTREAM',
        `The client of the cache service cannot be started: ${errorMessage(error)}. Check RUNNER_TEMP or the folder for temporary files.`,
        { cause: error, facts: { reason: 'crashed', call: call.kind, key: call.key } },
      )
    }
  }

  #keepIdle(process: ActionsCacheProcess): void {
    const timer = setTimeout(() => {
      this.#idle.delete(process)
      this.#processes.delete(process)
      void process.end()
    }, IDLE_PROCESS_MS)
    timer.unref()
    this.#idle.set(process, timer)
  }
}

/**
 * The folder that names in the archive are relative to (GITHUB_WORKSPACE for plain actions/cache).
 *
 * Away from it, relative paths mean the working directory; an archive of relative paths alone can
 * be made so, one that mixes both kinds cannot be read back in both places.
 */
async function chooseWorkspace(
  paths: readonly string[],
  workingDirectory: string,
  workspace: string | undefined,
): Promise<string | undefined> {
  if (workspace === undefined || workspace === '') return undefined
  const patterns = paths
    .flatMap((lines) => lines.split('\n'))
    .map((line) => line.trim().replace(/^!+\s*/, ''))
    .filter((line) => line !== '' && !line.startsWith('#'))
  const rooted = patterns.filter((line) => path.isAbsolute(line) || line.startsWith('~'))
  if (rooted.length === patterns.length) return workspace
  if (rooted.length === 0) return undefined
  if ((await realPath(workspace)) === (await realPath(workingDirectory))) return workspace
  throw new SwarmCacheError(
    'ERR_UPSTREAM',
    `The upstream cannot take relative and absolute paths together outside of GITHUB_WORKSPACE (${workspace}); the working directory is ${workingDirectory}. Run there, or give paths of one kind.`,
    { facts: { reason: 'failed', workingDirectory, workspace } },
  )
}

async function realPath(folder: string): Promise<string> {
  try {
    return await realpath(folder)
  } catch {
    return path.resolve(folder)
  }
}
