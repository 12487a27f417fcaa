import type { TestContext } from 'node:test'
import type { Leases } from '../../src/lease/lease.ts'
import { MemoryLeaseGroup, MemoryLeases } from '../../src/lease/memory-leases.ts'

/** Turns among the callers of one process, until the test ends. */
export function startLeases(t: TestContext): Leases {
  const group = new MemoryLeaseGroup({ beatMs: 20 })
  const leases = new MemoryLeases({ peerId: 'peer-of-the-leases', group }, { beatMs: 20 })
  t.after(() => leases.stop())
  return leases
}
