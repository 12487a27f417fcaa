import { MemoryTiers } from '../../../src/cache/memory-tiers.ts'
import { tiersContract } from '../../contract/tiers.ts'
import { startLeases } from '../../support/leases.ts'
import { createSigner } from '../../support/sample-entries.ts'

tiersContract('memory', async (t) => {
  return new MemoryTiers({ sign: createSigner(), leases: startLeases(t) })
})
