import { resolve } from 'node:path'
import { RunningProgram } from './lab/program.ts'
import type { BenchContext, Row, Scenario } from './lab/scenario.ts'

const PROCESS = resolve(import.meta.dirname, 'lab/strangers-process.ts')
// A node takes 128 connections a second from one address; this keeps it at that.
const ATTEMPTS_PER_SECOND = 150
// Less than what two cores move, so that what is measured is not who gets the cores.
const MIB = 256

/** The rate of an honest transfer with and without strangers who try to get in meanwhile. */
export const strangers: Scenario = {
  name: 'strangers',
  async run({ quick, repeats, signal, say }) {
    const rounds = quick ? 8 : 40
    const alone: number[] = []
    const beset: number[] = []
    let tried = 0
    for (let repeat = 0; repeat < repeats; repeat += 1) {
      const rates = await measure(rounds, signal)
      alone.push(rates.alone)
      beset.push(rates.beset)
      tried += rates.tried
      say(
        `alone ${rates.alone.toFixed(0)}, beset ${rates.beset.toFixed(0)} MiB/s; ${rates.tried} attempts, ${rates.proved} with a signed token`,
      )
    }
    return [
      {
        what: 'transfer between members while strangers try to get in',
        unit: 'MiB/s',
        samples: beset,
        baseline: { what: 'the same without strangers', samples: alone },
        goal: { kind: 'share-of', atLeast: 0.8 },
        note: `${tried} attempts, ${ATTEMPTS_PER_SECOND} a second, on the same two cores`,
      },
    ] satisfies Row[]
  },
}

async function measure(
  rounds: number,
  signal: BenchContext['signal'],
): Promise<{ alone: number; beset: number; tried: number; proved: number }> {
  const start = (...args: (string | number)[]): RunningProgram =>
    new RunningProgram(process.execPath, [PROCESS, ...args.map(String)], { env: {}, signal })
  const member = start('member', MIB)
  try {
    const offer = await firstLine(member)
    const fetch = async (): Promise<number> => {
      const friend = start('friend', rounds)
      friend.child.stdin!.end(offer)
      const { seconds } = JSON.parse(await firstLine(friend)) as { seconds: number }
      await friend.ended()
      return (rounds * MIB) / seconds
    }
    const alone = await fetch()
    const crowd = start('strangers', ATTEMPTS_PER_SECOND)
    let told = { tried: 0, proved: 0, admitted: 0 }
    try {
      crowd.child.stdin!.end(offer)
      const lines = crowd.lines()
      await lines.next()
      const listening = (async () => {
        for await (const line of lines) told = JSON.parse(line) as typeof told
      })()
      const beset = await fetch()
      await crowd.stop()
      await listening
      if (told.admitted > 0) throw new Error(`${told.admitted} strangers got in`)
      return { alone, beset, tried: told.tried, proved: told.proved }
    } finally {
      await crowd.stop()
    }
  } finally {
    await member.stop()
  }
}

async function firstLine(program: RunningProgram): Promise<string> {
  const line = await program.lines().next()
  if (line.done === true) throw program.failure('said nothing')
  return line.value
}
