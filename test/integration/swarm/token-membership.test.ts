import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { isSwarmCacheError } from '../../../src/core/errors.ts'
import { subscribe } from '../../../src/core/events.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { createPeerKey, deriveSwarmKeys } from '../../../src/identity/identity.ts'
import { Libp2pSwarm } from '../../../src/swarm/libp2p-swarm.ts'
import { eventually } from '../../support/eventually.ts'
import { TestIssuer } from '../../support/issuer.ts'
import { createMembers, createTokenMembers, startMembers } from '../../support/swarm-nodes.ts'

const KEY = 'the swarm key of this fleet'
const ASK = '/swarmcache/test-ask/1'
const options = { timeout: 30_000 }
// Long enough for a machine that is busy, short enough to be seen to expire.
const SHORT_LIFE_MS = 5000

type Kind = 'key' | 'tokens' | 'key and tokens' | 'key and required tokens'

function createKind(issuer: TestIssuer, kind: Kind): Libp2pSwarm {
  switch (kind) {
    case 'key':
      return createMembers(KEY)()
    case 'tokens':
      return createTokenMembers(issuer)()
    case 'key and tokens':
      return createTokenMembers(issuer, { key: KEY, required: false })()
    case 'key and required tokens':
      return createTokenMembers(issuer, { key: KEY })()
  }
}

const MEETINGS: readonly [a: Kind, b: Kind, meet: 'attested' | 'by key' | 'not'][] = [
  ['key', 'key', 'by key'],
  ['key', 'key and tokens', 'by key'],
  ['key', 'key and required tokens', 'not'],
  ['key', 'tokens', 'not'],
  ['key and tokens', 'key and tokens', 'attested'],
  ['key and tokens', 'key and required tokens', 'attested'],
  ['key and tokens', 'tokens', 'not'],
  ['key and required tokens', 'key and required tokens', 'attested'],
  ['key and required tokens', 'tokens', 'not'],
  ['tokens', 'tokens', 'attested'],
]

for (const [one, other, meet] of MEETINGS) {
  for (const [from, to] of one === other
    ? [[one, other]]
    : [
        [one, other],
        [other, one],
      ]) {
    const outcome = meet === 'not' ? 'is refused' : `is connected (${meet})`
    test(`a peer with ${from} that dials one with ${to} ${outcome}`, options, async (t) => {
      const issuer = await TestIssuer.start(t)
      const a = createKind(issuer, from!)
      const b = createKind(issuer, to!)
      await startMembers(t, a, b)
      const dialling = a.dial(b.peerId, b.addresses(), { signal: t.signal })
      if (meet === 'not') {
        const error = await dialling.then(
          () => undefined,
          (thrown: unknown) => thrown,
        )
        assert.ok(isSwarmCacheError(error, 'ERR_NOT_MEMBER'), String(error))
        assert.deepEqual([...a.peers(), ...b.peers()], [])
        return
      }
      const runId = meet === 'attested' ? '7' : undefined
      assert.equal((await dialling).attestation?.runId, runId)
      await eventually('the other side', () => b.peers().length === 1)
      assert.equal(b.peers()[0]!.attestation?.runId, runId)
    })
  }
}

test(
  'members by ID tokens reach each other through a relay, and each proves itself to the other',
  options,
  async (t) => {
    const issuer = await TestIssuer.start(t)
    const create = createTokenMembers(issuer)
    const seeder = create({ role: 'seeder' })
    await startMembers(t, seeder)
    const bootstrap = seeder.addresses()
    const hidden = create({ listen: [], bootstrap })
    const caller = create({ listen: [], bootstrap })
    hidden.handle(ASK, async (stream, peerId) => stream.write(Buffer.from(peerId)))
    await startMembers(t, hidden, caller)
    await eventually('an address at the relay', () => hidden.addresses().length > 0)
    const peer = await caller.dial(hidden.peerId, hidden.addresses(), { signal: t.signal })
    assert.equal(peer.relayed, true)
    assert.equal(peer.attestation?.peerId, hidden.peerId)

    // One who relays, and is no member to the one behind, gets no further than a stranger.
    const evil = createTokenMembers(issuer, { claims: { repository_id: '666' } })({ listen: [] })
    await startMembers(t, evil)
    await assert.rejects(evil.dial(hidden.peerId, hidden.addresses(), { signal: t.signal }))
    assert.deepEqual(evil.peers(), [])
  },
)

