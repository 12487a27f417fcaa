import { openSession } from '../compose.ts'
import type { Session } from '../compose.ts'
import type { Call } from './command.ts'
import { readConfig } from './settings.ts'

/** Options of `withNode`. */
export interface NodeAccess {
  /** True to join the swarm if no node runs; else only the store of the home is opened. */
  readonly join: boolean
}

/** Runs `work` with the node that runs for the home, or with one of this process. */
export async function withNode<T>(
  call: Call,
  { join }: NodeAccess,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const config = readConfig(call)
  const session = await openSession(
    { ...config, upstream: 'off', peers: join && config.peers },
    { logger: call.terminal.logger },
  )
  try {
    return await work(session)
  } finally {
    await session.stop({ signal: call.signal })
  }
}
