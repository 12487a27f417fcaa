import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { bundleAction } from '../../.github/scripts/bundle.ts'
import { connectToNode } from '../../src/compose.ts'
import { eventually } from '../support/eventually.ts'
import type { BenchContext, MeasuredRow, Row, Scenario } from './lab/scenario.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const PROGRAM = join(ROOT, 'dist/lib/cli/swarmcache.js')
const KEY = 'a swarm key of the benchmark'
// A start takes milliseconds, so it is measured more often than what takes seconds.
const STARTS_PER_REPEAT = 5

const run = promisify(execFile)

/** How long a person or a job waits for a start. */
export const startup: Scenario = {
  name: 'startup',
  async run(context) {
    await run(process.execPath, [join(ROOT, '.github/scripts/build.ts')])
    const bundle = join(context.folder, 'dist')
    await bundleAction(bundle)
    await writeFile(join(context.folder, 'package.json'), '{"type":"module"}')
    const node = await measure(context, 'node starts', async () => {
      await run(process.execPath, ['--eval', '0'])
    })
    const baseline = { what: node.what, samples: node.samples }
    const beyond = { baseline, goal: { kind: 'more-than', atMost: 60 } } as const
    const rows: Row[] = [node]
    const add = async (
      what: string,
      extra: Partial<MeasuredRow>,
      start: (folder: string) => Promise<number | void>,
    ): Promise<void> => {
      context.say(what)
      rows.push({ ...(await measure(context, what, start)), ...extra })
    }
    await add('swarmcache --version', beyond, async (folder) => {
      await run(process.execPath, [PROGRAM, '--version'], { env: environment(folder) })
    })
    await add('swarmcache serve, until ready', { goal: { kind: 'value', atMost: 1000 } }, readyTime)
    await add(
      'two such nodes and one registry, until each knows the other',
      { goal: { kind: 'value', atMost: 2000 } },
      meetingTime,
    )
    await add('the action with nothing to do: main', beyond, async (folder) => {
      await step(join(bundle, 'main.js'), folder, { INPUT_MODE: 'serve' })
    })
    await add('the action with nothing to do: post', beyond, async (folder) => {
      const inputs = { INPUT_MODE: 'cache', INPUT_KEY: 'a', INPUT_PATH: 'tree' }
      await step(join(bundle, 'post.js'), folder, { ...inputs, STATE_CACHE_RESULT: 'a' })
    })
    await add(
      'the action, until its node takes part',
      { goal: { kind: 'value', atMost: 1000 } },
      async (folder) => {
        const state = join(folder, 'state')
        const inputs = { INPUT_MODE: 'serve', SWARMCACHE_KEY: KEY, GITHUB_STATE: state }
        const milliseconds = await step(join(bundle, 'main.js'), folder, inputs)
        const pid = /NODE_PID<<.*\n(\d+)/.exec(await readFile(state, 'utf8'))?.[1]
        if (pid === undefined) throw new Error('The action started no node.')
        process.kill(Number(pid), 'SIGKILL')
        return milliseconds
      },
    )
    return rows
  },
}

/** Measures a start again and again, each in a folder of its own; `start` may return its own time. */
async function measure(
  { folder, repeats, signal }: BenchContext,
  what: string,
  start: (folder: string) => Promise<number | void>,
): Promise<MeasuredRow> {
  const samples: number[] = []
  // The first start finds nothing in the page cache.
  for (let turn = -1; turn < repeats * STARTS_PER_REPEAT; turn += 1) {
    signal.throwIfAborted()
    const own = join(folder, `${what.replaceAll(/\W+/g, '-')}-${turn}`)
    await mkdir(own)
    const startedMs = performance.now()
    const milliseconds = (await start(own)) ?? performance.now() - startedMs
    if (turn >= 0) samples.push(milliseconds)
  }
  return { what, unit: 'ms', samples }
}

async function readyTime(folder: string): Promise<number> {
  const startedMs = performance.now()
  await using node = serve(folder)
  await node.ready
  return performance.now() - startedMs
}

/** From the start of both processes. */
async function meetingTime(folder: string): Promise<number> {
  const env = { SWARMCACHE_REGISTRY: `dir:${join(folder, 'registry')}` }
  const startedMs = performance.now()
  const homes = [join(folder, 'one'), join(folder, 'two')] as const
  await using one = serve(homes[0], env)
  await using two = serve(homes[1], env)
  await Promise.all([one.ready, two.ready])
  for (const home of homes) {
    const node = await connectToNode(join(home, '.cache/swarmcache'))
    await eventually('the other node', async () => (await node?.status())?.swarms[0]?.peers === 1)
    await node?.stop()
  }
  return performance.now() - startedMs
}

interface Served extends AsyncDisposable {
  readonly ready: Promise<void>
}

function serve(home: string, env: Record<string, string> = {}): Served {
  const child = spawn(process.execPath, [PROGRAM, 'serve'], {
    env: { ...environment(home), SWARMCACHE_KEY: KEY, ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const saysReady = async (): Promise<void> => {
    for await (const line of createInterface({ input: child.stdout })) {
      if (line.startsWith('ready ')) return
    }
    throw new Error('The node ended before it was ready.')
  }
  return {
    ready: saysReady(),
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null) return
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

async function step(path: string, folder: string, env: Record<string, string>): Promise<number> {
  const startedMs = performance.now()
  const state = join(folder, 'state')
  await writeFile(state, '')
  await run(process.execPath, [path], {
    cwd: folder,
    env: {
      ...environment(folder),
      GITHUB_ACTIONS: 'true',
      GITHUB_REPOSITORY: 'octo/cache',
      GITHUB_REF: 'refs/heads/main',
      RUNNER_TEMP: folder,
      ...env,
    },
  })
  return performance.now() - startedMs
}

function environment(folder: string): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: folder,
    SWARMCACHE_LISTEN: '/ip4/127.0.0.1/tcp/0',
  }
}
