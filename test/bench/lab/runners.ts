import { execFile } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { RestoreResult, SaveResult } from '../../../src/cache/cache.ts'
import { connectToNode } from '../../../src/compose.ts'
import { RunningProgram, runProgram } from './program.ts'
import type { LabNamespace } from './network.ts'

/** How a runner differs from one alone on loopback. */
export interface RunnerOptions {
  readonly host?: LabNamespace
  readonly role?: 'seeder' | 'runner' | 'reader'
  /** More environment, an upstream for example. */
  readonly env?: Readonly<Record<string, string>>
}

/** A command's answer, and how long its process took from start to end. */
export type Timed<Result> = Result & { readonly seconds: number }

const ROOT = resolve(import.meta.dirname, '../../..')
const REPOSITORY = 'swarmcache/bench'
const JOIN_DEADLINE_MS = 20_000

const SESSION = join(import.meta.dirname, 'session-process.ts')
const LIBRARY = join(ROOT, 'dist/lib/index.js')

let built: Promise<void> | undefined

/** The program as users get it, compiled once a run. */
async function builtProgram(): Promise<string> {
  built ??= build()
  await built
  return join(ROOT, 'dist/lib/cli/swarmcache.js')
}

async function build(): Promise<void> {
  try {
    await promisify(execFile)(process.execPath, [join(ROOT, '.github/scripts/build.ts')])
  } catch (error) {
    // The compiler complains on stdout, which the error's message leaves out.
    throw new Error(`The build failed:\n${(error as { stdout?: string }).stdout}`, { cause: error })
  }
}

/** The runners of one repository, each with a node in a process of its own. */
export class Fleet implements AsyncDisposable {
  readonly #folder: string
  readonly #signal: AbortSignal
  readonly #runners = new Set<Runner>()
  #count = 0

  constructor(folder: string, signal: AbortSignal) {
    this.#folder = folder
    this.#signal = signal
  }

