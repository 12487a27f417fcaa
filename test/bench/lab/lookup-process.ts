/**
 * Members of one swarm in this process: `members COUNT` hold nothing but the entry that the first of them is told
 * to hold, `asker` looks it up.
 *
 * Lines in: `{"hold": true}` to members, `{"peers", "finds"}` to the asker. Lines out: `{}` once they take part or
 * hold it, and the asker's `{"milliseconds", "messages", "found", "peers"}`.
 */
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { digestOf } from '../../../src/core/digest.ts'
import type { EntryQuery, SignedEntry } from '../../../src/core/entry.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import {
  checkSignature,
  createPeerKey,
  deriveSwarmKeys,
  signEntry,
} from '../../../src/identity/identity.ts'
import { Rendezvous } from '../../../src/node/rendezvous.ts'
import { DirectoryRegistry } from '../../../src/registry/directory-registry.ts'
import { SwarmRouter } from '../../../src/router/swarm-router.ts'
import { Libp2pSwarm } from '../../../src/swarm/libp2p-swarm.ts'

const JOIN_DEADLINE_MS = 60_000
const REPOSITORY = 'swarmcache/bench'
const SCOPE = 'refs/heads/main'
const QUERY: EntryQuery = {
  repository: REPOSITORY,
  scopes: [SCOPE],
  key: 'lookup-1',
  restoreKeys: [],
  version: digestOf('version'),
}

const [registry = '', part = '', count = '1'] = process.argv.slice(2)
const keys = deriveSwarmKeys('the swarm key of the benchmark', REPOSITORY)
const members = await Promise.all(Array.from({ length: Number(count) }, join))
console.log('{}')
for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as { peers: number; finds: number }
  console.log(JSON.stringify(part === 'asker' ? await find(order) : hold()))
}
process.exit()

interface Member {
  readonly swarm: Libp2pSwarm
  readonly router: SwarmRouter
  readonly entry: SignedEntry
  holds: boolean
}

async function join(): Promise<Member> {
  const peerKey = createPeerKey()
  const swarm = new Libp2pSwarm(
    { peerKey, prologue: keys.prologue, logger: silentLogger },
    { role: 'runner', listen: ['/ip4/127.0.0.1/tcp/0'] },
  )
  const answers = {
    find: async () => (member.holds ? { entry, nearMisses: [] } : { nearMisses: [] }),
    holds: async () => member.holds,
  }
  const router = new SwarmRouter({
    swarm,
    answers,
    checkEntry: checkSignature,
    logger: silentLogger,
  })
  const { repository, key, version } = QUERY
  const manifest = digestOf('manifest')
  const entry = signEntry(
    {
      repository,
      scope: SCOPE,
      key,
      version,
      manifest,
      manifestBytes: 100,
      contentBytes: 100,
      created: Date.now(),
      origin: 'save',
    },
    peerKey,
  )
  const member: Member = { swarm, router, entry, holds: false }
  router.start()
  await swarm.start()
  const registries = [new DirectoryRegistry({ keys }, { path: registry })]
  new Rendezvous({ swarm, registries, logger: silentLogger }, { role: 'runner' }).start()
  return member
}

function hold(): object {
  const [member] = members
  member!.holds = true
  member!.router.provide(member!.entry)
  return {}
}

async function find({ peers, finds }: { peers: number; finds: number }): Promise<object> {
  const { swarm, router } = members[0]!
  const deadline = performance.now() + JOIN_DEADLINE_MS
  while (swarm.peers().length < peers && performance.now() < deadline) await wait(50)
  let opened = 0
  const open = swarm.open.bind(swarm)
  swarm.open = async (...call) => {
    opened += 1
    return await open(...call)
  }
  const milliseconds: number[] = []
  let found = 0
  for (let index = 0; index < finds; index += 1) {
    const started = performance.now()
    const { match } = await router.find(QUERY)
    milliseconds.push(performance.now() - started)
    if (match?.hit === 'exact') found += 1
  }
  // A question and an answer each.
  const messages = (2 * opened) / finds
  return { milliseconds, messages, found, peers: swarm.peers().length }
}
