import { transferContract } from '../../contract/transfer.ts'
import { TransferLab } from '../../support/transfer-lab.ts'

transferContract('a transfer over a swarm', (t) => {
  const lab = new TransferLab(t)
  return (supply) => lab.add(supply)
})