suite('tokens that expire', { concurrency: true }, () => {
  test('are renewed on a connection that goes on, beside a transfer', options, async (t) => {
    const issuer = await TestIssuer.start(t)
    issuer.lifetimeMs = SHORT_LIFE_MS
    const create = createTokenMembers(issuer)
    const [a, b] = [create(), create()]
    let received = 0
    b.handle(ASK, async (stream) => {
      for await (const piece of stream.source) received += piece.length
      await stream.write(Buffer.from(String(received)))
    })
    await startMembers(t, a, b)
    const lost: string[] = []
    for (const node of [a, b]) node.listen({ disconnected: (peerId) => lost.push(peerId) })
    const first = await a.dial(b.peerId, b.addresses(), { signal: t.signal })
    await eventually('the other side', () => b.peers().length === 1)
    const ends = Math.max(first.attestation!.expires, b.peers()[0]!.attestation!.expires)
    const stream = await a.open(b.peerId, ASK)
    const piece = new Uint8Array(64 * 1024)
    let sent = 0
    while (Date.now() < ends + 500) {
      await stream.write(piece)
      sent += piece.length
      await new Promise((resolve) => setImmediate(resolve))
    }
    await stream.closeWrite()
    const answer = Buffer.concat(await Array.fromAsync(stream.source)).toString()
    assert.equal(answer, String(sent))
    assert.deepEqual(lost, [])
    for (const node of [a, b]) assert.ok(node.peers()[0]!.attestation!.expires > ends)
  })

  test('end the connection of a peer that does not renew its own', options, async (t) => {
    const issuer = await TestIssuer.start(t)
    const reasons: string[] = []
    const stale = await createStale(issuer, { required: true })
    t.after(
      subscribe('peer:refused', ({ address, reason }) => {
        if (address.endsWith(stale.peerId)) reasons.push(reason)
      }),
    )
    const member = createTokenMembers(issuer)()
    await startMembers(t, member, stale)
    await member.dial(stale.peerId, stale.addresses(), { signal: t.signal })
    await eventually('the end of the connection', () => member.peers().length === 0)
    assert.match(reasons.join(), /has expired.*same token again/)
  })

  test('are no longer shown for a peer that has the key, which stays', options, async (t) => {
    const issuer = await TestIssuer.start(t)
    const stale = await createStale(issuer, { required: false })
    const member = createTokenMembers(issuer, { key: KEY, required: false })()
    await startMembers(t, member, stale)
    const peer = await member.dial(stale.peerId, stale.addresses(), { signal: t.signal })
    assert.equal(peer.attestation?.peerId, stale.peerId)
    await eventually(
      'the end of the attestation',
      () => member.peers()[0]?.attestation === undefined,
    )
    assert.equal(member.peers().length, 1)
  })
})

/** A member whose token lives for a moment and is never minted again. */
async function createStale(
  issuer: TestIssuer,
  { required }: { required: boolean },
): Promise<Libp2pSwarm> {
  const peerKey = createPeerKey()
  const token = await issuer.token(peerKey.peerId, { lifetimeMs: 2000 })
  const { verifier } = issuer.proofs()
  const prologue = required ? undefined : deriveSwarmKeys(KEY, 'octocat/hello').prologue
  return new Libp2pSwarm(
    {
      peerKey,
      prologue,
      tokens: { source: { token: async () => token }, verifier, required },
      logger: silentLogger,
    },
    { role: 'runner', listen: ['/ip4/127.0.0.1/tcp/0'] },
  )
}
