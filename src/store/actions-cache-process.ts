import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pause } from '../async/deadline.ts'
import { errnoOf } from '../core/errors.ts'
import type { WorkerCall, WorkerMessage, WorkerResult } from './actions-cache-worker.ts'

/** What the client of the cache service reads; nothing else (above all no other secret) is handed on. */
const ENVIRONMENT =
  /^(ACTIONS_(CACHE_.+|RESULTS_URL|RUNTIME_.+|ORCHESTRATION_ID)|GITHUB_(SERVER_URL|WORKSPACE|REF)|RUNNER_(OS|ARCH|TRACKING_ID)|CACHE_UPLOAD_.+|SEGMENT_DOWNLOAD_TIMEOUT_MINS|(HTTPS?|ALL|NO)_PROXY|NODE_EXTRA_CA_CERTS|NODE_USE_SYSTEM_CA|SSL_CERT_(FILE|DIR)|PATH|PATHEXT|HOME|USERPROFILE|USER|TMP|TEMP|TMPDIR|SYSTEMROOT|SYSTEMDRIVE|WINDIR|COMSPEC|PROGRAMFILES.*|LANG|LC_.+|TZ|ZSTD_.+|TAR_OPTIONS)$/i

// A killed tar is gone within milliseconds; where nobody reaps orphans, its remains count as a member for ever.
const GROUP_END_TIMEOUT_MS = 500
const GROUP_POLL_MS = 5
const POSIX = process.platform !== 'win32'

/**
 * A process of its own in which @actions/cache runs, one call at a time.
 *
 * A process rather than a thread: it costs 20 to 50 ms more to start, but has its own working
 * directory and stdout, and tar can be ended together with it.
 */
export class ActionsCacheProcess {
  readonly #child: ChildProcess
  readonly #folder: string
  #listener: ((message: WorkerMessage) => void) | undefined
  readonly #exited: Promise<unknown>
  #ended: Promise<void> | undefined

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child
    this.#folder = folder
    this.#exited = new Promise((resolve) => child.once('exit', resolve))
    child.on('message', (message: WorkerMessage) => this.#listener?.(message))
    child.on('exit', (code, signal) => {
      this.#listener?.({ crashed: `its process ended (${signal ?? `exit code ${code}`})` })
      void this.end()
    })
    child.on('error', (error) => this.#listener?.({ crashed: error.message }))
    this.#hold(false)
  }

  /** Starts the process with what it needs of `env`. */
  static async start(
    env: Readonly<Record<string, string | undefined>>,
  ): Promise<ActionsCacheProcess> {
    const parent = env['RUNNER_TEMP'] || tmpdir()
    await mkdir(parent, { recursive: true })
    const folder = await mkdtemp(path.join(parent, 'swarmcache-upstream-'))
    const passed: Record<string, string> = {}
    for (const [name, value] of Object.entries(env)) {
      if (value !== undefined && ENVIRONMENT.test(name)) passed[name] = value
    }
    passed['RUNNER_TEMP'] = folder
    passed['SWARMCACHE_UPSTREAM_WORKER'] = '1'
    // The same folder and ending as this file: source, compiled library or bundle.
    const extension = path.extname(new URL(import.meta.url).pathname)
    const child = fork(new URL(`./actions-cache-worker${extension}`, import.meta.url), {
      cwd: folder,
      env: passed,
      execArgv: [],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      // The leader of its own process group; on Windows Node ends grandchildren with the child.
      detached: POSIX,
    })
    return new ActionsCacheProcess(child, folder)
  }

  /** False once it has ended. */
  get alive(): boolean {
    return this.#ended === undefined && this.#child.connected
  }

  /** Runs one call; resolves with its result, or with the reason why the process ended instead. */
  async run(
    call: WorkerCall,
    onOutput: (output: string) => void,
  ): Promise<WorkerResult | { readonly crashed: string }> {
    this.#hold(true)
    try {
      return await new Promise((resolve) => {
        this.#listener = (message) => {
          if ('output' in message) onOutput(message.output)
          else resolve('done' in message ? message.done : message)
        }
        if (!this.alive) resolve({ crashed: 'its process had ended' })
        else this.#child.send(call, (error) => error && resolve({ crashed: error.message }))
      })
    } finally {
      this.#listener = undefined
      this.#hold(false)
    }
  }

  /** Ends the process and everything it started; resolves when none of them runs any more. */
  end(): Promise<void> {
    this.#ended ??= this.#end()
    return this.#ended
  }

  async #end(): Promise<void> {
    this.#killGroup()
    // Whoever waits for the end may have nothing else that keeps this program running.
    this.#child.ref()
    if (this.#child.pid !== undefined) await this.#exited
    const deadline = performance.now() + GROUP_END_TIMEOUT_MS
    while (this.#killGroup() && performance.now() < deadline) await pause(GROUP_POLL_MS)
    // What cannot be removed is in the folder for temporary files; no call fails for it.
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => {})
  }

  /** True if a member was left to kill. */
  #killGroup(): boolean {
    const pid = this.#child.pid
    if (pid === undefined) return false
    if (!POSIX) {
      this.#child.kill('SIGKILL')
      return false
    }
    try {
      process.kill(-pid, 'SIGKILL')
      return true
    } catch (error) {
      if (errnoOf(error) === 'ESRCH' || errnoOf(error) === 'EPERM') return false
      throw error
    }
  }

  /** Keeps this program running while a call runs, and not otherwise. */
  #hold(busy: boolean): void {
    if (busy) {
      this.#child.ref()
      this.#child.channel?.ref()
    } else {
      this.#child.unref()
      this.#child.channel?.unref()
    }
  }
}
