import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { settled, watchCores } from './lab/cores.ts'
import { LabNetwork, whyNoNetwork } from './lab/network.ts'
import type { LabHost, LabNamespace } from './lab/network.ts'
import { writeRandomFiles } from './lab/large-files.ts'
import { Fleet } from './lab/runners.ts'
import type { Runner, RunnerSession } from './lab/runners.ts'
import type { BenchContext, Row, Scenario } from './lab/scenario.ts'
import { fluidBoundSeconds } from './lab/statistics.ts'
import { runStockClient, startCacheServer } from './lab/stock-client.ts'
import type { CacheServer } from './lab/stock-client.ts'
import { checkTree, readTree } from './lab/tree-check.ts'
import type { Tree } from './lab/trees.ts'

const RUNNERS = 8
const FILES = 4
const FILE_BYTES = 64 * 1024 * 1024
const QUICK_FILE_BYTES = 16 * 1024 * 1024
const KEY = 'crowd-1'
const SOURCE = 'source'
const PATH = 'data'

/** Runners on links of their own that all want, at the same moment, what only the upstream has. */
export const crowd: Scenario = scenario('crowd', fromUpstream)

/** The same where one peer has it, and no upstream. */
export const crowdHolder: Scenario = scenario('crowd-holder', fromHolder)

/** The same as the first with one runner on a link ten times slower. */
export const crowdSlow: Scenario = scenario('crowd-slow', withSlowRunner)

/** The same as the first where the runner that fetches from the upstream is killed halfway. */
export const crowdKilled: Scenario = scenario('crowd-killed', withKilledFetcher)

/** What a team without peers has: everybody downloads from the one server. */
export const crowdCentral: Scenario = scenario('crowd-central', fromCentralServer)

function scenario(
  name: string,
  rows: (tree: Tree, context: BenchContext) => Promise<Row[]>,
): Scenario {
  return {
    name,
    async run(context) {
      const reason = whyNoNetwork()
      if (reason !== undefined) return [{ what: name, skipped: reason }]
      return await rows(await makeTree(context), context)
    },
  }
}

/** What one crowd did. */
interface CrowdResult {
  /** By runner; undefined where it was killed. */
  readonly seconds: readonly (number | undefined)[]
  /** Bytes that have left the source's link, frames and all, as a multiple of the content. */
  readonly sourceShare: number
  /** Bytes that have reached a runner, of those that were not killed, on average; as a multiple of the content. */
  readonly receivedShare: number
  /** How much of this machine's cores was used meanwhile, from 0 to 1. */
  readonly busy: number
}

async function fromUpstream(tree: Tree, context: BenchContext): Promise<Row[]> {
  const results = await repeat(context, 'cold, upstream', async (folder) => {
    return await runCrowd(tree, folder, hosts(context), context, { source: 'upstream' })
  })
  return [
    lastRunner(`flash crowd of ${RUNNERS}, cold: last runner`, results, bound(tree, context), 1.3),
    sourceRow('what the upstream sent then, of the content', results),
  ]
}

async function fromHolder(tree: Tree, context: BenchContext): Promise<Row[]> {
  const results = await repeat(context, 'one holder', async (folder) => {
    return await runCrowd(tree, folder, hosts(context), context, { source: 'holder' })
  })
  return [
    lastRunner(
      `flash crowd of ${RUNNERS}, one holder: last runner`,
      results,
      bound(tree, context),
      1.3,
    ),
    sourceRow('what the first holder sent then, of the content', results),
  ]
}

async function withSlowRunner(tree: Tree, context: BenchContext): Promise<Row[]> {
  const slowMbit = context.linkMbit / 10
  const slow = hosts(context).map((host, index) =>
    index === RUNNERS ? { ...host, upMbit: slowMbit, downMbit: slowMbit } : host,
  )
  const results = await repeat(context, 'one slow runner', async (folder) => {
    const result = await runCrowd(tree, folder, slow, context, { source: 'upstream' })
    return { ...result, seconds: result.seconds.slice(0, -1) }
  })
  return [
    lastRunner(
      'the same with one runner ten times slower: others',
      results,
      bound(tree, context),
      1.5,
    ),
  ]
}

