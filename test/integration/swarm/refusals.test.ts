import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { exportSPKI, importJWK } from 'jose'
import type { CryptoKey } from 'jose'
import { isSwarmCacheError } from '../../../src/core/errors.ts'
import { subscribe } from '../../../src/core/events.ts'
import type { Events } from '../../../src/core/events.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { decodeBase58 } from '../../../src/identity/base58.ts'
import { createPeerKey, deriveSwarmKeys } from '../../../src/identity/identity.ts'
import type { PeerKey } from '../../../src/identity/identity.ts'
import { MemoryIssuer } from '../../../src/identity/memory-issuer.ts'
import { Libp2pSwarm } from '../../../src/swarm/libp2p-swarm.ts'
import { eventually } from '../../support/eventually.ts'
import { resign, TestIssuer } from '../../support/issuer.ts'
import { startRecordingProxy } from '../../support/recording-proxy.ts'
import type { RecordingProxy } from '../../support/recording-proxy.ts'
import { StrangerSocket } from '../../support/stranger-socket.ts'
import { createTokenMembers, startMembers } from '../../support/swarm-nodes.ts'

const ASK = '/swarmcache/test-ask/1'
const KEY = 'the swarm key of these refusals'
const OTHER_KEY = 'a swarm key that somebody made up'
const HOUR_MS = 60 * 60_000
const options = { timeout: 20_000 }

/** Two members that are connected, and what stands before the one that strangers try. */
interface Guarded {
  readonly issuer: TestIssuer
  readonly member: Libp2pSwarm
  readonly friend: Libp2pSwarm
  readonly proxy: RecordingProxy
  readonly conversations: readonly string[]
}

async function createGuarded(t: TestContext, key?: string): Promise<Guarded> {
  const issuer = await TestIssuer.start(t)
  const create = createTokenMembers(issuer, { key })
  const member = create()
  const friend = create()
  const conversations: string[] = []
  member.handle(ASK, async (_stream, peerId) => void conversations.push(peerId))
  await startMembers(t, member, friend)
  await friend.dial(member.peerId, member.addresses(), { signal: t.signal })
  const proxy = await startRecordingProxy(t, member.addresses()[0]!)
  return { issuer, member, friend, proxy, conversations }
}

/** A node that shows `token`, and believes everybody. */
function createStranger(about: { token?: string; key?: string; peerKey?: PeerKey }): Libp2pSwarm {
  const { token, key, peerKey = createPeerKey() } = about
  const prologue = key === undefined ? undefined : deriveSwarmKeys(key, 'octocat/hello').prologue
  const believing = new MemoryIssuer()
  const tokens = {
    source: { token: async () => token! },
    verifier: {
      verify: async (_token: string, { peerId }: { peerId: string }) =>
        await believing.verify(await believing.source().token(peerId), { peerId }),
    },
    required: true,
  }
  return new Libp2pSwarm(
    { peerKey, prologue, tokens: token === undefined ? undefined : tokens, logger: silentLogger },
    { role: 'runner', listen: ['/ip4/127.0.0.1/tcp/0'] },
  )
}

function nextRefusal(t: TestContext): Promise<Events['peer:refused']> {
  const { promise, resolve } = Promise.withResolvers<Events['peer:refused']>()
  t.after(subscribe('peer:refused', resolve))
  return promise
}

/** Asserts that whoever heard only `said` knows nothing of the swarm, and that nobody got further. */
function assertNothingLearnt(guarded: Guarded, said: Buffer): void {
  const { member, friend, conversations } = guarded
  for (const { peerId } of [member, friend]) {
    assert.ok(!said.includes(peerId), 'a peer id was told')
    assert.ok(
      !said.includes(Buffer.from(decodeBase58(peerId)!).subarray(-32)),
      'a public key was told',
    )
  }
  for (const address of [...member.addresses(), ...friend.addresses()]) {
    const [, , host, , port] = address.split('/')
    assert.ok(!said.includes(`/tcp/${port}`) && !said.includes(host!), 'an address was told')
  }
  const { prologue } = deriveSwarmKeys(KEY, 'octocat/hello')
  assert.ok(!said.includes(KEY) && !said.includes(Buffer.from(prologue)), 'the key was told')
  assert.doesNotMatch(said.toString('latin1'), /octocat|eyJ|yamux|ipfs|kad/)
  assert.deepEqual(
    member.peers().map((peer) => peer.peerId),
    [friend.peerId],
  )
  assert.deepEqual(conversations, [])
}

/** A stranger as a table has it: its token, made for the peer id it really has, and why it is refused. */
type BadToken = readonly [
  what: string,
  token: (issuer: TestIssuer, own: PeerKey, t: TestContext) => Promise<string>,
  reason: RegExp,
]

