// An action that used @actions/cache switches by changing one import.
import { restoreCache, saveCache } from '../src/actions-cache.ts' // in your project: 'swarmcache/actions-cache'

const paths = ['node_modules']
const key = `deps-${process.platform}-1`

const hit = await restoreCache(paths, key, ['deps-'])
console.log(hit === undefined ? 'miss' : `restored ${hit}`)
if (hit !== key) await saveCache(paths, key)
