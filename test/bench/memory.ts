import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writeLargeFiles } from './lab/large-files.ts'
import { MemoryWatch } from './lab/memory.ts'
import { Fleet } from './lab/runners.ts'
import type { BenchContext, Row, Scenario } from './lab/scenario.ts'
import { median } from './lab/statistics.ts'
import { checkTree, readTree } from './lab/tree-check.ts'
import type { Tree } from './lab/trees.ts'

const READERS = 8
const KEY = 'memory-1'
const MIB = 1024 * 1024
const LIMIT_MB = 250
// Two thirds into a transfer it has long been at full rate.
const MAX_GROWTH = 1.2

/** Resident memory of a node that serves many, and of one that restores much. */
export const memory: Scenario = {
  name: 'memory',
  async run(context) {
    if (process.platform !== 'linux') return [{ what: 'memory', skipped: '/proc is of Linux' }]
    return [...(await servingRows(context)), ...(await restoringRows(context))]
  },
}

async function servingRows({ folder, trees, signal, say }: BenchContext): Promise<Row[]> {
  const tree = await trees.largeFiles()
  await using fleet = new Fleet(join(folder, 'serving'), signal)
  const holder = await fleet.start()
  await holder.command(['save', '--key', KEY, tree.path], tree.root)
  // Readers serve nothing, so that all of it comes from the one holder.
  const readers = []
  for (let index = 0; index < READERS; index += 1) readers.push(await fleet.add({ role: 'reader' }))
  for (const reader of readers) {
    await reader.start()
    await reader.waitForPeers(1)
  }
  const watch = new MemoryWatch(holder.pid)
  await Promise.all(
    readers.map(async (reader) => {
      const { hit, peers } = await reader.restore(KEY, tree.path)
      if (hit !== 'exact' || peers !== 1)
        throw new Error(`A reader got a ${hit} from ${peers} peers.`)
    }),
  )
  const samples = await watch.stop()
  for (const reader of readers) checkTree(join(reader.workspace, tree.path), tree.content)
  const size = `${(tree.content.bytes / 1e6).toFixed(0)} MB each`
  say(`serving: ${describe(samples)}`)
  return memoryRows(`node serving ${READERS} readers`, samples, size)
}

async function restoringRows({ folder, quick, signal, say }: BenchContext): Promise<Row[]> {
  const root = join(folder, 'tree')
  await writeLargeFiles(join(root, 'data'), 8, ((quick ? 256 : 2048) * MIB) / 8)
  const tree: Tree = { root, path: 'data', content: readTree(join(root, 'data')) }
  await using fleet = new Fleet(join(folder, 'restoring'), signal)
  const holder = await fleet.start()
  await holder.command(['save', '--key', KEY, tree.path], tree.root)
  const runner = await fleet.start()
  const command = await runner.begin('restore', '--key', KEY, tree.path)
  const watches = {
    node: new MemoryWatch(runner.pid),
    command: new MemoryWatch(command.child.pid!),
  }
  await command.ended()
  const node = await watches.node.stop()
  const ofCommand = await watches.command.stop()
  checkTree(join(runner.workspace, tree.path), tree.content)
  await rm(root, { recursive: true, force: true })
  say(`restoring: node ${describe(node)}, command ${describe(ofCommand)}`)
  const size = `${(tree.content.bytes / MIB).toFixed(0)} MiB`
  return [
    ...memoryRows('node of a runner that restores', node, size),
    ...memoryRows('command that restores', ofCommand, size),
  ]
}

function memoryRows(what: string, samples: readonly number[], note: string): Row[] {
  if (samples.length < 9) return [{ what, skipped: `it took only ${samples.length} samples` }]
  const third = Math.floor(samples.length / 3)
  const middle = median(samples.slice(third, 2 * third))
  const last = median(samples.slice(2 * third))
  return [
    {
      what: `${what}: most resident memory`,
      unit: 'MB',
      samples: [Math.max(...samples)],
      goal: { kind: 'value', atMost: LIMIT_MB },
      note,
    },
    {
      what: `${what}: its last third`,
      unit: 'MB',
      samples: [last],
      baseline: { what: 'its middle third', samples: [middle] },
      goal: { kind: 'within', atMost: MAX_GROWTH },
    },
  ]
}

function describe(samples: readonly number[]): string {
  return samples.length === 0
    ? 'no samples'
    : `${Math.max(...samples).toFixed(0)} MB at most, ${samples.at(-1)!.toFixed(0)} MB at the end`
}
