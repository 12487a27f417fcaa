import { MemoryAnswerGroup, MemoryAnswerPeers } from '../../../src/api-cache/memory-answer-peers.ts'
import { MemoryShelf } from '../../../src/api-cache/memory-shelf.ts'
import { answerPeersContract } from '../../contract/answer-peers.ts'

answerPeersContract('MemoryAnswerPeers', async (_t, count) => {
  const group = new MemoryAnswerGroup()
  return Array.from({ length: count }, () => {
    const shelf = new MemoryShelf()
    return { shelf, peers: new MemoryAnswerPeers({ group, own: shelf }) }
  })
})
