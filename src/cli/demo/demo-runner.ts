import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { openSync, readFileSync, closeSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { withDeadline } from '../../async/deadline.ts'
import { SwarmCacheError } from '../../core/errors.ts'

const READY_DEADLINE_MS = 30_000
const COMMAND_DEADLINE_MS = 300_000
const STOP_DEADLINE_MS = 15_000
const LOG_LINES = 10

/** One runner of the demo: a node in a process of its own, with a home and a workspace of its own. */
export class DemoRunner {
  readonly name: string
  readonly home: string
  readonly workspace: string
  readonly #environment: Record<string, string>
  readonly #log: string
  #node: ChildProcess | undefined
  #peerId: string | undefined

  constructor(name: string, folder: string, environment: Record<string, string>) {
    this.name = name
    this.home = join(folder, 'home')
    this.workspace = join(folder, 'workspace')
    this.#log = join(folder, 'log.txt')
    this.#environment = { ...environment, SWARMCACHE_HOME: this.home }
  }

  /** The peer that its node is, once it has started. */
  get peerId(): string | undefined {
    return this.#peerId
  }

  /** Starts the node and waits until it takes part. */
  async start(signal: AbortSignal): Promise<void> {
    await mkdir(this.workspace, { recursive: true })
    const node = this.#spawn(['serve', '--json', '--role', 'runner'], this.workspace)
    this.#node = node
    const ready = new Promise<void>((resolve, reject) => {
      const lines = createInterface({ input: node.stdout! })
      lines.once('line', (line) => {
        this.#peerId = (JSON.parse(line) as { peerId: string }).peerId
        resolve()
      })
      node.once('exit', (code) => reject(this.#failure(`its node ended with code ${code}`)))
      node.once('error', reject)
    })
    await withDeadline(READY_DEADLINE_MS, `Starting ${this.name}`, signal, async () => await ready)
  }

  /** Runs one command of this runner and returns the object it printed. */
  async command(
    args: readonly string[],
    signal: AbortSignal,
    workspace: string = this.workspace,
  ): Promise<Record<string, unknown>> {
    return await withDeadline(
      COMMAND_DEADLINE_MS,
      `"swarmcache ${args[0]}" of ${this.name}`,
      signal,
      async (deadline) => {
        const child = this.#spawn([...args, '--json'], workspace)
        const onAbort = (): void => void child.kill('SIGKILL')
        deadline.addEventListener('abort', onAbort, { once: true })
        let output = ''
        child.stdout!.setEncoding('utf8').on('data', (text: string) => (output += text))
        const code = await new Promise<number | null>((resolve, reject) => {
          child.once('error', reject)
          child.once('close', resolve)
        })
        deadline.removeEventListener('abort', onAbort)
        if (code !== 0) throw this.#failure(`"swarmcache ${args[0]}" ended with code ${code}`)
        return JSON.parse(output) as Record<string, unknown>
      },
    )
  }

  /** Asks the node to leave and waits for its end. */
  async stop(): Promise<void> {
    const node = this.#node
    if (node === undefined || node.exitCode !== null || node.signalCode !== null) return
    const ended = new Promise<void>((resolve) => node.once('exit', () => resolve()))
    node.kill('SIGTERM')
    const timer = setTimeout(() => node.kill('SIGKILL'), STOP_DEADLINE_MS)
    await ended
    clearTimeout(timer)
  }

  #spawn(args: readonly string[], cwd: string): ChildProcess {
    const log = openSync(this.#log, 'a')
    try {
      return spawn(process.execPath, [...process.execArgv, process.argv[1]!, ...args], {
        cwd,
        env: this.#environment,
        stdio: ['ignore', 'pipe', log],
      })
    } finally {
      closeSync(log)
    }
  }

  #failure(why: string): SwarmCacheError {
    const lines = readFileSync(this.#log, 'utf8').trimEnd().split('\n').slice(-LOG_LINES).join('\n')
    return new SwarmCacheError(
      'ERR_CONTROL',
      `${this.name} failed: ${why}. It said last:\n${lines}`,
    )
  }
}
