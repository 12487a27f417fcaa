import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { digestOf } from '../../../src/core/digest.ts'
import type { Entry, SignedEntry } from '../../../src/core/entry.ts'
import { subscribe } from '../../../src/core/events.ts'
import { createLogger, silentLogger } from '../../../src/core/logger.ts'
import { MessageStream } from '../../../src/core/message.ts'
import { attestEntry, createPeerKey, signEntry } from '../../../src/identity/identity.ts'
import type { EntryTrust, PeerKey } from '../../../src/identity/identity.ts'
import { IssuerVerifier } from '../../../src/identity/issuer-verifier.ts'
import { HandOverKeeper } from '../../../src/node/hand-over-keeper.ts'
import { HAND_OVER_LIMITS, HAND_OVER_PROTOCOL } from '../../../src/node/hand-over-wire.ts'
import { QUERY_PROTOCOL, ANSWER_LIMITS } from '../../../src/router/query-wire.ts'
import { SwarmRouter } from '../../../src/router/swarm-router.ts'
import { MemoryStore } from '../../../src/store/memory-store.ts'
import { MemoryNetwork } from '../../../src/swarm/memory-network.ts'
import { MemorySwarm } from '../../../src/swarm/memory-swarm.ts'
import { AttestedTrust } from '../../../src/identity/entry-trust.ts'
import { RUN_CLAIMS, TestIssuer } from '../../support/issuer.ts'
import { AnswersFrom } from '../../support/entries.ts'
import { makeSample } from '../../support/sample-entries.ts'

const options = { timeout: 30_000 }
const REPOSITORY = RUN_CLAIMS['repository']!
const MAIN = RUN_CLAIMS['ref']!
const PULL = 'refs/pull/7/merge'
const HOUR = 60 * 60_000

/** A run with a key of its own. */
class Writer {
  readonly key: PeerKey = createPeerKey()
  readonly #issuer: TestIssuer
  readonly #claims: Readonly<Record<string, unknown>>

  constructor(issuer: TestIssuer, claims: Readonly<Record<string, unknown>> = {}) {
    this.#issuer = issuer
    this.#claims = claims
  }

  async token(): Promise<string> {
    return await this.#issuer.token(this.key.peerId, { claims: this.#claims })
  }

  /** The entry as an honest program signs it, then with `more` before and `after` the signature. */
  async sign(
    entry: Omit<Entry, 'writer'>,
    more: Partial<Entry> = {},
    after: Partial<SignedEntry> = {},
  ): Promise<SignedEntry> {
    const attested = attestEntry(entry, await this.token())
    return { ...signEntry({ ...attested, ...more }, this.key), ...after }
  }
}

/** An honest entry, and everything that may be needed to make another of it. */
interface Scene {
  readonly issuer: TestIssuer
  readonly main: Writer
  readonly entry: Omit<Entry, 'writer'>
}

/** What the entry is turned into, and what is said of it. */
type Forgery = readonly [make: (scene: Scene) => Promise<SignedEntry>, reason: RegExp]

const SIGNATURE = /signature is wrong/
const after = (more: Partial<SignedEntry>): Forgery => [
  async ({ main, entry }) => await main.sign(entry, {}, more),
  SIGNATURE,
]

