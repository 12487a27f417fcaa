import { TestIssuer } from '../../support/issuer.ts'
import { createMembers, createTokenMembers } from '../../support/swarm-nodes.ts'
import { swarmContract } from '../../contract/swarm.ts'

swarmContract('Libp2pSwarm', () => {
  const create = createMembers()
  return () => create()
})

swarmContract('Libp2pSwarm with ID tokens alone', async (t) => {
  const create = createTokenMembers(await TestIssuer.start(t))
  return () => create()
})

swarmContract('Libp2pSwarm with a swarm key and ID tokens', async (t) => {
  const create = createTokenMembers(await TestIssuer.start(t), {
    key: 'a swarm key of these tests',
  })
  return () => create()
})
