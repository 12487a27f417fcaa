import type { Tiers } from '../../src/cache/cache.ts'
import { inputError } from '../../src/core/errors.ts'
import type { MemberAnswers } from '../../src/node/member-answers.ts'
import type { LoggedEntry, Node, NodeAnswers, NodeStatus, PeerStatus } from '../../src/node/node.ts'
import type { StoreReport } from '../../src/store/store.ts'
import { ownAnswers } from './member-answers.ts'
import { REPOSITORY } from './sample-entries.ts'

export const STATUS: NodeStatus = {
  version: '0.1.0',
  pid: 7,
  home: '/home/octo',
  role: 'seeder',
  uptimeSeconds: 12.5,
  membership: { proof: 'key' },
  registries: ['dir:/peers'],
  swarms: [],
}

export const PEERS: PeerStatus[] = [
  {
    peerId: 'peer-1',
    address: '/ip4/10.0.0.1/tcp/4001/p2p/peer-1',
    relayed: false,
    connectedSeconds: 3,
    bytesReceived: 10,
    bytesSent: 20,
  },
]

/** A node with given answers around given tiers. */
export class FixedNode implements Node {
  readonly verified: boolean[] = []
  stops = 0
  readonly apiAnswers: MemberAnswers = ownAnswers()
  entryList: LoggedEntry[] = []
  readonly #tiers: Tiers

  constructor(tiers: Tiers) {
    this.#tiers = tiers
  }

  async tiers(repository: string): Promise<Tiers> {
    if (repository !== REPOSITORY)
      throw inputError(`No such repository: ${repository}.`, { repository })
    return this.#tiers
  }

  async answers(): Promise<NodeAnswers> {
    return this.apiAnswers
  }

  async status(): Promise<NodeStatus> {
    return STATUS
  }

  async peers(): Promise<PeerStatus[]> {
    return PEERS
  }

  async entries(): Promise<LoggedEntry[]> {
    return this.entryList
  }

  async verify(_repository: string, options: { deep?: boolean } = {}): Promise<StoreReport> {
    this.verified.push(options.deep === true)
    return { chunks: 1, manifests: 2, entries: 3, orphans: 0, problems: ['one'] }
  }

  async stop(): Promise<void> {
    this.stops += 1
  }
}