async function withKilledFetcher(tree: Tree, context: BenchContext): Promise<Row[]> {
  const results = await repeat(context, 'fetcher killed', async (folder) => {
    return await runCrowd(tree, folder, hosts(context), context, { source: 'upstream', kill: true })
  })
  return [
    lastRunner(
      'the same with its fetcher killed halfway: others',
      results,
      bound(tree, context),
      1.5,
    ),
  ]
}

/** It takes long, so once is enough. */
async function fromCentralServer(tree: Tree, context: BenchContext): Promise<Row[]> {
  const { folder, quick, signal, say } = context
  if (quick) return [{ what: 'central server, stock client', skipped: 'it takes most of a minute' }]
  await using network = new LabNetwork(hosts(context))
  await using server = await startCacheServer(signal, network.host(SOURCE))
  await saveUpstream(server, tree, folder, network.host(SOURCE), signal)
  const seconds = await Promise.all(
    network.hosts.slice(1).map(async (host) => {
      const temporary = join(folder, host.name)
      const cwd = join(temporary, 'workspace')
      await mkdir(cwd, { recursive: true })
      const where = { cwd, temporary, host, signal }
      const timed = await runStockClient(server, ['restore', KEY, tree.path], where)
      checkTree(join(cwd, tree.path), tree.content)
      return timed.seconds
    }),
  )
  await Promise.all(
    network.hosts.map(
      async ({ name }) => await rm(join(folder, name), { recursive: true, force: true }),
    ),
  )
  say(`central server: ${Math.max(...seconds).toFixed(1)} s`)
  return [
    {
      what: 'the same from a central server by the stock client: last runner',
      unit: 's',
      samples: [Math.max(...seconds)],
      baseline: { what: 'fluid bound', samples: [bound(tree, context)] },
    },
  ]
}

interface CrowdOptions {
  /** Who has the tree: the upstream behind the runners, or one more runner. */
  readonly source: 'upstream' | 'holder'
  /** Ends the runner that fetches from the source when half has left it. */
  readonly kill?: boolean
}

async function runCrowd(
  tree: Tree,
  folder: string,
  hostsOfCrowd: readonly LabHost[],
  context: BenchContext,
  { source, kill = false }: CrowdOptions,
): Promise<CrowdResult> {
  const { signal } = context
  await using network = new LabNetwork(hostsOfCrowd)
  const [sourceHost, ...runnerHosts] = network.hosts
  await using resources = new AsyncDisposableStack()
  let env: Readonly<Record<string, string>> = {}
  if (source === 'upstream') {
    const server = resources.use(await startCacheServer(signal, sourceHost))
    await saveUpstream(server, tree, folder, sourceHost!, signal)
    env = { ...server.env, SWARMCACHE_UPSTREAM: 'read' }
  }
  const fleet = resources.use(new Fleet(folder, signal))
  if (source === 'holder') {
    const holder = await fleet.start({ host: sourceHost })
    await holder.command(['save', '--key', KEY, tree.path], tree.root)
  }
  const runners: Runner[] = []
  for (const host of runnerHosts) runners.push(await fleet.start({ host, env }))
  const sessions = await Promise.all(runners.map(async (runner) => await runner.openSession()))

  const pids = [...runners.map(({ pid }) => pid), ...sessions.map(({ pid }) => pid)]
  await settled(pids, signal)
  const coresUsed = watchCores()
  const before = network.traffic(sourceHost!).sent
  const receivedBefore = new Map(
    runnerHosts.map((host) => [host, network.traffic(host).received] as const),
  )
  const outcomes = Promise.allSettled(sessions.map(async (session) => await restoreIn(session)))
  const killed = kill ? await killFetcher(network, before, tree) : undefined
  const seconds = (await outcomes).map((outcome, index) => {
    if (outcome.status === 'fulfilled') return outcome.value
    if (runners[index]!.host === killed) return undefined
    throw outcome.reason
  })
  const busy = coresUsed()
  // Earlier it would take the cores of those who are not through yet.
  for (const { host, workspace } of runners) {
    if (host !== killed) checkTree(join(workspace, tree.path), tree.content)
  }
  const alive = runnerHosts.filter((host) => host !== killed)
  const received = alive.map((host) => network.traffic(host).received - receivedBefore.get(host)!)
  const receivedShare =
    received.reduce((sum, bytes) => sum + bytes, 0) / alive.length / tree.content.bytes
  const sourceShare = (network.traffic(sourceHost!).sent - before) / tree.content.bytes
  for (const [index, session] of sessions.entries()) {
    if (runners[index]!.host !== killed) await session.close()
  }
  return { seconds, sourceShare, receivedShare, busy }
}

