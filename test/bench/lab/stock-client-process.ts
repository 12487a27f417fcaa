/** The client that actions/cache is made of, unchanged, as a step of a job runs it. */
import { restoreCache, saveCache } from '@actions/cache'

const [command = '', key = '', ...paths] = process.argv.slice(2)

switch (command) {
  case 'restore': {
    const found = await restoreCache(paths, key)
    if (found !== key) throw new Error(`restored ${String(found)} in place of ${key}`)
    break
  }
  case 'save': {
    const id = await saveCache(paths, key)
    if (id < 0) throw new Error(`did not save ${key}`)
    break
  }
  case 'misses': {
    // Keys that nobody has; milliseconds of each lookup, the first ones warm the connection.
    const [count = '1'] = paths
    const milliseconds: number[] = []
    for (let index = 0; index < Number(count); index += 1) {
      const started = performance.now()
      const found = await restoreCache(['node_modules'], `${key}-${index}`)
      if (found !== undefined) throw new Error(`found ${found} under a key that nobody has`)
      milliseconds.push(performance.now() - started)
    }
    console.log(JSON.stringify({ milliseconds }))
    break
  }
  default:
    throw new TypeError(`There is no command "${command}".`)
}
