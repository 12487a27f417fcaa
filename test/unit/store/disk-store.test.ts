import { storeContract } from '../../contract/store.ts'
import { openStore, temporaryHome } from '../../support/disk-homes.ts'

storeContract('DiskStore', async (t, setup) => openStore(t, await temporaryHome(t), setup))
