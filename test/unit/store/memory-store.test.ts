import { MemoryStore } from '../../../src/store/memory-store.ts'
import { storeContract } from '../../contract/store.ts'
import { REPOSITORY } from '../../support/stored-content.ts'

storeContract('MemoryStore', async (t, setup = {}) => {
  const store = new MemoryStore({ repository: REPOSITORY, limitBytes: 64 * 1024 * 1024, ...setup })
  t.after(() => store.close())
  return store
})
