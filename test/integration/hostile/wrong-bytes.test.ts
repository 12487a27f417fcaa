import assert from 'node:assert/strict'
import { test } from 'node:test'
import { zstdCompressSync } from 'node:zlib'
import { makeFrameSync } from '../../../src/core/chunk.ts'
import type { Digest } from '../../../src/core/digest.ts'
import { HostileSwarm } from '../../support/hostile-swarm.ts'
import { noise } from '../../support/noise.ts'

const options = { timeout: 60_000 }
const GIB = 1024 ** 3

/** A frame of a few kilobytes that stands for gigabytes of zeros. */
function bomb(): Buffer {
  const block = zstdCompressSync(Buffer.alloc(GIB / 4))
  return Buffer.concat([block, block, block, block])
}

const FRAMES: Record<string, () => (digest: Digest) => Uint8Array> = {
  'wrong bytes under a right digest': () => () => makeFrameSync(noise(40_000, 'wrong')),
  'what is no frame at all': () => () => noise(30_000, 'junk'),
  'a frame that ends early': () => {
    const frame = makeFrameSync(noise(40_000, 'cut'))
    return () => frame.subarray(0, -7)
  },
  'a frame that expands to gigabytes': () => {
    const frame = bomb()
    return () => frame
  },
  'more bytes than the chunk can need': () => () => noise(1_056_000, 'long'),
}

for (const [what, lie] of Object.entries(FRAMES)) {
  test(
    `a member that sends ${what} is banned, and the tree comes from the honest holder`,
    options,
    async (t) => {
      const swarm = await HostileSwarm.start(t)
      const [entry] = await swarm.honest.session.node.entries(swarm.repository)
      const attacker = await swarm.attacker({ entry: entry!, frame: lie() })
      const before = process.memoryUsage().rss
      const victim = await swarm.deceive(attacker)
      assert.ok(
        process.memoryUsage().rss - before < GIB / 4,
        'memory grew with what the frame claims',
      )
      await swarm.assertBanned(victim, attacker, /damaged|bytes for a chunk of|announces/)
      await swarm.assertHonestIsKept(victim)
    },
  )
}