const BAD_TOKENS: readonly BadToken[] = [
  [
    'a token of another issuer',
    async (_, own, t) => (await TestIssuer.start(t)).token(own.peerId),
    /issuer that is not trusted/,
  ],
  [
    'a token that another issuer made in the name of the right one',
    async (issuer, own, t) => {
      const other = await TestIssuer.start(t)
      const header = { kid: issuer.publicKey.kid }
      return await other.token(own.peerId, { claims: { iss: issuer.url }, header })
    },
    /not signed by its issuer/,
  ],
  [
    'a token of another repository',
    async (issuer, own) =>
      issuer.token(own.peerId, { claims: { repository: 'evil/twin', repository_id: '666' } }),
    /one of another repository/,
  ],
  [
    'a token of a repository that took over the name',
    async (issuer, own) => issuer.token(own.peerId, { claims: { repository_id: '666' } }),
    /one of another repository/,
  ],
  [
    'a token for another audience',
    async (issuer, own) => issuer.token(own.peerId, { claims: { aud: 'sts.amazonaws.com' } }),
    /for another audience/,
  ],
  [
    'the token of another peer',
    async (issuer) => issuer.token(createPeerKey().peerId),
    /for another peer/,
  ],
  [
    'a token that has expired',
    async (issuer, own) => issuer.token(own.peerId, { issuedInMs: -HOUR_MS }),
    /has expired/,
  ],
  [
    'a token that is not valid yet',
    async (issuer, own) => issuer.token(own.peerId, { issuedInMs: HOUR_MS }),
    /not valid yet/,
  ],
  [
    'a token of alg none',
    async (issuer, own) => resign(await issuer.token(own.peerId), { alg: 'none' }, () => ''),
    /algorithm that is not allowed/,
  ],
  [
    'a token signed by HMAC with the public key',
    async (issuer, own) => {
      const pem = await exportSPKI((await importJWK(issuer.publicKey, 'RS256')) as CryptoKey)
      const header = { alg: 'HS256', kid: issuer.publicKey.kid }
      return resign(await issuer.token(own.peerId), header, (text) =>
        createHmac('sha256', pem).update(text).digest('base64url'),
      )
    },
    /algorithm that is not allowed/,
  ],
  [
    'a token of an unknown key',
    async (issuer, own) => issuer.token(own.peerId, { header: { kid: 'nobody knows' } }),
    /key that its issuer does not list/,
  ],
  ['garbage in place of a token', async () => 'garbage.garbage.garbage', /malformed/],
  ['an oversized token', async () => 'e30.'.repeat(10_000), /announced \d+ bytes/],
]

for (const [mode, key] of [
  ['ID tokens alone', undefined],
  ['a key and ID tokens', KEY],
] as const) {
  for (const [what, makeToken, reason] of BAD_TOKENS) {
    test(`where ${mode} count, ${what} is refused`, options, async (t) => {
      const guarded = await createGuarded(t, key)
      const { issuer, member, proxy } = guarded
      const peerKey = createPeerKey()
      const stranger = createStranger({ key, peerKey, token: await makeToken(issuer, peerKey, t) })
      await startMembers(t, stranger)
      const refusal = nextRefusal(t)
      const error = await failureOf(
        stranger.dial(member.peerId, [proxy.address], { signal: t.signal }),
      )
      assert.ok(isSwarmCacheError(error, 'ERR_NOT_MEMBER'), String(error))
      assert.match((await refusal).reason, reason)
      assert.match((await refusal).address, /^\/ip4\/127\.0\.0\.1\/tcp\/\d+$/)
      assert.deepEqual(stranger.peers(), [])
      assertNothingLearnt(guarded, proxy.said())
    })
  }

  test(`where ${mode} count, a peer with another key is refused`, options, async (t) => {
    const guarded = await createGuarded(t, key)
    const { issuer, member, proxy } = guarded
    const peerKey = createPeerKey()
    const token = await issuer.token(peerKey.peerId)
    const stranger = createStranger({ key: OTHER_KEY, peerKey, token })
    await startMembers(t, stranger)
    const refusal = nextRefusal(t)
    const error = await failureOf(
      stranger.dial(member.peerId, [proxy.address], { signal: t.signal }),
    )
    assert.ok(isSwarmCacheError(error, 'ERR_NOT_MEMBER'), String(error))
    assert.match((await refusal).reason, /another swarm key|left without proving/)
    assertNothingLearnt(guarded, proxy.said())
  })

  test(`where ${mode} count, a peer without a token is refused`, options, async (t) => {
    const guarded = await createGuarded(t, key)
    const stranger = createStranger({ key: KEY })
    await startMembers(t, stranger)
    const refusal = nextRefusal(t)
    const error = await failureOf(
      stranger.dial(guarded.member.peerId, [guarded.proxy.address], { signal: t.signal }),
    )
    assert.ok(isSwarmCacheError(error, 'ERR_NOT_MEMBER'), String(error))
    assert.match((await refusal).reason, /without proving.* ID token/)
    assertNothingLearnt(guarded, guarded.proxy.said())
  })
}

