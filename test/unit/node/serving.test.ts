import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkSignature } from '../../../src/identity/entry-signature.ts'
import { createPeerKey, signEntry } from '../../../src/identity/identity.ts'
import { MemoryIssuer } from '../../../src/identity/memory-issuer.ts'
import type { AttestedRun } from '../../../src/identity/memory-issuer.ts'
import { answersFrom } from '../../../src/node/serving.ts'
import { MemoryStore } from '../../../src/store/memory-store.ts'
import type { SwarmPeer } from '../../../src/swarm/swarm.ts'
import { putParts } from '../../support/attested-world.ts'
import { makeSample, REPOSITORY } from '../../support/sample-entries.ts'

const MAIN = 'refs/heads/main'
const TOPIC = 'refs/heads/topic'
const PULL_7 = 'refs/pull/7/merge'
const PULL_8 = 'refs/pull/8/merge'
const SCOPES = [MAIN, TOPIC, PULL_7, PULL_8]
const PULL = { ref: PULL_7, event: 'pull_request' }

// What the peer's run is, the scopes it may read, with the default branch known as main.
const RUNS: readonly [string, AttestedRun, readonly string[]][] = [
  ['of the default branch', { ref: MAIN }, SCOPES],
  ['of the default branch that a stranger causes', { ref: MAIN, event: 'issue_comment' }, [MAIN]],
  ['of another branch', { ref: TOPIC }, [MAIN, TOPIC]],
  ['of a pull request to main', { ...PULL, baseRef: 'main' }, [MAIN, PULL_7]],
  ['of a pull request to a branch', { ...PULL, baseRef: 'topic' }, [MAIN, TOPIC, PULL_7]],
  ['of a tag', { ref: 'refs/tags/v1' }, [MAIN]],
  ['without a ref', { ref: '' }, [MAIN]],
]

for (const [what, run, readable] of RUNS) {
  test(`a peer whose token attests a run ${what} gets entries of the scopes that it may read only`, async () => {
    const { answers, store } = await answersFor(await peerOf(run))
    for (const scope of SCOPES) {
      const { version } = await add(store, scope)
      const query = { repository: REPOSITORY, scopes: [scope], key: 'deps-', restoreKeys: [] }
      const { entry } = await answers.find({ ...query, version }, 'asker')
      assert.equal(entry?.scope, readable.includes(scope) ? scope : undefined, scope)
    }
  })
}

test('a member that shows no token is taken at its word', async () => {
  const { answers, store } = await answersFor({ ...PEER, peerId: 'asker' })
  const { version } = await add(store, PULL_8)
  const query = { repository: REPOSITORY, scopes: [PULL_8], key: 'deps-', restoreKeys: [], version }
  assert.equal((await answers.find(query, 'asker')).entry?.scope, PULL_8)
})

test('while the default branch is not known any branch may be it, and a pull request may not', async () => {
  const { answers, store } = await answersFor(await peerOf(PULL), null)
  for (const scope of SCOPES) {
    const { version } = await add(store, scope)
    const query = { repository: REPOSITORY, scopes: [scope], key: 'deps-', restoreKeys: [] }
    const { entry } = await answers.find({ ...query, version }, 'asker')
    assert.equal(entry?.scope, scope === PULL_8 ? undefined : scope)
  }
})

const PEER = { address: '/ip4/127.0.0.1/tcp/1', relayed: false, since: 0 }

async function peerOf(run: AttestedRun): Promise<SwarmPeer> {
  const issuer = new MemoryIssuer()
  const peerId = 'asker'
  const token = await issuer.source({ repository: REPOSITORY, event: 'push', ...run }).token(peerId)
  return { ...PEER, peerId, attestation: await issuer.verify(token, { peerId }) }
}

async function answersFor(peer: SwarmPeer, defaultScope: string | null = MAIN) {
  const store = new MemoryStore({ repository: REPOSITORY, limitBytes: 1e8 })
  const parts = { store, checkEntry: checkSignature, swarm: { peers: () => [peer] } }
  const options = { role: 'runner' as const, defaultScope: defaultScope ?? undefined }
  return { store, answers: answersFrom(parts, options) }
}

async function add(store: MemoryStore, scope: string) {
  const sample = await makeSample(`deps-${scope}`, { count: 1, bytes: 10, scope })
  await putParts(store, sample)
  assert.equal(await store.addEntry(signEntry(sample.entry, createPeerKey())), true)
  return sample.entry
}
