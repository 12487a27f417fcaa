import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { exportSPKI, importJWK } from 'jose'
import type { CryptoKey } from 'jose'
import { isSwarmCacheError } from '../../../src/core/errors.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { createPeerKey } from '../../../src/identity/identity.ts'
import { IssuerVerifier } from '../../../src/identity/issuer-verifier.ts'
import { SwarmVerifier } from '../../../src/identity/swarm-verifier.ts'
import { temporaryFolder } from '../../support/file-tree.ts'
import { resign, RUN_CLAIMS, TestIssuer } from '../../support/issuer.ts'

const { peerId } = createPeerKey()
const MINUTE_MS = 60_000
const HOUR_MS: number = 60 * MINUTE_MS

function createVerifier(
  issuer: TestIssuer,
  options: { folder?: string; now?: () => number; fetch?: typeof fetch } = {},
): IssuerVerifier {
  const { now, fetch, folder } = options
  return new IssuerVerifier({ logger: silentLogger, now, fetch }, { issuers: [issuer.url], folder })
}

/** Asserts that a token is refused as no proof, for a reason, and that the error does not hold it. */
async function assertRefused(
  verifying: Promise<unknown>,
  reason: RegExp,
  token: string,
): Promise<void> {
  const error = await verifying.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.ok(isSwarmCacheError(error, 'ERR_PROOF'), String(error))
  assert.match(error.message, reason)
  const told = `${error.message} ${JSON.stringify(error.facts)} ${String(error.cause)}`
  if (token.length > 20) assert.ok(!told.includes(token.slice(-20)))
}

test('a token of a trusted issuer attests what it says of the run', async (t) => {
  const issuer = await TestIssuer.start(t)
  const before = Date.now()
  const attestation = await createVerifier(issuer).verify(await issuer.token(peerId), { peerId })
  const { issuedAt, expires, ...said } = attestation
  assert.deepEqual(said, {
    issuer: issuer.url,
    repository: RUN_CLAIMS['repository'],
    repositoryId: RUN_CLAIMS['repository_id'],
    ownerId: RUN_CLAIMS['repository_owner_id'],
    ref: 'refs/heads/main',
    event: 'push',
    workflow: RUN_CLAIMS['workflow_ref'],
    runId: '7',
    runAttempt: '1',
    sha: RUN_CLAIMS['sha'],
    actor: 'octocat',
    baseRef: '',
    visibility: 'private',
    peerId,
  })
  assert.ok(issuedAt >= before && expires === issuedAt + issuer.lifetimeMs)
})

const REFUSED: readonly [
  name: string,
  make: (issuer: TestIssuer, t: TestContext) => Promise<string>,
  reason: RegExp,
][] = [
  [
    'of an issuer that is not trusted',
    async (_, t) => (await TestIssuer.start(t)).token(peerId),
    /not trusted/,
  ],
  [
    'signed by somebody else in the name of the issuer',
    async (issuer, t) => {
      const other = await TestIssuer.start(t)
      const header = { kid: issuer.publicKey.kid }
      return await other.token(peerId, { claims: { iss: issuer.url }, header })
    },
    /was not signed by its issuer/,
  ],
  [
    'made for another peer',
    async (issuer) => issuer.token(createPeerKey().peerId),
    /for another peer/,
  ],
  [
    'made for another audience',
    async (issuer) => issuer.token(peerId, { claims: { aud: 'https://github.com/octocat' } }),
    /for another audience/,
  ],
  [
    'with two audiences',
    async (issuer) => issuer.token(peerId, { claims: { aud: [`swarmcache:${peerId}`, 'b'] } }),
    /for another audience/,
  ],
  [
    'that has expired',
    async (issuer) => issuer.token(peerId, { issuedInMs: -HOUR_MS }),
    /has expired/,
  ],
  [
    'that is not valid yet',
    async (issuer) => issuer.token(peerId, { issuedInMs: HOUR_MS }),
    /not valid yet/,
  ],
  [
    'that was issued in the future though it is valid now',
    async (issuer) => issuer.token(peerId, { issuedInMs: HOUR_MS, claims: { nbf: 0 } }),
    /not valid yet/,
  ],
  [
    'without a repository',
    async (issuer) => issuer.token(peerId, { claims: { repository_id: undefined } }),
    /does not say its repository_id/,
  ],
  [
    'with a repository id of another form',
    async (issuer) => issuer.token(peerId, { claims: { repository_id: 1296269 } }),
    /repository_id of a form/,
  ],
  [
    'without an expiry',
    async (issuer) => issuer.token(peerId, { claims: { exp: undefined } }),
    /no good claim exp/,
  ],
  [
    'of alg none',
    async (issuer) => resign(await issuer.token(peerId), { alg: 'none' }, () => ''),
    /algorithm that is not allowed/,
  ],
  [
    'signed by HMAC with the public key as its secret',
    async (issuer) => {
      const key = (await importJWK(issuer.publicKey, 'RS256')) as CryptoKey
      const pem = await exportSPKI(key)
      return resign(
        await issuer.token(peerId),
        { alg: 'HS256', kid: issuer.publicKey.kid },
        (text) => createHmac('sha256', pem).update(text).digest('base64url'),
      )
    },
    /algorithm that is not allowed/,
  ],
  [
    'of an unknown key',
    async (issuer) => issuer.token(peerId, { header: { kid: 'nobody-knows' } }),
    /names a key that its issuer does not list/,
  ],
  [
    'without a key id',
    async (issuer) => issuer.token(peerId, { header: { kid: undefined } }),
    /names no key/,
  ],
  [
    'that demands an extension',
    async (issuer) =>
      resign(await issuer.token(peerId), { alg: 'RS256', crit: ['x'], x: 1 }, () => 'AA'),
    /malformed/,
  ],
  ['that is garbage', async () => 'garbage', /malformed/],
  ['that is empty', async () => '', /malformed/],
  ['with a payload that is no JSON', async () => 'e30.Z2FyYmFnZQ.e30', /malformed/],
  ['that is too long', async () => 'a'.repeat(64 * 1024), /too long/],
]

