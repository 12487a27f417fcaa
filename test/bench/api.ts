import { join, resolve } from 'node:path'
import { createSwarmCache } from '../../src/index.ts'
import type { SwarmCache } from '../../src/index.ts'
import { ApiRunners } from '../support/api-runners.ts'
import { RunningProgram } from './lab/program.ts'
import type { BenchContext, MeasuredRow, Row, Scenario } from './lab/scenario.ts'

const PROCESS = resolve(import.meta.dirname, 'lab/api-process.ts')
const REPOSITORY = 'swarmcache/bench'
const JOBS = 50
const THINGS_OF_A_JOB = 20
const PUSHES = 8
const CHANGES_BETWEEN_PUSHES = 3
const REQUESTS = 100
const QUICK_REQUESTS = 30
const WARM_UP = 10

/** What a request to the GitHub API costs, in time and of the quota. */
export const api: Scenario = {
  name: 'api',
  async run(context) {
    await using github = await startGithub(context)
    return [...(await latencies(github, context)), await day(github, context)]
  },
}

/** The stand-in of the API in a process of its own. */
class Github implements AsyncDisposable {
  readonly url: string
  readonly #program: RunningProgram
  readonly #lines: AsyncIterator<string>

  constructor(url: string, program: RunningProgram, lines: AsyncIterator<string>) {
    this.url = url
    this.#program = program
    this.#lines = lines
  }

  /** Requests charged so far; `change` gives a path another value. */
  async charged(change?: string): Promise<number> {
    this.#program.send({ change })
    const line = await this.#lines.next()
    return (JSON.parse(line.value as string) as { charged: number }).charged
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program.stop()
  }
}

async function startGithub({ signal }: BenchContext): Promise<Github> {
  const args = [PROCESS, 'github', REPOSITORY, String(JOBS)]
  const program = new RunningProgram(process.execPath, args, { env: {}, signal })
  const lines = program.lines()
  const { url } = JSON.parse((await lines.next()).value as string) as { url: string }
  return new Github(url, program, lines)
}

async function latencies(github: Github, context: BenchContext): Promise<MeasuredRow[]> {
  const { folder, signal, quick } = context
  const count = quick ? QUICK_REQUESTS : REQUESTS
  const settings = (home: string): Record<string, string> => ({
    SWARMCACHE_HOME: join(folder, home),
    SWARMCACHE_KEY: 'the swarm key of a benchmark',
    SWARMCACHE_REPOSITORY: REPOSITORY,
    SWARMCACHE_REGISTRY: `dir:${join(folder, 'peers')}`,
    SWARMCACHE_LISTEN: '/ip4/127.0.0.1/tcp/0',
    GITHUB_API_URL: github.url,
  })
  const open = async (home: string, more = {}): Promise<SwarmCache> =>
    await createSwarmCache({ env: { ...settings(home), ...more } })
  /** Each thing once, one after the other. */
  const measure = async (what: string, fetch: Fetch, from: number): Promise<number[]> => {
    const times: number[] = []
    for (let at = 0; at < count; at += 1) {
      const start = performance.now()
      const headers = { authorization: 'Bearer ghs_job1' }
      const response = await fetch(`${github.url}/thing/${from + at}`, { headers })
      const value = (await response.json()) as { at?: number }
      times.push(performance.now() - start)
      const status = response.headers.get('cache-status') ?? ''
      const isRight = response.status === 200 && value.at === from + at
      if (!isRight || !status.endsWith(what)) throw new Error(`${what}: got "${status}"`)
    }
    return times.slice(WARM_UP)
  }
  const plain = await measure('', fetch, 0)
  const rows: MeasuredRow[] = []
  const add = (what: string, samples: readonly number[]): void => {
    rows.push({ what, unit: 'ms', samples, baseline: { what: 'plain fetch', samples: plain } })
  }
  {
    await using alone = await open('alone', { SWARMCACHE_KEY: '' })
    add('miss', await measure('stored', alone.api.fetch, 0))
    add('validated, body in memory', await measure('detail=memory', alone.api.fetch, 0))
  }
  await settled()
  await using again = await open('alone', { SWARMCACHE_KEY: '' })
  add('validated, body on disk', await measure('detail=disk', again.api.fetch, 0))
  await using trusting = await open('trusting', { SWARMCACHE_API_MAX_STALE: '60' })
  await measure('', trusting.api.fetch, 0)
  add('not asked again (max stale), memory', await measure('detail=memory', trusting.api.fetch, 0))
  const env = settings('holder')
  const holder = new RunningProgram(process.execPath, [PROCESS, 'node'], { env, signal })
  try {
    await holder.lines().next()
    await using client = await open('holder')
    add('miss, through a node of the machine', await measure('stored', client.api.fetch, 200))
    add('validated, body in the node', await measure('detail=memory', client.api.fetch, 200))
    await using other = await open('other')
    add('validated, body from a peer', await measure('detail=peers', other.api.fetch, 200))
  } finally {
    await holder.stop()
  }
  return rows
}

type Fetch = typeof fetch

/** What is written in the background has been by then. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 500))
}

/** A matrix that runs some times a day, every job with its token and its questions; what changed costs anew. */
async function day(github: Github, { quick, say }: BenchContext): Promise<Row> {
  const pushes = quick ? 2 : PUSHES
  const paths = Array.from({ length: THINGS_OF_A_JOB }, (_, at) => `/thing/${300 + at}`)
  const simulate = async (get: Get): Promise<number> => {
    const before = await github.charged()
    for (let push = 0; push < pushes; push += 1) {
      for (const path of paths.slice(0, CHANGES_BETWEEN_PUSHES)) await github.charged(path)
      await Promise.all(
        Array.from({ length: JOBS }, async (_, job) => {
          for (const path of paths) {
            const response = await get(job, path)
            if (response.status !== 200) throw new Error(`A job got ${response.status}.`)
            await response.arrayBuffer()
          }
        }),
      )
    }
    return (await github.charged()) - before
  }
  const without = await simulate(async (job, path) => {
    const headers = { authorization: `Bearer ghs_job${job}` }
    return await fetch(`${github.url}${path}`, { headers })
  })
  const runners = new ApiRunners(github)
  const jobs = Array.from({ length: JOBS }, () => runners.add())
  const withCache = await simulate(async (job, path) => jobs[job]!.get(path, `ghs_job${job}`))
  say(`${pushes} pushes, ${JOBS} jobs: ${without} charged without, ${withCache} with swarmcache`)
  return {
    what: `charged, ${pushes} runs of ${JOBS} jobs, ${paths.length} GETs each`,
    unit: 'requests',
    samples: [withCache],
    baseline: { what: 'without swarmcache', samples: [without] },
    goal: { kind: 'within', atMost: 0.05 },
    note: `${CHANGES_BETWEEN_PUSHES} of ${paths.length} things change between runs; peers in one process`,
  }
}

type Get = (job: number, path: string) => Promise<Response>
