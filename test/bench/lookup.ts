import { join, resolve } from 'node:path'
import { RunningProgram } from './lab/program.ts'
import type { BenchContext, MeasuredRow, Row, Scenario } from './lab/scenario.ts'

const PROCESS = resolve(import.meta.dirname, 'lab/lookup-process.ts')
const SIZES = [2, 8, 32, 100]
const QUICK_SIZES = [2, 8, 32]
const MEMBERS_PER_PROCESS = 25
const FINDS = 30

/** Finding an entry that one peer holds, in swarms of several sizes. */
export const lookup: Scenario = {
  name: 'lookup',
  async run(context) {
    const sizes = context.quick ? QUICK_SIZES : SIZES
    const results: LookupResult[] = []
    for (const size of sizes) {
      const result = await measureSwarm(size, context)
      const { milliseconds, found, messages, peers } = result
      if (found === 0) throw new Error(`Nothing was found in a swarm of ${size}.`)
      const times = milliseconds.map((value) => value.toFixed(0)).join(' ')
      context.say(
        `${size} peers (${peers} connected): ${found} found, ${messages} messages, ${times} ms`,
      )
      results.push(result)
    }
    const rows: Row[] = results.flatMap(rowsOf)
    const [small, large] = [32, 100].map((size) => results.find((result) => result.size === size))
    if (small === undefined || large === undefined) return rows
    return [
      ...rows,
      {
        what: 'lookup among 100 peers',
        unit: 'ms',
        samples: large.milliseconds,
        baseline: { what: 'among 32', samples: small.milliseconds },
        goal: { kind: 'within', atMost: Math.round((100 * Math.log(100)) / Math.log(32)) / 100 },
      },
    ]
  },
}

interface LookupResult {
  readonly size: number
  readonly milliseconds: readonly number[]
  /** Questions and answers of one lookup, without those of the DHT. */
  readonly messages: number
  readonly found: number
  /** To how many the asker was connected. */
  readonly peers: number
}

function rowsOf({ size, milliseconds, messages, found, peers }: LookupResult): MeasuredRow[] {
  return [
    {
      what: `lookup among ${size} peers`,
      unit: 'ms',
      samples: milliseconds,
      note: `${found} of ${milliseconds.length} found, ${peers} connected`,
    },
    { what: `its questions and answers (${size})`, unit: 'messages', samples: [messages] },
  ]
}

async function measureSwarm(size: number, context: BenchContext): Promise<LookupResult> {
  const registry = join(context.folder, `peers-${size}`)
  const start = (...args: string[]): Part => new Part([PROCESS, registry, ...args], context.signal)
  const parts: Part[] = []
  try {
    for (let left = size - 1; left > 0; left -= MEMBERS_PER_PROCESS) {
      parts.push(start('members', String(Math.min(left, MEMBERS_PER_PROCESS))))
    }
    const asker = start('asker')
    parts.push(asker)
    for (const part of parts) await part.next()
    await parts[0]!.ask({ hold: true })
    const result = await asker.ask({ peers: size - 1, finds: FINDS })
    return { ...(result as Omit<LookupResult, 'size'>), size }
  } finally {
    await Promise.all(parts.map(async (part) => await part.program.stop()))
  }
}

class Part {
  readonly program: RunningProgram
  readonly #lines: AsyncIterator<string>

  constructor(args: string[], signal: AbortSignal) {
    this.program = new RunningProgram(process.execPath, args, { env: {}, signal })
    this.#lines = this.program.lines()
  }

  async ask(order: object): Promise<unknown> {
    this.program.send(order)
    return await this.next()
  }

  async next(): Promise<unknown> {
    const line = await this.#lines.next()
    if (line.done === true) throw this.program.failure('has ended')
    return JSON.parse(line.value)
  }
}