const FORGED: Record<string, Forgery> = {
  'another scope': after({ scope: MAIN.replace('main', 'other') }),
  'another key': after({ key: 'deps-2' }),
  'a later time': after({ created: Date.now() + 1000 }),
  'another size': after({ contentBytes: 1 }),
  'another size of the manifest': after({ manifestBytes: 1 }),
  'another manifest': after({ manifest: digestOf('poison') }),
  'another version': after({ version: digestOf('other') }),
  'another origin': after({ origin: 'upstream' }),
  'another repository': after({ repository: 'octocat/other' }),
  'another number of the repository': after({ repositoryId: '666' }),
  'another run': after({ run: { runId: '1' } }),
  'another writer': after({ writer: createPeerKey().peerId }),
  'the ID token of a later run of its writer': [
    async ({ main, entry }) => ({ ...(await main.sign(entry)), token: await main.token() }),
    SIGNATURE,
  ],
  'a scope of its own choice, signed': [
    async ({ issuer, entry }) => await new Writer(issuer, { ref: PULL }).sign(entry),
    /ID token is one of refs\/pull\/7\/merge/,
  ],
  'a repository of its own choice, signed': [
    async ({ issuer, entry }) =>
      await new Writer(issuer, { repository_id: '666' }).sign(entry, { repositoryId: '1296269' }),
    /ID token is one of octocat\/hello \(666\)/,
  ],
  'the name of a repository that is not its own, signed': [
    async ({ issuer, entry }) =>
      await new Writer(issuer, { repository: 'octocat/other' }).sign(entry),
    /ID token is one of octocat\/other/,
  ],
  'the ID token of another peer': [
    async ({ issuer, main, entry }) =>
      await new Writer(issuer).sign(entry, { token: await main.token() }),
    /made for another peer/,
  ],
  'an ID token for another service': [
    async ({ issuer, main, entry }) =>
      await main.sign(entry, {
        token: await issuer.sign({ ...RUN_CLAIMS, aud: 'sts.amazonaws.com' }),
      }),
    /another audience/,
  ],
  'the ID token of an issuer that nobody trusts': [
    async ({ issuer, main, entry }) => {
      const token = await issuer.token(main.key.peerId, { claims: { iss: 'https://evil.example' } })
      return await main.sign(entry, { token })
    },
    /issuer that is not trusted/,
  ],
  'an ID token that its issuer has not signed': [
    async ({ main, entry }) => {
      const token = await main.token()
      const end = token.at(-10) === 'A' ? 'B' : 'A'
      return await main.sign(entry, { token: token.slice(0, -10) + end + token.slice(-9) })
    },
    /not signed by its issuer/,
  ],
  'a time before its ID token was made': [
    async ({ main, entry }) => await main.sign(entry, { created: Date.now() - HOUR }),
    /not valid yet/,
  ],
  'a time after its ID token has expired': [
    async ({ issuer, main, entry }) => {
      const token = await issuer.token(main.key.peerId, { issuedInMs: -HOUR })
      return await main.sign(entry, { token })
    },
    /has expired/,
  ],
}

/** What nobody is blamed for, and yet is not used. */
const REFUSED: Record<string, Forgery> = {
  'no ID token': [
    async ({ main, entry }) => signEntry(entry, main.key),
    /no ID token attests who wrote it/,
  ],
  'a writer that may only read': [
    async ({ issuer, entry }) =>
      await new Writer(issuer, { event_name: 'pull_request_target' }).sign(entry),
    /pull_request_target may only read the caches of refs\/heads\/main/,
  ],
}

async function setScene(t: TestContext): Promise<Scene & { readonly trust: EntryTrust }> {
  const issuer = await TestIssuer.start(t)
  const { entry } = await makeSample('deps-1', { scope: MAIN })
  const verifier = new IssuerVerifier({ logger: silentLogger }, { issuers: [issuer.url] })
  return {
    issuer,
    main: new Writer(issuer),
    entry: { ...entry, repository: REPOSITORY },
    trust: new AttestedTrust({ verifier }, { requiresToken: true, defaultScope: MAIN }),
  }
}

test(
  'an honest entry is believed by its token, also when that has expired since',
  options,
  async (t) => {
    const scene = await setScene(t)
    const verdict = await scene.trust.check(await scene.main.sign(scene.entry))
    assert.equal(verdict.trusted && verdict.attestation?.runId, '7')
    const token = await scene.issuer.token(scene.main.key.peerId, { issuedInMs: -HOUR })
    const old = await scene.main.sign(attestEntry(scene.entry, token), {
      token,
      created: Date.now() - HOUR + 1000,
    })
    assert.equal((await scene.trust.check(old)).trusted, true)
    await scene.issuer.rotate()
    assert.equal((await scene.trust.check(old)).trusted, true, 'it is remembered')
  },
)

test(
  'while the keys of the issuer cannot be had an entry is not used, and nobody is blamed',
  options,
  async (t) => {
    const scene = await setScene(t)
    scene.issuer.downWith = 503
    const verdict = await scene.trust.check(await scene.main.sign(scene.entry))
    assert.equal(verdict.trusted === false && verdict.why, 'unchecked')
  },
)

