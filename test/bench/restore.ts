import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { RestoreResult } from '../../src/cache/cache.ts'
import { runProgram } from './lab/program.ts'
import { Fleet } from './lab/runners.ts'
import type { BenchContext, Row, Scenario } from './lab/scenario.ts'
import { runStockClient, startCacheServer } from './lab/stock-client.ts'
import { checkTree } from './lab/tree-check.ts'
import type { Tree } from './lab/trees.ts'
import { warmMemory } from './lab/warm-memory.ts'

const KEY = 'tree-1'
// The tree itself and, on the way, an archive or stored chunks of it.
const COPIES = 2

/** A runner with an empty store restores a tree from the one peer that has it; then once more, in place. */
export const restore: Scenario = {
  name: 'restore',
  async run(context) {
    const { trees } = context
    return [
      ...(await restoreRows('npm packages', await trees.packages(), context)),
      ...(await restoreRows('large files', await trees.largeFiles(), context)),
    ]
  },
}

async function restoreRows(name: string, tree: Tree, context: BenchContext): Promise<Row[]> {
  const { folder, repeats, signal, say } = context
  const plain = join(folder, 'plain')
  const archive = join(folder, 'tree.tar')
  await using server = await startCacheServer(signal)
  await using fleet = new Fleet(join(folder, name.replace(' ', '-')), signal)
  await mkdir(plain, { recursive: true })
  const where = { cwd: tree.root, temporary: folder, signal }
  await runStockClient(server, ['save', KEY, tree.path], where)
  await runProgram('tar', ['--posix', '-cf', archive, tree.path], { cwd: tree.root, signal })
  const holder = await fleet.start()
  await holder.command(['save', '--key', KEY, tree.path], tree.root)

  const times = { cold: [], inPlace: [], stock: [], tar: [] } as Record<string, number[]>
  let inside: RestoreResult | undefined
  const emptyPlain = async (): Promise<void> => {
    await rm(plain, { recursive: true, force: true })
    await mkdir(plain)
  }
  const warm = async (): Promise<void> => await warmMemory(folder, COPIES * tree.content.bytes)
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    const runner = await fleet.start()
    await warm()
    const cold = await runner.restore(KEY, tree.path)
    expect(cold.hit === 'exact' && cold.peers === 1 && cold.bytes.upstream === 0, cold)
    checkTree(join(runner.workspace, tree.path), tree.content)
    const inPlace = await runner.restore(KEY, tree.path)
    expect(inPlace.hit === 'exact' && inPlace.skipped === inPlace.files, inPlace)
    checkTree(join(runner.workspace, tree.path), tree.content)
    await fleet.remove(runner)

    await emptyPlain()
    await warm()
    const stock = await runStockClient(server, ['restore', KEY, tree.path], {
      ...where,
      cwd: plain,
    })
    checkTree(join(plain, tree.path), tree.content)
    await emptyPlain()
    await warm()
    const tar = await runProgram('tar', ['-xf', archive], { cwd: plain, signal })
    checkTree(join(plain, tree.path), tree.content)

    inside = cold
    times['cold']!.push(cold.seconds)
    times['inPlace']!.push(inPlace.seconds)
    times['stock']!.push(stock.seconds)
    times['tar']!.push(tar.seconds)
    say(
      `${name}: restore ${cold.seconds.toFixed(2)} s, in place ${inPlace.seconds.toFixed(2)} s, ` +
        `stock client ${stock.seconds.toFixed(2)} s, tar -x ${tar.seconds.toFixed(2)} s`,
    )
  }
  await emptyPlain()
  await rm(archive)
  const stock = { what: 'stock client', samples: times['stock']! }
  const tar = { what: 'tar -x', samples: times['tar']! }
  const cold = { unit: 's', samples: times['cold']! } as const
  const note = `${(inside!.milliseconds / 1000).toFixed(2)} s of it after the process had started`
  return [
    {
      ...cold,
      what: `restore ${name}, cold node, one peer`,
      baseline: stock,
      goal: { kind: 'times-as-fast', atLeast: 2 },
      note,
    },
    {
      ...cold,
      what: `restore ${name}, cold node, one peer`,
      baseline: tar,
      goal: { kind: 'times-as-fast', atLeast: 1 },
    },
    {
      what: `restore ${name}, files in place`,
      unit: 's',
      samples: times['inPlace']!,
      baseline: stock,
      goal: { kind: 'times-as-fast', atLeast: 10 },
    },
  ]
}

function expect(holds: boolean, result: object): void {
  if (!holds) throw new Error(`A restore went another way: ${JSON.stringify(result)}`)
}
