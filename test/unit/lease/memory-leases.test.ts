import { MemoryLeaseGroup, MemoryLeases } from '../../../src/lease/memory-leases.ts'
import { leaseContract } from '../../contract/lease.ts'

leaseContract('leases in memory', async (t, count) => {
  const group = new MemoryLeaseGroup({ beatMs: 20 })
  return Array.from({ length: count }, (_, index) => {
    const leases = new MemoryLeases({ peerId: `peer-${index}`, group }, { beatMs: 20 })
    t.after(() => leases.stop())
    return leases
  })
})
