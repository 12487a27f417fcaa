import { createMembers } from '../../support/swarm-nodes.ts'
import { swarmContract } from '../../contract/swarm.ts'

swarmContract('Libp2pSwarm', () => {
  const create = createMembers()
  return () => create()
})
