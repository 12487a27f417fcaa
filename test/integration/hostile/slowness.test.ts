import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ByteStream } from '../../../src/core/byte-stream.ts'
import { HostileSwarm } from '../../support/hostile-swarm.ts'

const options = { timeout: 60_000 }
const DRIBBLE_MS = 20

/** Begins a large message, and sends a byte of it now and then for as long as anybody reads. */
async function dribble(stream: ByteStream): Promise<void> {
  const prefix = Buffer.alloc(8)
  prefix.writeUInt32BE(2, 0)
  prefix.writeUInt32BE(1_000_000, 4)
  await stream.write(Buffer.concat([prefix, Buffer.from('{}')]))
  const ended = Promise.withResolvers<void>()
  const timer = setInterval(() => void stream.write(Buffer.of(7)).catch(ended.resolve), DRIBBLE_MS)
  try {
    await ended.promise
  } finally {
    clearInterval(timer)
  }
}

for (const [what, lies] of [
  ['says nothing any more', { isSilent: true }],
  ['dribbles', { transfer: dribble }],
] as const) {
  test(
    `a holder that ${what} is left for the honest one, and only slow, not banned`,
    options,
    async (t) => {
      const swarm = await HostileSwarm.start(t)
      const [entry] = await swarm.honest.session.node.entries(swarm.repository)
      const attacker = await swarm.attacker({ ...lies, entry: entry! })
      const victim = await swarm.victim(attacker)
      await swarm.assertRestored(victim)
      await swarm.assertHonestIsKept(victim)
      assert.ok(!victim.lines.some((line) => line.includes('banned')), victim.lines.join('\n'))
    },
  )
}