  /** A runner with an empty home and workspace, not started. */
  async add(options: RunnerOptions = {}): Promise<Runner> {
    const folder = join(this.#folder, `runner-${(this.#count += 1)}`)
    const runner = new Runner(folder, join(this.#folder, 'peers'), options, this.#signal)
    await mkdir(runner.workspace, { recursive: true })
    this.#runners.add(runner)
    return runner
  }

  /** Starts a runner and waits until it is connected to every other one that is started. */
  async start(options: RunnerOptions = {}): Promise<Runner> {
    const others = [...this.#runners].filter(({ isRunning }) => isRunning).length
    const runner = await this.add(options)
    await runner.start()
    await runner.waitForPeers(others)
    return runner
  }

  /** Ends a runner and deletes everything it had. */
  async remove(runner: Runner): Promise<void> {
    this.#runners.delete(runner)
    await runner.stop()
    await rm(runner.folder, { recursive: true, force: true, maxRetries: 3 })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#runners].map(async (runner) => await this.remove(runner)))
  }
}

/** One runner: a node, and the commands that its jobs give. */
export class Runner {
  readonly folder: string
  readonly home: string
  readonly workspace: string
  readonly host: LabNamespace | undefined
  readonly #role: string
  readonly #env: Readonly<Record<string, string>>
  readonly #signal: AbortSignal
  #node: RunningProgram | undefined

  constructor(folder: string, registry: string, options: RunnerOptions, signal: AbortSignal) {
    const { host, role = 'runner', env = {} } = options
    this.folder = folder
    this.home = join(folder, 'home')
    this.workspace = join(folder, 'workspace')
    this.host = host
    this.#role = role
    this.#signal = signal
    this.#env = {
      SWARMCACHE_HOME: this.home,
      SWARMCACHE_KEY: 'the swarm key of the benchmark',
      SWARMCACHE_REPOSITORY: REPOSITORY,
      SWARMCACHE_REGISTRY: `dir:${registry}`,
      SWARMCACHE_LISTEN: `/ip4/${host?.address ?? '127.0.0.1'}/tcp/0`,
      SWARMCACHE_UPSTREAM: 'off',
      GITHUB_WORKSPACE: this.workspace,
      RUNNER_TEMP: folder,
      TMPDIR: folder,
      ...env,
    }
  }

  get isRunning(): boolean {
    return this.#node !== undefined && this.#node.child.exitCode === null
  }

  /** Of the node. */
  get pid(): number {
    return this.#node!.child.pid!
  }

  /** Starts the node and waits until it says that it is ready. */
  async start(): Promise<void> {
    const node = await this.#spawn(['serve', '--role', this.#role])
    this.#node = node
    const first = await node.lines().next()
    if (first.done === true || !first.value.startsWith('ready')) throw node.failure('is not ready')
  }

  async waitForPeers(count: number): Promise<void> {
    if (count === 0) return
    const deadline = performance.now() + JOIN_DEADLINE_MS
    const node = await connectToNode(this.home)
    try {
      while (((await node?.peers(REPOSITORY)) ?? []).length < count) {
        this.#signal.throwIfAborted()
        if (performance.now() > deadline) throw this.#node!.failure(`has not found ${count} peers`)
        await wait(20)
      }
    } finally {
      await node?.stop()
    }
  }

  async restore(key: string, ...paths: string[]): Promise<Timed<RestoreResult>> {
    return await this.command(['restore', '--key', key, ...paths])
  }

  async save(key: string, ...paths: string[]): Promise<Timed<SaveResult>> {
    return await this.command(['save', '--key', key, ...paths])
  }

  /** Runs one command of the program in `cwd`, its workspace unless told otherwise. */
  async command<Result>(
    args: readonly string[],
    cwd: string = this.workspace,
  ): Promise<Timed<Result>> {
    const program = await builtProgram()
    const { output, seconds } = await runProgram(process.execPath, [program, ...args, '--json'], {
      cwd,
      env: this.#env,
      namespace: this.host?.namespace,
      signal: this.#signal,
    })
    return { ...(JSON.parse(output) as Result), seconds }
  }

  /** Starts a command that the caller follows itself. */
  async begin(...args: readonly string[]): Promise<RunningProgram> {
    return await this.#spawn(args)
  }

  /** Opens the cache as a job's program does, which then waits for what to restore. */
  async openSession(): Promise<RunnerSession> {
    await builtProgram()
    const program = new RunningProgram(process.execPath, [SESSION, LIBRARY], {
      cwd: this.workspace,
      env: this.#env,
      namespace: this.host?.namespace,
      signal: this.#signal,
    })
    const session = new RunnerSession(program)
    await session.opened()
    return session
  }

  /** Stops the node's threads where they are: to its peers it looks like a machine that is gone. */
  freeze(): void {
    this.#node?.child.kill('SIGSTOP')
  }

  kill(): void {
    this.#node?.kill()
  }

  async stop(): Promise<void> {
    this.#node?.child.kill('SIGCONT')
    await this.#node?.stop()
  }

  /** Empties the workspace. */
  async clean(): Promise<void> {
    await rm(this.workspace, { recursive: true, force: true, maxRetries: 3 })
    await mkdir(this.workspace)
  }

  async #spawn(args: readonly string[]): Promise<RunningProgram> {
    const program = await builtProgram()
    return new RunningProgram(process.execPath, [program, ...args], {
      cwd: this.workspace,
      env: this.#env,
      namespace: this.host?.namespace,
      signal: this.#signal,
    })
  }
}

/** A program of a job that has the cache open. */
export class RunnerSession {
  readonly program: RunningProgram
  readonly #lines: AsyncIterator<string>

  constructor(program: RunningProgram) {
    this.program = program
    this.#lines = program.lines()
  }

  get pid(): number {
    return this.program.child.pid!
  }

  async opened(): Promise<void> {
    await this.#next()
  }

  /** Restores; milliseconds are of the call alone. */
  async restore(
    key: string,
    path: string,
  ): Promise<{ readonly result: RestoreResult; readonly milliseconds: number }> {
    this.program.send({ key, path })
    return JSON.parse(await this.#next()) as { result: RestoreResult; milliseconds: number }
  }

  async close(): Promise<void> {
    this.program.child.stdin!.end()
    await this.program.ended()
  }

  async #next(): Promise<string> {
    const line = await this.#lines.next()
    if (line.done === true) throw this.program.failure('has ended')
    return line.value
  }
}
