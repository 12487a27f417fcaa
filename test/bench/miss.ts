import { join } from 'node:path'
import { Fleet } from './lab/runners.ts'
import type { Runner } from './lab/runners.ts'
import type { BenchContext, Row, Scenario } from './lab/scenario.ts'
import { runStockClient, startCacheServer } from './lab/stock-client.ts'

const PEERS = 4
const MISSES = 20
const PATH = 'node_modules'

/** What peers that do not have it, or do not even answer, add to finding out that nobody has a key. */
export const miss: Scenario = {
  name: 'miss',
  run: missRows,
}

async function missRows(context: BenchContext): Promise<Row[]> {
  const { folder, repeats, signal, say } = context
  await using server = await startCacheServer(signal)
  const straight: number[] = []
  const alive: number[] = []
  const frozen: number[] = []
  const firstFrozen: number[] = []
  const steps: number[] = []
  const straightSteps: number[] = []
  const where = { cwd: folder, temporary: folder, signal }
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    const stock = await runStockClient(server, ['misses', `a-${repeat}`, String(MISSES)], where)
    const { milliseconds } = JSON.parse(stock.output.split('\n').at(-2)!) as {
      milliseconds: number[]
    }
    // The first one also connects to the upstream.
    straight.push(...milliseconds.slice(1))
    const step = await runStockClient(server, ['misses', `b-${repeat}`, '1'], where)
    straightSteps.push(step.seconds * 1000)

    await using fleet = new Fleet(join(folder, `fleet-${repeat}`), signal)
    const peers: Runner[] = []
    for (let index = 0; index < PEERS; index += 1) peers.push(await fleet.start())
    const env = { ...server.env, SWARMCACHE_UPSTREAM: 'read' }
    const asker = await fleet.start({ env })
    steps.push((await asker.restore(`step-${repeat}`, PATH)).seconds * 1000)
    const session = await asker.openSession()
    const times = async (name: string): Promise<number[]> => {
      const all: number[] = []
      for (let index = 0; index < MISSES; index += 1) {
        const answer = await session.restore(`${name}-${repeat}-${index}`, PATH)
        if (answer.result.hit !== 'miss') throw new Error('There was a hit where nobody has it.')
        all.push(answer.milliseconds)
      }
      return all
    }
    alive.push(...(await times('alive')).slice(1))
    for (const peer of peers) peer.freeze()
    const all = await times('frozen')
    frozen.push(...all)
    firstFrozen.push(all[0]!)
    await session.close()
    say(
      `straight to upstream ${format(milliseconds)}; ${PEERS} peers alive ${format(alive)}; frozen ${format(all)}`,
    )
  }
  const baseline = { what: 'stock client', samples: straight }
  return [
    {
      what: `total miss, ${PEERS} peers alive`,
      unit: 'ms',
      samples: alive,
      baseline,
      goal: { kind: 'more-than', atMost: 20 },
    },
    {
      what: `total miss, ${PEERS} peers that no longer answer`,
      unit: 'ms',
      samples: frozen,
      baseline,
      goal: { kind: 'more-than', atMost: 60 },
    },
    { what: 'the first miss after they went silent', unit: 'ms', samples: firstFrozen, baseline },
    {
      what: 'total miss as a whole command, peers alive',
      unit: 'ms',
      samples: steps,
      baseline: { what: 'stock client', samples: straightSteps },
    },
  ]
}

function format(samples: readonly number[]): string {
  return `${samples.map((value) => value.toFixed(0)).join(' ')} ms`
}
