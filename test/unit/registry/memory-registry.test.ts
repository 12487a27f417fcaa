import { MemoryPlace, MemoryRegistry } from '../../../src/registry/memory-registry.ts'
import { registryContract } from '../../contract/registry.ts'

registryContract('MemoryRegistry', () => {
  const place = new MemoryPlace()
  return () => new MemoryRegistry({ place })
})
