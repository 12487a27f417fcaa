import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { TestContext } from 'node:test'
import { isRunning } from '../../src/action/process-life.ts'
import { compileCache } from './compile-cache.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const STEP_DEADLINE_MS = 60_000
// Not a shell: those drop variables such as INPUT_LOOKUP-ONLY.
const RUN_AND_END =
  "process.exitCode = require('node:child_process').spawnSync(process.execPath, [process.argv[1]], { stdio: 'inherit' }).status"

/** What one entry of the action did, as the runner sees it. */
export interface StepResult {
  readonly code: number | null
  /** Standard output, commands included. */
  readonly log: string
  readonly outputs: Readonly<Record<string, string>>
  readonly state: Readonly<Record<string, string>>
  readonly summary: string
}

/** Settings of a job. */
export interface JobOptions {
  /** Folder with main.js and post.js. */
  readonly bundle: string
  readonly env?: Readonly<Record<string, string>>
  /** True: the process that starts a step is the step's own and ends with it, as if the runner had died. */
  readonly runnerEnds?: boolean
}

/** A job on a machine of its own: home, workspace and temporary folder, and steps that use the action. */
export class WorkflowJob {
  readonly workspace: string
  readonly home: string
  readonly #folder: string
  readonly #options: JobOptions
  #steps = 0

  private constructor(folder: string, options: JobOptions) {
    this.#folder = folder
    this.#options = options
    this.workspace = join(folder, 'workspace')
    this.home = join(folder, 'home')
  }

  /** Starts a job, which goes with the test together with what its steps leave running. */
  static async start(t: TestContext, options: JobOptions): Promise<WorkflowJob> {
    const folder = await mkdtemp(join(tmpdir(), 'swarmcache-job-'))
    const job = new WorkflowJob(folder, options)
    for (const name of ['workspace', 'home', 'temp']) await mkdir(join(folder, name))
    const event = { repository: { default_branch: 'main' } }
    await writeFile(join(folder, 'event.json'), JSON.stringify(event))
    t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
    return job
  }

  /** Runs main.js as the runner does for `uses:` with these inputs. */
  async main(t: TestContext, inputs: Readonly<Record<string, string>>): Promise<StepResult> {
    const result = await this.#run('main.js', inputs, {})
    const pid = nodeOf(result)
    if (pid !== undefined) t.after(() => endProcess(pid))
    return result
  }

  /** Runs post.js after `main`, with the state that it kept. */
  async post(
    main: StepResult,
    inputs: Readonly<Record<string, string>>,
    jobStatus = 'success',
  ): Promise<StepResult> {
    const state = Object.entries(main.state).map(([name, value]) => [`STATE_${name}`, value])
    return await this.#run('post.js', inputs, Object.fromEntries(state), jobStatus)
  }

  async #run(
    file: string,
    inputs: Readonly<Record<string, string>>,
    state: Readonly<Record<string, string>>,
    jobStatus = 'success',
  ): Promise<StepResult> {
    const step = join(this.#folder, `step-${(this.#steps += 1)}`)
    await mkdir(step)
    const commandFiles = ['GITHUB_ENV', 'GITHUB_OUTPUT', 'GITHUB_STATE', 'GITHUB_STEP_SUMMARY']
    for (const name of commandFiles) await writeFile(join(step, name), '')
    const env = {
      PATH: process.env['PATH'] ?? '',
      ...compileCache(),
      HOME: this.home,
      GITHUB_ACTIONS: 'true',
      GITHUB_REPOSITORY: 'octo/cache',
      GITHUB_REF: 'refs/heads/main',
      GITHUB_EVENT_NAME: 'push',
      GITHUB_EVENT_PATH: join(this.#folder, 'event.json'),
      GITHUB_WORKSPACE: this.workspace,
      RUNNER_TEMP: join(this.#folder, 'temp'),
      SWARMCACHE_LISTEN: '/ip4/127.0.0.1/tcp/0',
      ...this.#options.env,
      ...(await inputVariables(inputs, jobStatus)),
      ...state,
      ...Object.fromEntries(commandFiles.map((name) => [name, join(step, name)])),
    }
    const command = [process.execPath, join(this.#options.bundle, file)]
    if (this.#options.runnerEnds === true) command.splice(1, 0, '--eval', RUN_AND_END)
    const { code, log } = await runEntry(command, this.workspace, env)
    return {
      code,
      log,
      outputs: parseCommandFile(await readFile(join(step, 'GITHUB_OUTPUT'), 'utf8')),
      state: parseCommandFile(await readFile(join(step, 'GITHUB_STATE'), 'utf8')),
      summary: await readFile(join(step, 'GITHUB_STEP_SUMMARY'), 'utf8'),
    }
  }
}

/** The process of the node that a step started, if it did. */
export function nodeOf({ state }: StepResult): number | undefined {
  const pid = state['SWARMCACHE_NODE_PID']
  return pid === undefined ? undefined : Number(pid)
}

/** Annotations of a level (`warning`, `notice`, `error`) in a log. */
export function annotations({ log }: StepResult, level: string): string[] {
  const pattern = new RegExp(`^::${level}(?: [^:]*)?::(.*)$`, 'gm')
  return [...log.matchAll(pattern)].map((match) => match[1]!)
}

function endProcess(pid: number): void {
  if (isRunning(pid)) process.kill(pid, 'SIGKILL')
}

async function runEntry(
  [program, ...values]: readonly string[],
  cwd: string,
  env: Record<string, string>,
): Promise<{ code: number | null; log: string }> {
  const child = spawn(program!, values, {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: STEP_DEADLINE_MS,
  })
  let log = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (log += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text))
  const code = await new Promise<number | null>((done, reject) => {
    child.once('error', reject)
    // Like the runner, which waits until nobody holds the output any more.
    child.once('close', done)
  })
  return { code, log }
}

/** INPUT_* as the runner sets them: the defaults of action.yml, and what the step gives. */
async function inputVariables(
  inputs: Readonly<Record<string, string>>,
  jobStatus: string,
): Promise<Record<string, string>> {
  const defaults = await declaredDefaults()
  const unknown = Object.keys(inputs).find((name) => !defaults.has(name))
  if (unknown !== undefined) throw new Error(`action.yml declares no input ${unknown}`)
  const values = { ...Object.fromEntries(defaults), ...inputs }
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      `INPUT_${name.toUpperCase()}`,
      value.replace('${{ job.status }}', jobStatus),
    ]),
  )
}

async function declaredDefaults(): Promise<Map<string, string>> {
  const lines = (await readFile(join(ROOT, 'action.yml'), 'utf8')).split('\n')
  const inputs = lines.slice(lines.indexOf('inputs:') + 1, lines.indexOf('outputs:'))
  const defaults = new Map<string, string>()
  let name = ''
  for (const line of inputs) {
    const declared = /^ {2}([\w-]+):$/.exec(line)?.[1]
    if (declared !== undefined) defaults.set((name = declared), '')
    const value = /^ {4}default: '?(.*?)'?$/.exec(line)?.[1]
    if (value !== undefined) defaults.set(name, value)
  }
  return defaults
}

/** `name<<delimiter`, lines, `delimiter`: how @actions/core writes outputs and state. */
function parseCommandFile(text: string): Record<string, string> {
  const values: Record<string, string> = {}
  const pattern = /^(.+?)<<(.+)\n([\s\S]*?)\n\2$/gm
  for (const [, name, , value] of text.matchAll(pattern)) values[name!] = value!
  return values
}
