import { MemoryTiers } from '../../../src/cache/memory-tiers.ts'
import { tiersContract } from '../../contract/tiers.ts'
import { createSigner } from '../../support/sample-entries.ts'

tiersContract('memory', async () => new MemoryTiers({ sign: createSigner() }))
