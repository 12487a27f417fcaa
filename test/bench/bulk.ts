import { resolve } from 'node:path'
import { RunningProgram } from './lab/program.ts'
import type { BulkSize } from './lab/bulk.ts'
import type { BenchContext, Row, Scenario } from './lab/scenario.ts'

const MIB = 1024 * 1024
const PROCESS = resolve(import.meta.dirname, 'lab/bulk-process.ts')
const TRANSPORTS = ['peers', 'tls', 'libp2p'] as const

/** Bytes from the memory of one process to that of another: between peers, over plain TLS, over a libp2p stream. */
export const bulk: Scenario = {
  name: 'bulk',
  async run({ quick, repeats, signal, say }) {
    const size = { warmUpBytes: (quick ? 64 : 256) * MIB, bytes: (quick ? 512 : 2048) * MIB }
    const rates: Record<(typeof TRANSPORTS)[number], number[]> = { peers: [], tls: [], libp2p: [] }
    for (let repeat = 0; repeat < repeats; repeat += 1) {
      for (const name of TRANSPORTS) {
        const rate = await measureRate(name, size, signal)
        rates[name].push(rate)
        say(`${name}: ${rate.toFixed(0)} MiB/s`)
      }
    }
    const peers = { what: 'peer to peer, verified', unit: 'MiB/s', samples: rates.peers } as const
    return [
      {
        ...peers,
        baseline: { what: 'node:tls, unverified', samples: rates.tls },
        goal: { kind: 'share-of', atLeast: 0.6 },
        note: `${size.bytes / MIB} MiB`,
      },
      {
        ...peers,
        baseline: { what: 'libp2p stream', samples: rates.libp2p },
        goal: { kind: 'share-of', atLeast: 3 },
      },
    ] satisfies Row[]
  },
}

async function measureRate(
  transport: string,
  size: BulkSize,
  signal: BenchContext['signal'],
): Promise<number> {
  const start = (side: string): RunningProgram => {
    const args = [PROCESS, transport, side, String(size.warmUpBytes), String(size.bytes)]
    return new RunningProgram(process.execPath, args, { env: {}, signal })
  }
  const sender = start('send')
  try {
    const offer = await sender.lines().next()
    if (offer.done === true) throw sender.failure('offered nothing')
    const receiver = start('receive')
    receiver.child.stdin!.end(offer.value)
    const result = await receiver.lines().next()
    if (result.done === true) throw receiver.failure('received nothing')
    await receiver.ended()
    const { seconds } = JSON.parse(result.value) as { seconds: number }
    return size.bytes / MIB / seconds
  } finally {
    await sender.stop()
  }
}
