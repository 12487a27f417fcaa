import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { openFrame } from '../../../src/core/chunk.ts'
import type { SourcedFrame } from '../../../src/core/chunk.ts'
import { digestOf } from '../../../src/core/digest.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { checkSignature, createPeerKey, signEntry } from '../../../src/identity/identity.ts'
import type { CheckEntry } from '../../../src/identity/identity.ts'
import type { LocalAnswers } from '../../../src/router/router.ts'
import { SwarmRouter } from '../../../src/router/swarm-router.ts'
import type { Libp2pSwarm } from '../../../src/swarm/libp2p-swarm.ts'
import { SwarmTransfer } from '../../../src/transfer/swarm-transfer.ts'
import type { ChunkSupply } from '../../../src/transfer/transfer.ts'
import { routerContract } from '../../contract/router.ts'
import { fetchAll, transferContract } from '../../contract/transfer.ts'
import { CountingSupply, makeContent } from '../../support/chunks.ts'
import { AnswersFrom, entryFor, queryFor } from '../../support/entries.ts'
import { eventually } from '../../support/eventually.ts'
import { createMembers, startMembers } from '../../support/swarm-nodes.ts'
import { countByPeer } from '../../support/transfer-lab.ts'

const OPTIONS = { timeout: 60_000 }
// The contract's entries have no signatures.
const believe: CheckEntry = async () => ({ trusted: true })

async function addNode(
  t: TestContext,
  swarms: Libp2pSwarm[],
  answers: LocalAnswers,
  supply: ChunkSupply,
  checkEntry: CheckEntry = checkSignature,
) {
  const swarm = createMembers()()
  const router = new SwarmRouter(
    { swarm, answers, checkEntry, logger: silentLogger },
    { initialTimeoutMs: 2000 },
  )
  const transfer = new SwarmTransfer({ swarm, supply, peers: router, logger: silentLogger })
  router.start()
  await transfer.start()
  await startMembers(t, swarm)
  t.after(() => router.stop())
  t.after(() => transfer.stop())
  for (const other of swarms) {
    await swarm.dial(other.peerId, other.addresses())
    const isKnown = (): boolean => other.peers().some((peer) => peer.peerId === swarm.peerId)
    await eventually('The connection at the side that was dialled', isKnown)
  }
  swarms.push(swarm)
  return { swarm, router, transfer, peerId: swarm.peerId }
}

routerContract('a router over libp2p', (t) => {
  const swarms: Libp2pSwarm[] = []
  return (answers) => addNode(t, swarms, answers, new CountingSupply(), believe)
})

transferContract('a transfer over libp2p', (t) => {
  const swarms: Libp2pSwarm[] = []
  return (supply) => addNode(t, swarms, new AnswersFrom(), supply)
})

test('a signed entry is found among three nodes and its content fetched', OPTIONS, async (t) => {
  const content = await makeContent(100, 64 * 1024)
  const writer = createPeerKey()
  const { signature: _, writer: _stub, ...unsigned } = entryFor('k', { manifest: content.digest })
  const entry = signEntry(unsigned, writer)
  const forged = { ...entry, manifest: digestOf('forged'), created: 9_999_999 }
  const swarms: Libp2pSwarm[] = []
  const node = await addNode(t, swarms, new AnswersFrom(), new CountingSupply())
  const holder = await addNode(t, swarms, new AnswersFrom([entry]), new CountingSupply(content))
  await addNode(t, swarms, new AnswersFrom([forged]), new CountingSupply())
  const found = await node.router.find(queryFor('k'))
  assert.equal(found.match?.entry.manifest, content.digest)
  assert.deepEqual(found.holders, [holder.peerId])
  const { digest: manifest, chunks } = content
  const { length } = content.manifest
  const bytes = await node.transfer.fetchManifest(manifest, length, found.holders)
  assert.deepEqual(Buffer.from(bytes), Buffer.from(content.manifest))
  const frames = await fetchAll(node.transfer, { manifest, chunks, holders: found.holders })
  assert.equal(frames.length, 100)
})

test(
  'a holder killed in the middle of a transfer is replaced, and everything arrives',
  OPTIONS,
  async (t) => {
    const seed = randomBytes(32)
    const count = 400
    const content = await makeContent(count, 64 * 1024, seed)
    const node = await addNode(t, [], new AnswersFrom(), new CountingSupply())
    const holders = []
    for (let i = 0; i < 2; i += 1) {
      const holder = await startHolder(t, seed, count)
      await node.swarm.dial(holder.peerId, holder.addresses)
      holders.push(holder)
    }
    const [victim, survivor] = holders as [Holder, Holder]
    const frames: SourcedFrame[] = []
    const { digest: manifest, chunks } = content
    const request = { manifest, chunks, holders: [victim.peerId] }
    for await (const frame of node.transfer.fetchChunks(request)) {
      await openFrame(frame)
      frames.push(frame)
      if (frames.length === 60) victim.child.kill('SIGKILL')
    }
    assert.equal(new Set(frames.map((frame) => frame.chunk.digest)).size, count)
    const counts = countByPeer(frames)
    assert.ok((counts.get(survivor.peerId) ?? 0) > 0)
    assert.ok((counts.get(victim.peerId) ?? 0) < count)
  },
)

interface Holder {
  readonly child: ChildProcess
  readonly peerId: string
  readonly addresses: string[]
}

async function startHolder(t: TestContext, seed: Buffer, count: number): Promise<Holder> {
  const script = new URL('../../support/holder-process.ts', import.meta.url).pathname
  const args = ['--seed', seed.toString('hex'), '--count', String(count), '--bytes', '65536']
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  const [line] = (await once(createInterface(child.stdout), 'line', { signal: t.signal })) as [
    string,
  ]
  return { child, ...(JSON.parse(line) as { peerId: string; addresses: string[] }) }
}
