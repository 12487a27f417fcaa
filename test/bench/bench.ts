import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { describeMachine } from './lab/machine.ts'
import type { Machine } from './lab/machine.ts'
import { judge } from './lab/statistics.ts'
import type { BenchContext, Row, Scenario } from './lab/scenario.ts'
import { formatTable } from './lab/table.ts'
import { TreeShelf } from './lab/trees.ts'

const USAGE = `Usage: npm run bench -- [NAME…] [--quick] [--repeats N] [--link MBIT] [--json FILE] [--list]

Measures what is promised, each row against its baseline in the same run, and checks what arrived.
--quick  one repeat and smaller sizes, for a look
--link   rate of the links in a crowd, 100 by default; all its machines share the processors of this one,
         which are busier with the programs of the crowd than with the links if those are fast
--json   writes every sample to FILE`

const DEFAULT_REPEATS = 3
// A run before this one leaves about half a process behind in the average of the last minute.
const BUSY_LOAD = 0.7

/** Loaded when they run, so that one that cannot be loaded takes no other down. */
const SCENARIOS: Readonly<Record<string, () => Promise<Scenario>>> = {
  restore: async () => (await import('./restore.ts')).restore,
  save: async () => (await import('./save.ts')).save,
  bulk: async () => (await import('./bulk.ts')).bulk,
  strangers: async () => (await import('./strangers.ts')).strangers,
  crowd: async () => (await import('./crowd.ts')).crowd,
  'crowd-holder': async () => (await import('./crowd.ts')).crowdHolder,
  'crowd-slow': async () => (await import('./crowd.ts')).crowdSlow,
  'crowd-killed': async () => (await import('./crowd.ts')).crowdKilled,
  'crowd-central': async () => (await import('./crowd.ts')).crowdCentral,
  miss: async () => (await import('./miss.ts')).miss,
  lookup: async () => (await import('./lookup.ts')).lookup,
  memory: async () => (await import('./memory.ts')).memory,
  api: async () => (await import('./api.ts')).api,
  startup: async () => (await import('./startup.ts')).startup,
}

interface Outcome {
  readonly name: string
  readonly seconds: number
  readonly rows: readonly Row[]
  readonly error?: string
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      repeats: { type: 'string' },
      link: { type: 'string', default: '100' },
      json: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return console.log(USAGE)
  if (values.list) return console.log(Object.keys(SCENARIOS).join('\n'))
  const names = positionals.length === 0 ? Object.keys(SCENARIOS) : positionals
  const unknown = names.find((name) => !Object.hasOwn(SCENARIOS, name))
  if (unknown !== undefined) {
    throw new TypeError(
      `There is no scenario "${unknown}"; there are ${Object.keys(SCENARIOS).join(', ')}.`,
    )
  }
  const repeats = Number(values.repeats ?? (values.quick ? 1 : DEFAULT_REPEATS))
  if (!Number.isInteger(repeats) || repeats < 1) {
    throw new TypeError(`--repeats is "${values.repeats}", but must be a whole number from 1.`)
  }
  const linkMbit = Number(values.link)
  if (!(linkMbit >= 1 && linkMbit <= 10_000)) {
    throw new TypeError(`--link is "${values.link}", but must be a number from 1 to 10000.`)
  }
  const machine = describeMachine()
  console.error(introduce(machine))
  const outcomes = await measure(names, machine, { quick: values.quick, repeats, linkMbit })
  console.log(`${introduce(machine)}\n`)
  for (const { name, rows, seconds, error } of outcomes) {
    console.log(`${name} (${seconds.toFixed(0)} s)`)
    if (rows.length > 0) console.log(formatTable(rows))
    if (error !== undefined) console.log(`FAILED: ${error}`)
    console.log()
  }
  if (values.json !== undefined) await writeJson(values.json, machine, values.quick, outcomes)
  if (outcomes.some(({ error }) => error !== undefined)) process.exitCode = 1
}

async function measure(
  names: readonly string[],
  machine: Machine,
  options: Pick<BenchContext, 'quick' | 'repeats' | 'linkMbit'>,
): Promise<Outcome[]> {
  const stopping = new AbortController()
  const stop = (signal: NodeJS.Signals): void => stopping.abort(new Error(`ended by ${signal}`))
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  const root = await mkdtemp(join(machine.scratch, 'swarmcache-bench-'))
  const say = (text: string): void => console.error(`  ${text}`)
  const trees = new TreeShelf(join(root, 'trees'), options.quick, say, stopping.signal)
  const outcomes: Outcome[] = []
  try {
    for (const name of names) {
      if (stopping.signal.aborted) break
      console.error(name)
      const folder = join(root, name)
      await mkdir(folder)
      const context = { ...options, folder, trees, say, signal: stopping.signal }
      outcomes.push(await outcomeOf(name, context))
      await rm(folder, { recursive: true, force: true, maxRetries: 3 })
    }
  } finally {
    await rm(root, { recursive: true, force: true, maxRetries: 3 })
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
  }
  return outcomes
}

async function outcomeOf(name: string, context: BenchContext): Promise<Outcome> {
  const started = performance.now()
  const seconds = (): number => (performance.now() - started) / 1000
  try {
    const scenario = await SCENARIOS[name]!()
    const rows = await scenario.run(context)
    console.error(formatTable(rows))
    return { name, rows, seconds: seconds() }
  } catch (thrown) {
    // What fails because its programs were ended has failed for the reason that they were.
    const error: unknown = context.signal.aborted ? context.signal.reason : thrown
    console.error(error)
    return {
      name,
      rows: [],
      seconds: seconds(),
      error: error instanceof Error ? error.message : String(error),
    }
  }
}

function introduce(machine: Machine): string {
  const { name, cpu, cores, memoryGiB, system, node, date, load, scratch, onTmpfs } = machine
  const busy = load > BUSY_LOAD ? `, busy (load ${load.toFixed(1)}): expect noise` : ''
  const files = `files in ${scratch}${onTmpfs ? ' (tmpfs)' : ', which is not tmpfs: expect noise'}`
  const hardware = `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${system}`
  return `${name}: ${hardware}, Node ${node}, ${date}; ${files}${busy}`
}

async function writeJson(
  file: string,
  machine: Machine,
  quick: boolean,
  outcomes: readonly Outcome[],
): Promise<void> {
  const scenarios = outcomes.map(({ rows, ...outcome }) => ({
    ...outcome,
    rows: rows.map((row) => ('skipped' in row ? row : { ...row, ...judge(row) })),
  }))
  await writeFile(file, `${JSON.stringify({ machine, quick, scenarios }, null, 2)}\n`)
}

try {
  await main()
} catch (error) {
  console.error(error instanceof TypeError ? `${error.message}\n\n${USAGE}` : error)
  process.exitCode = error instanceof TypeError ? 2 : 1
}
