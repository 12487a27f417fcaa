import type { TestContext } from 'node:test'
import { silentLogger } from '../../src/core/logger.ts'
import type { Logger } from '../../src/core/logger.ts'
import { createPeerKey, deriveSwarmKeys } from '../../src/identity/identity.ts'
import { Libp2pSwarm } from '../../src/swarm/libp2p-swarm.ts'
import type { NodeOptions } from '../../src/swarm/libp2p-node.ts'
import type { TestIssuer } from './issuer.ts'

/** How a node of a test differs from a runner that listens on loopback. */
export interface MemberOptions extends Partial<NodeOptions> {
  readonly logger?: Logger
}

/** Makes nodes of one swarm over real libp2p, not started; another key means another swarm. */
export function createMembers(
  key: string = 'the swarm key of a test',
): (options?: MemberOptions) => Libp2pSwarm {
  const { prologue } = deriveSwarmKeys(key, 'octocat/hello')
  return ({ logger = silentLogger, ...options } = {}) =>
    new Libp2pSwarm(
      { peerKey: createPeerKey(), prologue, logger },
      { role: 'runner', listen: ['/ip4/127.0.0.1/tcp/0'], ...options },
    )
}

/** Starts nodes that are stopped after the test. */
export async function startMembers(t: TestContext, ...members: Libp2pSwarm[]): Promise<void> {
  for (const member of members) {
    t.after(() => member.stop())
    await member.start({ signal: t.signal })
  }
}

/** Makes nodes that prove themselves by ID tokens, and with a key by both. */
export function createTokenMembers(
  issuer: TestIssuer,
  {
    key,
    claims,
    required,
  }: { key?: string; claims?: Readonly<Record<string, string>>; required?: boolean } = {},
): (options?: MemberOptions) => Libp2pSwarm {
  const prologue = key === undefined ? undefined : deriveSwarmKeys(key, 'octocat/hello').prologue
  return ({ logger = silentLogger, ...options } = {}) =>
    new Libp2pSwarm(
      { peerKey: createPeerKey(), prologue, tokens: issuer.proofs(claims, required), logger },
      { role: 'runner', listen: ['/ip4/127.0.0.1/tcp/0'], ...options },
    )
}
