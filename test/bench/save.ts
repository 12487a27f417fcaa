import { join } from 'node:path'
import type { SaveResult } from '../../src/cache/cache.ts'
import { Fleet } from './lab/runners.ts'
import type { Timed } from './lab/runners.ts'
import type { BenchContext, Row, Scenario } from './lab/scenario.ts'
import { runStockClient, startCacheServer } from './lab/stock-client.ts'
import { checkTree, readTree } from './lab/tree-check.ts'
import { copyTree } from './lab/trees.ts'
import type { Tree } from './lab/trees.ts'
import { warmMemory } from './lab/warm-memory.ts'

/**
 * Runners with an empty store save a tree, then the same tree after three patch-level bumps: one has updated it where
 * it was, the other has installed all of it anew.
 */
export const save: Scenario = {
  name: 'save',
  run: saveRows,
}

async function saveRows(context: BenchContext): Promise<Row[]> {
  const { folder, repeats, signal, say, trees } = context
  const tree = await trees.packages()
  const bumped = await trees.bumpedPackages()
  await using server = await startCacheServer(signal)
  await using fleet = new Fleet(join(folder, 'fleet'), signal)
  const cold: number[] = []
  const updated: number[] = []
  const anew: number[] = []
  const shares: number[] = []
  const stockCold: number[] = []
  const stockBumps: number[] = []
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    const isChecked = repeat === 0
    const inPlace = await saveBumped({ ...context, fleet }, { isChecked })
    const installed = await saveBumped({ ...context, fleet }, { isChecked, other: bumped })
    cold.push(inPlace.cold, installed.cold)
    updated.push(inPlace.bumped)
    anew.push(installed.bumped)
    shares.push(inPlace.newPercent, installed.newPercent)

    const stock = async (key: string, { root, path }: Place): Promise<number> => {
      const where = { cwd: root, temporary: folder, signal }
      await warmMemory(folder, tree.content.bytes)
      return (await runStockClient(server, ['save', `${key}-${repeat}`, path], where)).seconds
    }
    stockCold.push(await stock('a', tree))
    stockBumps.push(await stock('b', bumped))
    say(
      `save ${cold.at(-1)!.toFixed(2)} s, after bumps ${updated.at(-1)!.toFixed(2)} s where it was, ` +
        `${anew.at(-1)!.toFixed(2)} s installed anew (${shares.at(-1)!.toFixed(1)}% new), ` +
        `stock client ${stockCold.at(-1)!.toFixed(2)} and ${stockBumps.at(-1)!.toFixed(2)} s`,
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
      samples: updated,
      baseline: { what: 'stock client', samples: stockBumps },
      goal: { kind: 'times-as-fast', atLeast: 4 },
    },
    {
      what: 'save after bumps and a fresh install',
      unit: 's',
      samples: anew,
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

type Place = Pick<Tree, 'root' | 'path'>

/** Saves the tree in the workspace of a new runner, and then `other`, or without it the workspace after the bumps. */
async function saveBumped(
  { folder, fleet, trees, signal }: BenchContext & { readonly fleet: Fleet },
  { isChecked, other }: { readonly isChecked: boolean; readonly other?: Tree },
): Promise<{ cold: number; bumped: number; newPercent: number }> {
  const tree = await trees.packages()
  const runner = await fleet.start()
  const own = { root: runner.workspace, path: tree.path }
  await copyTree(join(tree.root, tree.path), join(own.root, own.path), signal)
  const save = async (key: string, { root, path }: Place): Promise<Timed<SaveResult>> => {
    await warmMemory(folder, tree.content.bytes)
    const result = await runner.command<SaveResult>(['save', '--key', key, path], root)
    if (!result.saved) throw new Error('A save under a new key did nothing.')
    return result
  }
  const first = await save('a', own)
  if (other === undefined) await trees.bump(own.root)
  const second = await save('b', other ?? own)
  if (isChecked) {
    const reader = await fleet.start()
    await reader.restore('a', tree.path)
    checkTree(join(reader.workspace, tree.path), tree.content)
    await reader.restore('b', tree.path)
    const content = other?.content ?? readTree(join(own.root, own.path))
    checkTree(join(reader.workspace, tree.path), content)
    await fleet.remove(reader)
  }
  await fleet.remove(runner)
  const { seconds, bytes } = second
  return { cold: first.seconds, bumped: seconds, newPercent: (100 * bytes.new) / bytes.content }
}
