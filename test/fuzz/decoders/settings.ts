import { multiaddr } from '@multiformats/multiaddr'
import fc from 'fast-check'
import { loadConfig } from '../../../src/config.ts'
import { isPeerId } from '../../../src/core/peer.ts'
import { dialTarget } from '../../../src/swarm/swarm-peers.ts'
import { PEER_ID, plain } from '../arbitraries.ts'
import { Finding } from '../decoder.ts'
import type { Decoder, Json } from '../decoder.ts'

const ENVIRONMENT = fc.record({
  HOME: fc.constant('/home/octo'),
  SWARMCACHE_HOME: fc.constantFrom('/data', 'relative', '~/x'),
  SWARMCACHE_REPOSITORY: fc.constantFrom('octo/app'),
  SWARMCACHE_REF: fc.constantFrom('refs/heads/main', 'refs/pull/7/merge'),
  SWARMCACHE_REGISTRY: fc.constantFrom('dir:/peers', 'dir:a,dir:b', 'dir:a,github:'),
  SWARMCACHE_LISTEN: fc.constantFrom('/ip4/0.0.0.0/tcp/0'),
  SWARMCACHE_UPSTREAM: fc.constantFrom('off', 'read'),
  ACTIONS_RESULTS_URL: fc.constantFrom('https://results.example/'),
  ACTIONS_RUNTIME_TOKEN: fc.constantFrom('a token'),
  GITHUB_SERVER_URL: fc.constantFrom('https://github.com', 'https://ghes.example'),
  GITHUB_API_URL: fc.constantFrom('https://api.github.com', 'https://ghes.example/api/v3/'),
  SWARMCACHE_DISK_LIMIT: fc.constantFrom('10GB', '1000000'),
  SWARMCACHE_MEMORY_LIMIT: fc.constantFrom('64MB'),
  P2P_LISTEN_PORT: fc.constantFrom('4001'),
  CACHE_ENABLE_P2P: fc.constantFrom('true', 'false'),
})

/** The variables of an environment, all of which are text. */
function environmentOf(value: Json): Record<string, string> {
  const given = typeof value === 'object' && value !== null ? value : {}
  return Object.fromEntries(
    Object.entries(given).flatMap(([name, text]) =>
      typeof text === 'string' && !text.includes('\0') ? [[name, text]] : [],
    ),
  )
}

/** Stands for the node of libp2p, of which only these two functions are used. */
const NODE = { multiaddr, peerIdFromString: (text: string) => text } as unknown as Parameters<
  typeof dialTarget
>[0]

export const SETTINGS: readonly Decoder[] = [
  {
    name: 'environment',
    valid: ENVIRONMENT.map(plain),
    refuses: ['ERR_INPUT'],
    decode: (value: Json) => loadConfig({ env: environmentOf(value), cwd: '/work' }),
  },
  {
    name: 'peer-addresses',
    valid: fc
      .record({
        peerId: PEER_ID,
        addresses: fc.array(
          fc.constantFrom('/ip4/10.0.0.1/tcp/4001', '/ip6/::1/tcp/1', '/dns4/h.example/tcp/443'),
          { minLength: 1, maxLength: 5 },
        ),
      })
      .map(plain),
    refuses: ['ERR_PEER'],
    decode(value: Json) {
      const { peerId, addresses } = (value ?? {}) as Record<string, unknown>
      // As a record has them: a peer id, and texts, at most sixteen.
      if (!isPeerId(peerId) || !Array.isArray(addresses)) return undefined
      const texts = addresses.filter((address) => typeof address === 'string').slice(0, 16)
      const target = dialTarget(NODE, peerId, texts)
      if (!Array.isArray(target)) return texts.length === 0 ? {} : undefined
      if (target.some((address) => !address.toString().endsWith(`/p2p/${peerId}`))) {
        throw new Finding('an address leads to another peer')
      }
      return target.length
    },
  },
]