for (const [name, make, reason] of REFUSED) {
  test(`a token ${name} is refused`, async (t) => {
    const issuer = await TestIssuer.start(t)
    const token = await make(issuer, t)
    await assertRefused(createVerifier(issuer).verify(token, { peerId }), reason, token)
  })
}

test('a rotated key is fetched, and the old one checks old records but no new connection', async (t) => {
  const folder = temporaryFolder(t)
  const issuer = await TestIssuer.start(t)
  let now = Date.now()
  const old = await issuer.token(peerId)
  const madeAt = now
  const verifier = createVerifier(issuer, { folder, now: () => now })
  await verifier.verify(old, { peerId })
  await issuer.rotate()
  now += 2 * HOUR_MS
  const fresh = await issuer.token(peerId, { issuedInMs: 2 * HOUR_MS })
  await verifier.verify(fresh, { peerId })
  await assertRefused(verifier.verify(old, { peerId }), /does not list/, old)
  assert.equal((await verifier.verify(old, { peerId, at: madeAt })).peerId, peerId)
  await assertRefused(verifier.verify(old, { peerId, at: now }), /does not list/, old)

  // Another process that starts later, with the issuer out of reach.
  issuer.downWith = 503
  const later = createVerifier(issuer, { folder, now: () => now })
  assert.equal((await later.verify(old, { peerId, at: madeAt })).runId, '7')
  assert.equal((await later.verify(fresh, { peerId })).runId, '7')
})

test('many tokens of unknown keys ask the issuer twice at most', async (t) => {
  const issuer = await TestIssuer.start(t)
  const verifier = createVerifier(issuer)
  const token = await issuer.token(peerId, { header: { kid: 'nobody-knows' } })
  for (let count = 0; count < 20; count += 1) {
    await assertRefused(verifier.verify(token, { peerId }), /does not list/, token)
  }
  assert.ok(issuer.asked.length <= 4, issuer.asked.join())
})

test('many who verify at once ask the issuer once, and later ones not at all', async (t) => {
  const issuer = await TestIssuer.start(t)
  const verifier = createVerifier(issuer)
  const token = await issuer.token(peerId)
  await Promise.all(Array.from({ length: 10 }, () => verifier.verify(token, { peerId })))
  await verifier.verify(token, { peerId })
  assert.deepEqual(issuer.asked, ['/.well-known/openid-configuration', '/.well-known/jwks'])
})

test('an issuer that cannot be reached, redirects, lies about its name or answers without end is told as the reason', async (t) => {
  const issuer = await TestIssuer.start(t)
  const token = await issuer.token(peerId)
  const endless = (): Response => {
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)),
    })
    return new Response(body)
  }
  const answers: readonly [answer: () => Response, reason: RegExp][] = [
    [() => new Response('', { status: 500 }), /answered 500/],
    [() => Response.json({ issuer: 'https://other.example', jwks_uri: '' }), /another name/],
    [() => Response.json({ issuer: issuer.url, jwks_uri: 'http://keys.example/' }), /not an https/],
    [() => Response.json({ issuer: issuer.url, jwks_uri: 'file:///etc/keys' }), /not an https/],
    [() => new Response('[not json'), /not a JSON object/],
    [endless, /more than 65536 bytes/],
  ]
  for (const [answer, reason] of answers) {
    const verifier = createVerifier(issuer, { fetch: async () => answer() })
    await assertRefused(verifier.verify(token, { peerId }), reason, token)
  }
})

test('a damaged file of keys is fetched again', async (t) => {
  const folder = temporaryFolder(t)
  const issuer = await TestIssuer.start(t)
  const token = await issuer.token(peerId)
  await createVerifier(issuer, { folder }).verify(token, { peerId })
  const [name] = readdirSync(folder)
  for (const content of ['', '{"keys":[]}', '{"fetched":9e99,"keys":[{"jwk":7}]}']) {
    writeFileSync(join(folder, name!), content)
    const asked = issuer.asked.length
    await createVerifier(issuer, { folder }).verify(token, { peerId })
    assert.notEqual(issuer.asked.length, asked)
  }
  assert.deepEqual(readdirSync(folder), [name])
})

test('a swarm takes the runs of its repository, or of its owner, by their ids', async (t) => {
  const issuer = await TestIssuer.start(t)
  const verifier = createVerifier(issuer)
  const sameName = { repository: 'octocat/hello', repository_id: '999' }
  const sibling = { repository: 'octocat/other', repository_id: '1000' }
  const stranger = { repository: 'evil/hello', repository_id: '1', repository_owner_id: '2' }
  const ofRepository = new SwarmVerifier(
    { verifier },
    { repositoryId: RUN_CLAIMS['repository_id']! },
  )
  const ofOwner = new SwarmVerifier({ verifier }, { ownerId: RUN_CLAIMS['repository_owner_id']! })
  const own = await issuer.token(peerId)
  await ofRepository.verify(own, { peerId })
  for (const claims of [sameName, sibling, stranger]) {
    const token = await issuer.token(peerId, { claims })
    await assertRefused(ofRepository.verify(token, { peerId }), /another repository/, token)
  }
  const token = await issuer.token(peerId, { claims: sibling })
  assert.equal((await ofOwner.verify(token, { peerId })).repository, 'octocat/other')
  const foreign = await issuer.token(peerId, { claims: stranger })
  await assertRefused(ofOwner.verify(foreign, { peerId }), /another owner/, foreign)
})
