// A holder of some content in a process of its own, which the parent kills; says on stdout how it is reached.
import { parseArgs } from 'node:util'
import { silentLogger } from '../../src/core/logger.ts'
import { checkSignature } from '../../src/identity/identity.ts'
import { SwarmRouter } from '../../src/router/swarm-router.ts'
import { SwarmTransfer } from '../../src/transfer/swarm-transfer.ts'
import { CountingSupply, makeContent } from './chunks.ts'
import { createMembers } from './swarm-nodes.ts'

const { values } = parseArgs({
  options: { seed: { type: 'string' }, count: { type: 'string' }, bytes: { type: 'string' } },
})
const seed = Buffer.from(values.seed!, 'hex')
const content = await makeContent(Number(values.count), Number(values.bytes), seed)
const swarm = createMembers()()
const router = new SwarmRouter({
  swarm,
  answers: {
    find: async () => ({ nearMisses: [] }),
    holds: async (manifest) => manifest === content.digest,
  },
  checkEntry: checkSignature,
  logger: silentLogger,
})
const supply = new CountingSupply(content)
const transfer = new SwarmTransfer({ swarm, supply, peers: router, logger: silentLogger })
router.start()
await transfer.start()
await swarm.start()
console.log(JSON.stringify({ peerId: swarm.peerId, addresses: swarm.addresses() }))
