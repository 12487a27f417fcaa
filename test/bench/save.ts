import { join } from 'node:path'
import type { SaveResult } from '../../src/cache/cache.ts'
import { Fleet } from './lab/runners.ts'
import type { BenchContext, Row, Scenario } from './lab/scenario.ts'
import { runStockClient, startCacheServer } from './lab/stock-client.ts'
import { checkTree } from './lab/tree-check.ts'
import { warmMemory } from './lab/warm-memory.ts'

/** A runner with an empty store saves a tree, then the same tree after three patch-level bumps and a fresh install. */
export const save: Scenario = {
  name: 'save',
  run: saveRows,
}

async function saveRows({ folder, repeats, signal, say, trees }: BenchContext): Promise<Row[]> {
  const tree = await trees.packages()
  const bumped = await trees.bumpedPackages()
  await using server = await startCacheServer(signal)
  await using fleet = new Fleet(join(folder, 'fleet'), signal)
  const cold: number[] = []
  const bumps: number[] = []
  const shares: number[] = []
  const stockCold: number[] = []
  const stockBumps: number[] = []
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    const runner = await fleet.start()
    await warmMemory(folder, tree.content.bytes)
    const first = await runner.command<SaveResult>(['save', '--key', 'a', tree.path], tree.root)
    await warmMemory(folder, tree.content.bytes)
    const second = await runner.command<SaveResult>(
      ['save', '--key', 'b', bumped.path],
      bumped.root,
    )
    if (!first.saved || !second.saved) throw new Error('A save under a new key did nothing.')
    cold.push(first.seconds)
    bumps.push(second.seconds)
    shares.push((100 * second.bytes.new) / second.bytes.content)

    if (repeat === 0) {
      const reader = await fleet.start()
      await reader.restore('a', tree.path)
      checkTree(join(reader.workspace, tree.path), tree.content)
      await reader.restore('b', bumped.path)
      checkTree(join(reader.workspace, bumped.path), bumped.content)
      await fleet.remove(reader)
    }
    await fleet.remove(runner)

    const stock = async (key: string, { root, path }: typeof tree): Promise<number> => {
      const where = { cwd: root, temporary: folder, signal }
      await warmMemory(folder, tree.content.bytes)
      return (await runStockClient(server, ['save', `${key}-${repeat}`, path], where)).seconds
    }
    stockCold.push(await stock('a', tree))
    stockBumps.push(await stock('b', bumped))
    say(
      `save ${cold.at(-1)!.toFixed(2)} s, after bumps ${bumps.at(-1)!.toFixed(2)} s ` +
        `(${shares.at(-1)!.toFixed(1)}% new), stock client ${stockCold.at(-1)!.toFixed(2)} and ` +
        `${stockBumps.at(-1)!.toFixed(2)} s`,
    )
  }
  return [
    {
      what: 'save npm packages, empty store',
      unit: 's',
      samples: cold,
      baseline: { what: 'stock client', samples: stockCold },
      goal: { kind: 'times-as-fast', atLeast: 1.5 },
    },
    {
      what: 'save after three patch bumps',
      unit: 's',
      samples: bumps,
      baseline: { what: 'stock client', samples: stockBumps },
      goal: { kind: 'times-as-fast', atLeast: 4 },
    },
    {
      what: 'share of the content that is new then',
      unit: '%',
      samples: shares,
      goal: { kind: 'value', atMost: 5 },
    },
  ]
}
