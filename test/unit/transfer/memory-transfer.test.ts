import { MemoryTransfer } from '../../../src/transfer/memory-transfer.ts'
import type { MemoryTransferGroup } from '../../../src/transfer/memory-transfer.ts'
import { transferContract } from '../../contract/transfer.ts'

transferContract('a transfer in memory', () => {
  const group: MemoryTransferGroup = new Map()
  return async (supply) => {
    const peerId = `peer-${group.size}`
    const transfer = new MemoryTransfer({ peerId, group, supply })
    await transfer.start()
    return { transfer, peerId }
  }
})
