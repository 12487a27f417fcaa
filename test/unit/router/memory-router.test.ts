import { MemoryRouter } from '../../../src/router/memory-router.ts'
import type { MemoryRouterGroup } from '../../../src/router/memory-router.ts'
import { routerContract } from '../../contract/router.ts'

routerContract('a router in memory', () => {
  const group: MemoryRouterGroup = new Map()
  return async (answers) => {
    const peerId = `peer-${group.size}`
    const router = new MemoryRouter({ peerId, group, answers })
    router.start()
    return { router, peerId }
  }
})