async function restoreIn(session: RunnerSession): Promise<number> {
  const { result, milliseconds } = await session.restore(KEY, PATH)
  if (result.hit !== 'exact') throw session.program.failure(`got a ${result.hit}`)
  return milliseconds / 1000
}

/** Ends whoever has received most from the source once half of the content has left it. */
async function killFetcher(
  network: LabNetwork,
  before: number,
  tree: Tree,
): Promise<LabNamespace | undefined> {
  const source = network.host(SOURCE)
  while (network.traffic(source).sent - before < tree.content.bytes / 2) await wait(50)
  const address = network.busiestClient(source)
  const fetcher = network.hosts.find((host) => host.address === address)
  if (fetcher === undefined) throw new Error('Nobody is fetching from the source.')
  network.killAll(fetcher)
  return fetcher
}

async function saveUpstream(
  server: CacheServer,
  tree: Tree,
  temporary: string,
  host: LabNamespace,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(temporary, { recursive: true })
  await runStockClient(server, ['save', KEY, tree.path], {
    cwd: tree.root,
    temporary,
    host,
    signal,
  })
}

async function repeat(
  context: BenchContext,
  name: string,
  run: (folder: string) => Promise<CrowdResult>,
): Promise<CrowdResult[]> {
  const results: CrowdResult[] = []
  for (let index = 0; index < context.repeats; index += 1) {
    const folder = join(context.folder, `${name.replaceAll(/\W+/g, '-')}-${index}`)
    const result = await run(folder)
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
    results.push(result)
    const seconds = result.seconds.map((value) => value?.toFixed(1) ?? 'killed').join(' ')
    const share = result.sourceShare.toFixed(2)
    const received = result.receivedShare.toFixed(2)
    const moved = `the source sent ${share} F, a runner received ${received} F`
    context.say(`${name}: ${seconds} s, ${moved}, ${busyCores([result])}`)
  }
  return results
}

function hosts({ linkMbit }: BenchContext): LabHost[] {
  const link = { upMbit: linkMbit, downMbit: linkMbit }
  const runners = Array.from({ length: RUNNERS }, (_, index) => ({
    name: `runner-${index}`,
    ...link,
  }))
  return [{ name: SOURCE, ...link }, ...runners]
}

function bound(tree: Tree, { linkMbit }: BenchContext): number {
  const rate = (linkMbit * 1e6) / 8
  const receivers = Array.from({ length: RUNNERS }, () => ({ up: rate, down: rate }))
  return fluidBoundSeconds({ fileBytes: tree.content.bytes, sourceRate: rate, receivers })
}

function lastRunner(
  what: string,
  results: readonly CrowdResult[],
  boundSeconds: number,
  atMost: number,
): Row {
  return {
    what,
    unit: 's',
    samples: results.map(({ seconds }) => Math.max(...seconds.map((value) => value ?? 0))),
    baseline: { what: 'fluid bound', samples: [boundSeconds] },
    goal: { kind: 'within', atMost },
    note: busyCores(results),
  }
}

/** All machines of the network are processes of this one: whether it had enough cores for them. */
function busyCores(results: readonly CrowdResult[]): string {
  const percent = results.map(({ busy }) => Math.round(100 * busy))
  return `the cores of this machine were ${Math.min(...percent)} to ${Math.max(...percent)} % used`
}

function sourceRow(what: string, results: readonly CrowdResult[]): Row {
  return {
    what,
    unit: 'x',
    samples: results.map(({ sourceShare }) => sourceShare),
    goal: { kind: 'value', atMost: 1.1 },
  }
}

async function makeTree({ folder, quick }: BenchContext): Promise<Tree> {
  const root = join(folder, 'tree')
  const bytes = quick ? QUICK_FILE_BYTES : FILE_BYTES
  await writeRandomFiles(join(root, PATH), FILES, bytes / FILES)
  return { root, path: PATH, content: readTree(join(root, PATH)) }
}