test(
  'where the swarm key counts a token is still held against an entry that contradicts it',
  options,
  async (t) => {
    const { issuer, main, entry } = await setScene(t)
    const verifier = new IssuerVerifier({ logger: silentLogger }, { issuers: [issuer.url] })
    const { check } = new AttestedTrust({ verifier }, { requiresToken: false })
    assert.equal((await check(signEntry(entry, main.key))).trusted, true)
    assert.equal((await check(await main.sign(entry))).trusted, true)
    const posing = await new Writer(issuer, { ref: PULL }).sign(entry)
    assert.equal((await check(posing)).trusted, false)
    const alone = new AttestedTrust({}, { requiresToken: false })
    assert.equal((await alone.check(await main.sign(entry))).trusted, true)
    assert.equal((await alone.check({ ...(await main.sign(entry)), key: 'deps-2' })).trusted, false)
  },
)

for (const [what, [make, reason]] of Object.entries({ ...FORGED, ...REFUSED })) {
  const isForged = what in FORGED
  const blamed = isForged ? 'and its bringer is left alone' : 'and nobody is blamed'
  test(`an entry with ${what} is used by nobody, ${blamed}`, options, async (t) => {
    const scene = await setScene(t)
    const entry = await make(scene)
    const verdict = await scene.trust.check(entry)
    assert.ok(!verdict.trusted)
    assert.match(verdict.reason, reason)
    assert.equal(verdict.why === 'forged', isForged)

    const network = new MemoryNetwork()
    const lines: string[] = []
    const logger = createLogger((level, line) => lines.push(`${level} ${line}`))
    const bans: string[] = []
    t.after(subscribe('peer:banned', (event) => bans.push(event.reason)))
    const swarm = new MemorySwarm({ network })
    const { check: checkEntry } = scene.trust
    const router = new SwarmRouter({ swarm, answers: new AnswersFrom(), checkEntry, logger })
    router.start()
    t.after(() => router.stop())
    const store = new MemoryStore({ repository: REPOSITORY, limitBytes: 1e6 })
    const transfer = {
      fetchManifest: () => Promise.reject(new Error('no')),
      async *fetchChunks() {},
    }
    const keeper = new HandOverKeeper(
      { store, transfer, router, checkEntry, logger },
      { repository: REPOSITORY, role: 'seeder', staysOn: true },
    )
    t.after(() => keeper.stop())
    swarm.handle(HAND_OVER_PROTOCOL, (stream, peerId) => keeper.answer(stream, peerId))
    await swarm.start()

    const answering = new MemorySwarm({ network })
    answering.handle(QUERY_PROTOCOL, async (stream) => {
      const messages = new MessageStream(stream, ANSWER_LIMITS)
      await messages.read()
      await messages.write({ entry, nearMisses: [] })
      await messages.closeWrite()
    })
    await answering.start()
    await swarm.dial(answering.peerId, answering.addresses())
    const scopes = [MAIN, 'refs/heads/other']
    const { repository, version } = entry
    const found = await router.find({
      repository,
      scopes,
      key: entry.key,
      restoreKeys: [],
      version,
    })
    assert.equal(found.match, undefined)
    assert.equal(router.isUsable(answering.peerId), !isForged)
    assert.ok(lines.some((line) => reason.test(line)) || bans.some((line) => reason.test(line)))
    assert.equal(
      bans.some((line) => reason.test(line)),
      isForged,
    )

    const leaving = new MemorySwarm({ network })
    await leaving.start()
    await leaving.dial(swarm.peerId, swarm.addresses())
    const offering = await leaving.open(swarm.peerId, HAND_OVER_PROTOCOL)
    const messages = new MessageStream(offering, HAND_OVER_LIMITS)
    await messages.write({ offer: entry })
    // Whoever is banned may be cut off before the answer comes.
    const answer = await messages.read().catch(() => undefined)
    if (!isForged) assert.match(String(answer?.header['refused']), reason)
    assert.equal(router.isUsable(leaving.peerId), !isForged)
    assert.deepEqual(await store.entries(), [])
  })
}
