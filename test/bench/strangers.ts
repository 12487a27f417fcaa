import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { RunningProgram } from './lab/program.ts'
import type { BenchContext, Row, Scenario } from './lab/scenario.ts'

const PROCESS = resolve(import.meta.dirname, 'lab/strangers-process.ts')
// A node takes 128 connections a second from one address; this keeps it at that.
const ATTEMPTS_PER_SECOND = 150
// Less than what two cores move, so that what is measured is not who gets the cores.
const MIB = 256
const COST_MS = 6000
// USER_HZ is 100 on every Linux that runs Node.
const MS_PER_TICK = 10

/** The rate of an honest transfer with and without strangers who try to get in meanwhile. */
export const strangers: Scenario = {
  name: 'strangers',
  async run({ quick, repeats, signal, say }) {
    const rounds = quick ? 8 : 40
    const alone: number[] = []
    const beset: number[] = []
    const cost: number[] = []
    let tried = 0
    for (let repeat = 0; repeat < repeats; repeat += 1) {
      const rates = await measure(rounds, signal)
      alone.push(rates.alone)
      beset.push(rates.beset)
      if (rates.cpuMs !== undefined) cost.push(rates.cpuMs)
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
      cost.length === 0
        ? { what: 'CPU time of a node for each attempt', skipped: 'there is no /proc here' }
        : {
            what: 'CPU time of a node for each attempt',
            unit: 'ms',
            samples: cost,
            goal: { kind: 'value', atMost: 1.5 },
            note: 'garbage, half handshakes, and sealed tokens of another repository',
          },
    ] satisfies Row[]
  },
}

async function measure(
  rounds: number,
  signal: BenchContext['signal'],
): Promise<{ alone: number; beset: number; tried: number; proved: number; cpuMs?: number }> {
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
      const [usedMs, before] = [await cpuMsOf(member), told.tried]
      await pause(COST_MS, undefined, { signal })
      const [usedLaterMs, after] = [await cpuMsOf(member), told.tried]
      await crowd.stop()
      await listening
      const cpuMs =
        usedMs === undefined || usedLaterMs === undefined
          ? undefined
          : (usedLaterMs - usedMs) / (after - before)
      if (told.admitted > 0) throw new Error(`${told.admitted} strangers got in`)
      return { alone, beset, tried: told.tried, proved: told.proved, cpuMs }
    } finally {
      await crowd.stop()
    }
  } finally {
    await member.stop()
  }
}

/** User and system time that a process has used so far; undefined where there is no /proc. */
async function cpuMsOf({ child }: RunningProgram): Promise<number | undefined> {
  if (process.platform !== 'linux') return undefined
  const [, after] = (await readFile(`/proc/${child.pid}/stat`, 'utf8')).split(') ')
  const fields = after!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK
}

async function firstLine(program: RunningProgram): Promise<string> {
  const line = await program.lines().next()
  if (line.done === true) throw program.failure('said nothing')
  return line.value
}
