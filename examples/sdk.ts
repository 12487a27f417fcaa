// Share a folder between the machines of one fleet from a program.
//
//   SWARMCACHE_KEY=… SWARMCACHE_REPOSITORY=octocat/hello node examples/sdk.ts FOLDER
import { createSwarmCache } from '../src/index.ts' // in your project: 'swarmcache'

const folder = process.argv[2] ?? 'node_modules'
await using cache = await createSwarmCache()

const restored = await cache.restore([folder], `example-${process.platform}-1`, ['example-'])
console.log(
  `${restored.hit}: ${restored.files} files in ${restored.milliseconds} ms`,
  restored.bytes,
)

if (restored.hit !== 'exact') {
  const saved = await cache.save([folder], `example-${process.platform}-1`)
  console.log(saved.saved ? `saved ${saved.bytes.content} bytes` : saved.reason)
}

// Small things need no folder.
await cache.put('answer', new TextEncoder().encode('42'))
const blob = await cache.get('answer')
for await (const piece of blob?.stream() ?? []) console.log(new TextDecoder().decode(piece))
