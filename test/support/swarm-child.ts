// A node in a process of its own, told what to do by its arguments; speaks to its parent by lines on stdout.
import { parseArgs } from 'node:util'
import { createMembers } from './swarm-nodes.ts'

// Less than anything lingers on purpose.
const PATIENCE_MS = 3000

const { values } = parseArgs({
  options: {
    task: { type: 'string' },
    peer: { type: 'string' },
    address: { type: 'string' },
    'keep-alive-ms': { type: 'string' },
  },
})
const keepAliveMs = Number(values['keep-alive-ms'] ?? 20_000)
const swarm = createMembers()({ keepAliveMs })
await swarm.start()
await swarm.dial(values.peer!, [values.address!])
const stream = await swarm.open(values.peer!, '/swarmcache/test-child/1')
await stream.write(new Uint8Array(100_000))

if (values.task === 'stall') {
  console.log('sent')
  // The parent kills or freezes this process in the middle of its message.
  setInterval(() => {}, 1000)
} else {
  await swarm.stop()
  const deadline = performance.now() + PATIENCE_MS
  const busy = (): string[] =>
    process.getActiveResourcesInfo().filter((name) => /^(TCP|Timeout)/.test(name))
  while (busy().length > 0 && performance.now() < deadline) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  console.log(`left open: ${busy().join(' ')}`)
}