test('a stolen token, shown under the name of its peer, is refused', options, async (t) => {
  const guarded = await createGuarded(t)
  const { issuer, member, proxy } = guarded
  const victim = createPeerKey()
  const thief = createPeerKey()
  const token = await issuer.token(victim.peerId)
  const stranger = createStranger({ token, peerKey: { ...thief, peerId: victim.peerId } })
  await startMembers(t, stranger)
  const refusal = nextRefusal(t)
  await failureOf(stranger.dial(member.peerId, [proxy.address], { signal: t.signal }))
  assert.match((await refusal).reason, /shown by somebody else than its peer/)
  assertNothingLearnt(guarded, proxy.said())
})

test('a proof that was recorded proves nothing on another connection', options, async (t) => {
  const guarded = await createGuarded(t)
  const { issuer, member, proxy } = guarded
  const honest = createTokenMembers(issuer)()
  await startMembers(t, honest)
  await honest.dial(member.peerId, [proxy.address], { signal: t.signal })
  const recorded = proxy.asked()
  await honest.stop()
  await eventually('its leaving', () => member.peers().length === 1)
  const stranger = new StrangerSocket(member.addresses()[0]!)
  t.after(() => stranger.socket.destroy())
  const refusal = nextRefusal(t)
  stranger.socket.write(recorded)
  await stranger.closed
  assert.match((await refusal).reason, /not sealed for this connection/)
  assertNothingLearnt(guarded, stranger.received)
})

const TOO_SLOW = /abort|time|without proving/i

/** What a stranger does by hand after it has chosen the handshake. */
const BY_HAND: readonly [what: string, act: (stranger: StrangerSocket) => void, reason: RegExp][] =
  [
    ['says nothing more', () => {}, TOO_SLOW],
    [
      'sends its proof byte by byte',
      ({ socket }) => {
        const timer = setInterval(() => socket.write(Uint8Array.of(1)), 50)
        socket.once('close', () => clearInterval(timer))
      },
      TOO_SLOW,
    ],
    [
      'goes on with Noise at once',
      ({ socket }) => void socket.write(Buffer.concat([Buffer.from([0, 32]), Buffer.alloc(60, 9)])),
      TOO_SLOW,
    ],
    [
      'announces more than a proof has',
      ({ socket }) => void socket.write(Buffer.alloc(34, 0xff)),
      /announced 65535 bytes/,
    ],
    [
      'sends a flood of bytes',
      ({ socket }) => void socket.write(Buffer.alloc(64 * 1024 * 1024, 0xff)),
      /announced 65535 bytes|without proving/,
    ],
    [
      'sends a proof under a key of low order',
      ({ socket }) => {
        const proof = Buffer.alloc(34 + 100)
        proof.writeUInt16BE(100, 32)
        socket.write(proof)
      },
      /not sealed for this connection/,
    ],
  ]

test(
  'strangers that speak by hand are cut off, each for its reason, and are told nothing',
  options,
  async (t) => {
    const guarded = await createGuarded(t)
    const reasons = new Map<string, string>()
    t.after(subscribe('peer:refused', ({ address, reason }) => reasons.set(address, reason)))
    const attempts = BY_HAND.map(async ([what, act, reason]) => {
      const stranger = new StrangerSocket(guarded.member.addresses()[0]!)
      t.after(() => stranger.socket.destroy())
      const taken = await stranger.choose('/swarmcache/tokens/1.0.0')
      await stranger.receives(taken + 96)
      const address = `/ip4/127.0.0.1/tcp/${stranger.socket.localPort}`
      act(stranger)
      await stranger.closed
      assert.match(reasons.get(address) ?? 'it was not published', reason, what)
      assert.equal(stranger.received.length, taken + 96, what)
      assertNothingLearnt(guarded, stranger.received)
    })
    await Promise.all(attempts)
  },
)

test(
  'a member shows its token to the peer that it means and to nobody else',
  options,
  async (t) => {
    const guarded = await createGuarded(t)
    const { issuer, friend } = guarded
    // Somebody with a good token of its own, at an address that is said to be the friend's.
    const impostor = createTokenMembers(issuer)()
    const dialler = createTokenMembers(issuer)()
    await startMembers(t, impostor, dialler)
    const proxy = await startRecordingProxy(t, impostor.addresses()[0]!)
    const lie = proxy.address.replace(impostor.peerId, friend.peerId)
    const error = await failureOf(dialler.dial(friend.peerId, [lie], { signal: t.signal }))
    assert.ok(isSwarmCacheError(error), String(error))
    assert.deepEqual(impostor.peers(), [])
  },
)

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => undefined,
    (error: unknown) => error,
  )
}
