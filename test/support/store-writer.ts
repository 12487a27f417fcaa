/*
 * A process that saves to a home until it is killed: node store-writer.ts HOME NAME LIMIT_BYTES GRACE_MS [KEY]
 *
 * It tells its parent the key of every save that was acknowledged. With KEY it saves once, under that key,
 * as soon as the parent says `go`, and tells whether it won.
 */
import { once } from 'node:events'
import { isSwarmCacheError } from '../../src/core/errors.ts'
import { DiskStore } from '../../src/store/disk-store.ts'
import { plainsFor } from './store-writing.ts'
import { contentOf, MAIN, REPOSITORY, saveTo, VERSION } from './stored-content.ts'

const query = { repository: REPOSITORY, scopes: [MAIN], restoreKeys: [], version: VERSION }

const [home = '', name = '', limitBytes, graceMs, onlyKey] = process.argv.slice(2)
const store = await DiskStore.open({
  home,
  repository: REPOSITORY,
  limitBytes: Number(limitBytes),
  graceMs: Number(graceMs),
})

if (onlyKey === undefined) {
  for (let count = 0; process.connected; count += 1) {
    const key = `${name}-${count}`
    try {
      await saveTo(store, await contentOf(plainsFor(key)), { key, created: count })
      process.send?.({ saved: key })
      if (count % 5 === 4) await store.findEntry({ ...query, key: `${name}-` })
    } catch (error) {
      // A full store, or a clean-up that took what this save relied on: it says so and goes on.
      if (!isSwarmCacheError(error, 'ERR_STORE')) throw error
      process.send?.({ refused: error.message })
    }
  }
} else {
  const content = await contentOf(plainsFor(name))
  process.send?.({ ready: true })
  await once(process, 'message')
  const won = await saveTo(store, content, { key: onlyKey })
  process.send?.({ won, manifest: content.manifest })
  process.disconnect()
}
await store.close()
