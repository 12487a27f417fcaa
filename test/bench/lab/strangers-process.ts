/**
 * One of those who meet in the benchmark of strangers: `member MIB` supplies chunks and prints an offer, which the
 * others read from stdin; `friend ROUNDS` fetches them so often and prints the seconds; `strangers RATE` tries so
 * many times a second to get in, until it is ended, and prints how often it has tried.
 */
import { text } from 'node:stream/consumers'
import { pause } from '../../../src/async/deadline.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import type { ChunkRef } from '../../../src/core/manifest.ts'
import { createPeerKey } from '../../../src/identity/identity.ts'
import { IssuerVerifier } from '../../../src/identity/issuer-verifier.ts'
import { SwarmVerifier } from '../../../src/identity/swarm-verifier.ts'
import { RunnerTokenSource } from '../../../src/identity/token-sources.ts'
import type { TokenRequest } from '../../../src/identity/token-sources.ts'
import type { Swarm } from '../../../src/swarm/swarm.ts'
import { RUN_CLAIMS, TestIssuer } from '../../support/issuer.ts'
import { Strangers } from '../../support/strangers.ts'
import { fetchAll, join, makeChunks, supplyOf } from './bulk-peers.ts'

const MIB = 1024 * 1024
const REPORT_EVERY = 50
const MAX_DIALS = 50
const DIAL_AGAIN_MS = 100

interface Offer {
  readonly peerId: string
  readonly address: string
  readonly issuer: string
  readonly friend: TokenRequest
  readonly stranger: TokenRequest
  readonly chunks: readonly ChunkRef[]
}

const ROLES: Readonly<Record<string, (amount: number) => Promise<void>>> = {
  member,
  friend,
  strangers,
}
const [role = '', amount] = process.argv.slice(2)
await ROLES[role]!(Number(amount))

async function member(mib: number): Promise<void> {
  const issuer = await TestIssuer.start({ after: () => {} })
  const frames = new Map<string, Uint8Array>()
  const chunks = await makeChunks(1, mib * MIB, frames)
  const { swarm } = await join(supplyOf(frames), { tokens: issuer.proofs() })
  const offer: Offer = {
    peerId: swarm.peerId,
    address: swarm.addresses()[0]!,
    issuer: issuer.url,
    friend: issuer.job(),
    stranger: issuer.job({ repository_id: '666' }),
    chunks,
  }
  console.log(JSON.stringify(offer))
}

async function friend(rounds: number): Promise<void> {
  const offer = await readOffer()
  const verifier = new SwarmVerifier(
    { verifier: new IssuerVerifier({ logger: silentLogger }, { issuers: [offer.issuer] }) },
    { repositoryId: RUN_CLAIMS['repository_id']! },
  )
  const tokens = { source: new RunnerTokenSource({}, offer.friend), verifier, required: true }
  const { swarm, transfer } = await join(supplyOf(new Map()), { tokens })
  await dialBeset(swarm, offer)
  const chunks = [...offer.chunks]
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.bytes, 0)
  await fetchAll(transfer, offer.peerId, chunks, bytes)
  const started = performance.now()
  for (let round = 0; round < rounds; round += 1) {
    await fetchAll(transfer, offer.peerId, chunks, bytes)
  }
  console.log(JSON.stringify({ seconds: (performance.now() - started) / 1000 }))
  process.exit()
}

async function strangers(perSecond: number): Promise<void> {
  const { address, peerId, stranger } = await readOffer()
  const peerKey = createPeerKey()
  const token = await new RunnerTokenSource({}, stranger).token(peerKey.peerId)
  const crowd = new Strangers({ address, peerId, peerKey, token })
  let tried = 0
  setInterval(() => {
    void crowd.attempt(1, { atOnce: 1, from: tried })
    tried += 1
    if (tried % REPORT_EVERY === 0) {
      const { admitted, proved } = crowd
      console.log(JSON.stringify({ tried, proved, admitted }))
    }
  }, 1000 / perSecond)
}

/** Dials until it is let in: the strangers use up what one host, which is theirs too, may open in a second. */
async function dialBeset(swarm: Swarm, { peerId, address }: Offer): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await swarm.dial(peerId, [address])
      return
    } catch (error) {
      if (tries === MAX_DIALS) throw error
      await pause(DIAL_AGAIN_MS)
    }
  }
}

async function readOffer(): Promise<Offer> {
  return JSON.parse(await text(process.stdin)) as Offer
}
