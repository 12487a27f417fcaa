import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { isSwarmCacheError } from '../../../src/core/errors.ts'
import { createPeerKey, tokenAudience } from '../../../src/identity/identity.ts'
import { FileTokenSource, RunnerTokenSource } from '../../../src/identity/token-sources.ts'
import { temporaryFolder } from '../../support/file-tree.ts'
import { TestIssuer } from '../../support/issuer.ts'

const { peerId } = createPeerKey()

async function refusalOf(asking: Promise<unknown>): Promise<string> {
  const error = await asking.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.ok(isSwarmCacheError(error, 'ERR_PROOF'), String(error))
  return error.message
}

test('a job’s token names the peer, is kept for half of its life, and is minted again after that', async (t) => {
  const issuer = await TestIssuer.start(t)
  let now = Date.now()
  const source = new RunnerTokenSource({ now: () => now }, issuer.job())
  const [first, same] = await Promise.all([source.token(peerId), source.token(peerId)])
  assert.equal(decodeJwt(first).aud, tokenAudience(peerId))
  assert.equal(same, first)
  now += 0.49 * issuer.lifetimeMs
  assert.equal(await source.token(peerId), first)
  assert.equal(issuer.asked.length, 1)
  now += 0.02 * issuer.lifetimeMs
  assert.notEqual(await source.token(peerId), first)
  const other = createPeerKey().peerId
  assert.equal(decodeJwt(await source.token(other)).aud, tokenAudience(other))
  assert.equal(issuer.asked.length, 3)
})

test('while the issuer is down a token goes on until it expires, and then the reason is told', async (t) => {
  const issuer = await TestIssuer.start(t)
  let now = Date.now()
  const source = new RunnerTokenSource({ now: () => now }, issuer.job())
  const first = await source.token(peerId)
  issuer.downWith = 503
  now += 0.9 * issuer.lifetimeMs
  assert.equal(await source.token(peerId), first)
  now += 0.2 * issuer.lifetimeMs
  assert.match(
    await refusalOf(source.token(peerId)),
    /cannot be had: 127\.0\.0\.1:\d+ answered 503/,
  )
})

test('a short fault of the issuer is tried again, a refusal is not', async (t) => {
  const issuer = await TestIssuer.start(t)
  let asked = 0
  const flaky: typeof fetch = async (...call) => {
    asked += 1
    return asked === 1 ? new Response('', { status: 502 }) : await fetch(...call)
  }
  await new RunnerTokenSource({ fetch: flaky }, issuer.job()).token(peerId)
  assert.equal(asked, 2)
  const { url } = issuer.job()
  const secret = 'the secret of somebody else'
  const message = await refusalOf(new RunnerTokenSource({}, { url, secret }).token(peerId))
  assert.match(message, /answered 401/)
  assert.ok(!message.includes(secret))
  assert.equal(issuer.asked.length, 2)
})

test('a token is asked for over https or on this machine only', async () => {
  const asked: unknown[] = []
  const source = new RunnerTokenSource(
    {
      fetch: async (input) => {
        asked.push(input)
        return Response.json({})
      },
    },
    { url: 'http://tokens.example/?api-version=2.0', secret: 'secret' },
  )
  assert.match(await refusalOf(source.token(peerId)), /not an https URL/)
  assert.deepEqual(asked, [])
})

test('an aborted signal ends the wait for a token with its reason', async (t) => {
  const issuer = await TestIssuer.start(t)
  const reason = new Error('no longer wanted')
  const silence = Promise.withResolvers<Response>()
  t.after(() => silence.resolve(new Response('', { status: 401 })))
  const source = new RunnerTokenSource({ fetch: async () => await silence.promise }, issuer.job())
  const controller = new AbortController()
  const asking = source.token(peerId, { signal: controller.signal })
  controller.abort(reason)
  await assert.rejects(asking, reason)
})

test('a token in a file is read each time, and a bad one names the file', async (t) => {
  const issuer = await TestIssuer.start(t)
  const path = join(temporaryFolder(t), 'token')
  const source = new FileTokenSource({ path })
  assert.match(await refusalOf(source.token(peerId)), /cannot be read \(ENOENT\)/)
  for (const lifetimeMs of [1000, 2000]) {
    const token = await issuer.token(peerId, { lifetimeMs })
    writeFileSync(path, `${token}\n`)
    assert.equal(await source.token(peerId), token)
  }
  const message = await refusalOf(source.token(createPeerKey().peerId))
  assert.match(message, /has another audience than this node needs, which is swarmcache:12D3Koo/)
  writeFileSync(path, 'garbage')
  assert.match(await refusalOf(source.token(peerId)), /is malformed/)
  writeFileSync(path, 'a'.repeat(64 * 1024))
  assert.match(await refusalOf(source.token(peerId)), /too long/)
})
