import type { RequestScope } from '../cache/cache.ts'
import { openNode, openSession } from '../compose.ts'
import type { Node } from '../node/node.ts'
import type { Call } from './command.ts'
import { readConfig } from './settings.ts'

/** Options of `withNode`. */
export interface NodeAccess {
  /** True to join the swarm if no node runs; else only the store of the home is opened. */
  readonly join: boolean
}

/** A node, and whose cache the call is about. */
export interface NodeInUse {
  readonly node: Node
  readonly request: RequestScope
}

/** Runs `work` with the node that runs for the home, or with one of this process. */
export async function withNode<T>(
  call: Call,
  { join }: NodeAccess,
  work: (use: NodeInUse) => Promise<T>,
): Promise<T> {
  const config = readConfig(call)
  const parts = { logger: call.terminal.logger }
  const session = join ? await openSession({ ...config, upstream: 'off' }, parts) : undefined
  const node = session?.node ?? (await openNode(config, parts))
  try {
    return await work({ node, request: config.request })
  } finally {
    await (session ?? node).stop({ signal: call.signal })
  }
}
