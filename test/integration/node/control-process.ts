// A process of its own for the tests of the control socket: `serve HOME` or `read HOME`.
import { randomBytes } from 'node:crypto'
import { MemoryTiers } from '../../../src/cache/memory-tiers.ts'
import type { SourcedFrame } from '../../../src/core/chunk.ts'
import type { SignedEntry } from '../../../src/core/entry.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import type { ChunkRef } from '../../../src/core/manifest.ts'
import { ControlServer } from '../../../src/node/control-server.ts'
import { FixedNode } from '../../support/fixed-node.ts'
import { reachNode } from '../../support/reach-node.ts'
import { REPOSITORY, createSigner, makeSample } from '../../support/sample-entries.ts'

const FRAME = randomBytes(64 * 1024)

/** Gives one frame for the first chunk and then nothing more, for ever. */
class StuckTiers extends MemoryTiers {
  override async *readChunks(
    _entry: SignedEntry,
    chunks: readonly ChunkRef[],
  ): AsyncGenerator<SourcedFrame, void, void> {
    yield { chunk: chunks[0]!, bytes: FRAME, tier: 'memory' }
    await new Promise(() => {})
  }
}

const [command, home] = process.argv.slice(2)
if (command === 'serve') {
  const node = new FixedNode(new StuckTiers({ sign: createSigner() }))
  await new ControlServer({ node, logger: silentLogger }, { home: home! }).start()
  process.send?.('ready')
} else {
  const node = await reachNode(home!)
  const tiers = await node.tiers(REPOSITORY)
  const { entry, frames } = await makeSample('deps-1', { count: 2 })
  const chunks = frames.map((frame) => frame.chunk)
  for await (const _ of tiers.readChunks(createSigner()(entry), chunks)) {
    process.send?.('reading')
    await new Promise(() => {})
  }
}
