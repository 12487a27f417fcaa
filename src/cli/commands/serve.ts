import { once } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { serveNode } from '../../compose.ts'
import { EXIT } from '../command.ts'
import type { Command } from '../command.ts'
import { readConfig } from '../settings.ts'

// V8 gives a busy process some 40 MB for young objects, which spares a node no time; its machine has a build to run.
const YOUNG_HEAP_FLAG = '--semi-space-growth-factor=1'
// Time to leave the swarms in good order; a second signal ends it at once.
const DRAIN_MS = 15_000

/** `swarmcache serve`. */
export const serve: Command = {
  flags: {
    http: { value: 'PORT', help: 'HTTP door on loopback, or HOST:PORT (SWARMCACHE_HTTP)' },
  },
  takesPaths: false,
  async run(call) {
    const { terminal, signal } = call
    setFlagsFromString(YOUNG_HEAP_FLAG)
    const node = await serveNode(readConfig(call), { logger: terminal.logger })
    const { home, pid, role, swarms } = await node.status()
    const addresses = swarms.flatMap((swarm) => swarm.addresses)
    const peerId = swarms[0]?.peerId
    terminal.answer(
      { state: 'ready', pid, home, role, peerId, addresses, http: node.http },
      ['ready', ...addresses, node.http].join(' ').trim(),
    )
    if (!signal.aborted) await once(signal, 'abort')
    terminal.note('Leaving the swarm. Interrupt again to end at once.')
    await node.stop({ signal: AbortSignal.timeout(DRAIN_MS) })
    return EXIT.done
  },
}
