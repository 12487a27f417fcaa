import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bareEnvironment } from '../../config.ts'
import { formatSize } from '../../core/sizes.ts'
import { inputError } from '../../core/errors.ts'
import { startCacheService } from './cache-service.ts'
import type { CacheService } from './cache-service.ts'
import { DemoRunner } from './demo-runner.ts'
import { LiveView } from './live-view.ts'
import { fingerprintTree } from './tree-fingerprint.ts'

const RUNNERS = 5
const REPOSITORY = 'octocat/demo'
const SCOPE = 'refs/heads/main'
const TOKEN = 'demo-runtime-token'
const TREE = 'node_modules'
const KEY = 'demo-dependencies'
// What one runner far from GitHub's cache often gets; uploads of the demo are not slowed down.
const UPSTREAM_BYTES_PER_SECOND = 25_000_000

/** What the demo saw, for its closing table and its exit code. */
export interface DemoResult {
  readonly identical: boolean
  readonly upstreamBytes: number
  readonly runners: readonly DemoRow[]
}

/** One line of the closing table. */
export interface DemoRow {
  readonly name: string
  readonly did: string
  readonly seconds: number
  /** As they were sent, by the runner that sent them, in the order of the rows. */
  readonly bytesFrom: readonly number[]
  readonly identical: boolean
}

/**
 * Shows a swarm at work: one runner saves a real tree, four restore it at the same moment.
 *
 * Each runner is a node in a process of its own with its own home; the upstream is a stand-in on this machine.
 */
export async function runDemo(
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<DemoResult> {
  const tree = findTree()
  const folder = await mkdtemp(join(tmpdir(), 'swarmcache-demo-'))
  const service = await startCacheService({
    tokens: { [TOKEN]: { repository: REPOSITORY, writeScope: SCOPE, readScopes: [SCOPE] } },
    downloadBytesPerSecond: UPSTREAM_BYTES_PER_SECOND,
  })
  const runners = Array.from(
    { length: RUNNERS },
    (_, index) =>
      new DemoRunner(
        `runner ${index + 1}`,
        join(folder, `runner-${index + 1}`),
        runnerEnvironment(folder, service),
      ),
  )
  try {
    print(`An upstream stand-in and ${RUNNERS} runners start on this machine.`)
    await Promise.all(runners.map(async (runner) => await runner.start(signal)))
    const original = await fingerprintTree(tree)
    print(`The tree: ${tree}, ${original.files} files, ${formatSize(original.bytes)}.`)
    return await saveAndRestore(runners, tree, original.digest, service, print, signal)
  } finally {
    await Promise.all(runners.map(async (runner) => await runner.stop()))
    await service.close()
    await rm(folder, { recursive: true, force: true })
  }
}

async function saveAndRestore(
  runners: readonly DemoRunner[],
  tree: string,
  digest: string,
  service: CacheService,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<DemoResult> {
  const [first, ...others] = runners
  print('runner 1 saves it to the swarm and, through it, to the upstream.')
  const saved = await first!.command(['save', '--key', KEY, TREE], signal, dirname(tree))
  print(`The other ${others.length} restore it at the same moment.`)
  const upstreamBefore = service.stats().bytesDown
  const view = new LiveView(runners, REPOSITORY, print)
  view.start()
  const restored = await Promise.all(
    others.map(async (runner) => await runner.command(['restore', '--key', KEY, TREE], signal)),
  )
  const traffic = await view.stop()
  const upstreamBytes = service.stats().bytesDown - upstreamBefore
  print('Every restored tree is compared with the original: names, modes, times, links, bytes.')
  const rows: DemoRow[] = []
  for (const [index, runner] of runners.entries()) {
    const report = index === 0 ? saved : restored[index - 1]!
    const copy = index === 0 ? tree : join(runner.workspace, TREE)
    rows.push({
      name: runner.name,
      did: index === 0 ? 'saved' : `restored (${String(report['hit'])})`,
      seconds: Number(report['milliseconds']) / 1000,
      bytesFrom: runners.map(
        ({ peerId }) => traffic.get(runner.name)?.receivedFrom.get(peerId ?? '') ?? 0,
      ),
      identical: (await fingerprintTree(copy)).digest === digest,
    })
  }
  return { identical: rows.every((row) => row.identical), upstreamBytes, runners: rows }
}

/** The closing table: who served what to whom. */
export function demoTable({ runners, upstreamBytes }: DemoResult): string[] {
  const from = runners.map(({ name }) => `from ${name.replace('runner ', '#')}`)
  const header = ['', 'did', 'time', ...from, 'identical']
  const rows = runners.map((row) => [
    row.name,
    row.did,
    `${row.seconds.toFixed(1)} s`,
    ...row.bytesFrom.map((bytes) => (bytes === 0 ? '-' : formatSize(bytes))),
    row.identical ? 'yes' : 'NO',
  ])
  const served = runners.map((_, index) =>
    formatSize(runners.reduce((sum, { bytesFrom }) => sum + (bytesFrom[index] ?? 0), 0)),
  )
  rows.push(['served', '', '', ...served, ''])
  const widths = header.map((_, column) =>
    Math.max(...[header, ...rows].map((row) => row[column]!.length)),
  )
  const lines = [header, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  )
  return [
    ...lines,
    'Sizes are those of what was sent: compressed, and content that occurs twice only once.',
    `Downloaded from the upstream: ${formatSize(upstreamBytes)}`,
  ]
}

function runnerEnvironment(folder: string, service: CacheService): Record<string, string> {
  return {
    ...bareEnvironment(),
    ...service.environment(TOKEN),
    SWARMCACHE_KEY: demoKey,
    SWARMCACHE_REPOSITORY: REPOSITORY,
    SWARMCACHE_REF: SCOPE,
    SWARMCACHE_REGISTRY: `dir:${join(folder, 'registry')}`,
    SWARMCACHE_LISTEN: '/ip4/127.0.0.1/tcp/0',
    SWARMCACHE_UPSTREAM: 'write-through',
  }
}

const demoKey = randomBytes(32).toString('base64url')

/** The node_modules that this program itself runs from. */
function findTree(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (dirname(folder) !== folder) {
    const candidate = join(folder, TREE)
    if (existsSync(candidate)) return candidate
    folder = dirname(folder)
  }
  throw inputError('The demo found no node_modules above itself to share. Run "npm ci" first.')
}
