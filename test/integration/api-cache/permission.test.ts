import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answer } from '../../../src/api-cache/api-cache.ts'
import { digestOf } from '../../../src/core/digest.ts'
import { ApiRunners, jobTokens, MAIN } from '../../support/api-runners.ts'
import type { ApiRunner } from '../../support/api-runners.ts'
import { GitHubApi } from '../../support/github-api.ts'
import type { GitHubFault } from '../../support/github-api.ts'
import { SeededRandom } from '../../support/seeded-random.ts'

const TOKENS = jobTokens(12)
const OWNERS = Object.fromEntries(TOKENS.map((token) => [token, { quota: 'octo/hello' }]))
const HOUR_MS = 3_600_000
const SECRET = { secret: 'only for some' }

for (const where of ['one process', 'a process each']) {
  test(`tokens that may not see a resource never get it, in ${where}, however they come`, async (t) => {
    const api = await GitHubApi.start(t, { tokens: OWNERS })
    const allowed = TOKENS.slice(0, 5)
    api.put('/private', { value: SECRET, readers: allowed })
    api.put('/hidden', { value: SECRET, readers: allowed, refusal: 403 })
    api.put('/public', { value: { open: true } })
    const runners = new ApiRunners(api)
    const options = { maxStaleMs: 50, staleOnErrorMs: HOUR_MS }
    const one = runners.add(options)
    const byToken = new Map<string, ApiRunner>(
      TOKENS.map((token) => [token, where === 'one process' ? one : runners.add(options)]),
    )
    const random = new SeededRandom()
    const ask = async (): Promise<void> => {
      const token = random.pick(TOKENS)
      const path = random.pick(['/private', '/hidden', '/public'])
      const answer = await byToken
        .get(token)!
        .get(path, token)
        .catch((error: unknown) => error as Error)
      if (answer instanceof Error || answer.status === 502) {
        assert.ok(api.fault !== undefined, `seed ${random.seed}: failed without a fault`)
        return
      }
      const text = await answer.text()
      const why = `seed ${random.seed}, ${token} asked for ${path}: ${text}`
      if (path === '/public') assert.equal(text, '{"open":true}', why)
      else if (allowed.includes(token)) assert.deepEqual(JSON.parse(text), SECRET, why)
      else assert.equal(answer.status, path === '/private' ? 404 : 403, why)
    }
    for (let round = 0; round < 8; round += 1) {
      const faults: GitHubFault[] = [{ status: 502 }, { cut: 'all' }, { cut: 'half' }]
      if (round >= 6) api.fault = () => (random.below(4) === 0 ? random.pick(faults) : undefined)
      await Promise.all(Array.from({ length: 40 }, ask))
      // GitHub down: who was never given it must not be given it now.
      if (round === 5) api.fault = ({ path }) => (path === '/public' ? undefined : { status: 502 })
      if (round === 5) {
        const denied = TOKENS[8]!
        const answer = await byToken.get(denied)!.get('/private', denied)
        assert.equal(answer.status, 502)
        api.fault = undefined
      }
    }
  })
}

test('a right ends with the first answer that speaks against it', async (t) => {
  const api = await GitHubApi.start(t, { tokens: OWNERS })
  const [one, two] = TOKENS as [string, string]
  api.put('/private', { value: SECRET })
  const runner = new ApiRunners(api).add({ staleOnErrorMs: HOUR_MS })
  assert.deepEqual(await (await runner.get('/private', one)).json(), SECRET)
  assert.deepEqual(await (await runner.get('/private', two)).json(), SECRET)
  api.put('/private', { value: SECRET, readers: [two] })
  assert.equal((await runner.get('/private', one)).status, 404)
  api.fault = () => ({ status: 503 })
  assert.equal((await runner.get('/private', one)).status, 503)
  const stale = await runner.get('/private', two)
  assert.deepEqual(await stale.json(), SECRET)
  assert.match(
    stale.headers.get('cache-status') ?? '',
    /^swarmcache; hit; ttl=-\d+; detail=memory$/,
  )
  assert.ok(stale.headers.has('age') && stale.headers.has('warning'))
  api.fault = undefined
  api.revoke(two)
  assert.equal((await runner.get('/private', two)).status, 401)
  api.fault = () => ({ cut: 'all' })
  await assert.rejects(runner.get('/private', two), TypeError)
})

test('a token is given its own view, not a newer one of another token, when GitHub is down', async (t) => {
  const api = await GitHubApi.start(t, { tokens: OWNERS })
  const [one, two] = TOKENS as [string, string]
  api.put('/user', { value: (token: string) => ({ login: token }) })
  const runner = new ApiRunners(api).add({ staleOnErrorMs: HOUR_MS })
  const login = async (token: string): Promise<unknown> =>
    ((await (await runner.get('/user', token)).json()) as { login: unknown }).login
  assert.equal(await login(one), one)
  assert.equal(await login(two), two)
  // The view of the other looks like a change, once.
  assert.equal(await login(one), one)
  const before = api.charged()
  assert.equal(await login(one), one)
  assert.equal(await login(two), two)
  assert.equal(api.charged(), before)
  api.fault = () => ({ status: 500 })
  assert.equal(await login(one), one)
  assert.equal(await login(two), two)
})

test('answers are for readers of their ref, and of personal tokens for this process only', async (t) => {
  const tokens = { ...OWNERS, ghp_person: { quota: 'person', limit: 5000 } }
  const api = await GitHubApi.start(t, { tokens })
  api.put('/thing', { value: { a: 1 } })
  const runners = new ApiRunners(api)
  const [one, two] = TOKENS as [string, string]
  const pull = (number: number): typeof MAIN => {
    const scope = `refs/pull/${number}/merge`
    return { repository: 'octo/hello', scope, readable: [scope, 'refs/heads/main'] }
  }
  await runners.add().get('/thing', 'ghp_person')
  await runners.add({ scope: pull(1) }).get('/thing', one)
  await runners.add({ scope: pull(2) }).get('/thing', two)
  await runners.add().get('/thing', two)
  assert.equal(api.charged('/thing'), 4)
  await runners.add({ scope: pull(3) }).get('/thing', one)
  await runners.add().get('/thing', one)
  assert.equal(api.charged('/thing'), 4)
})

test('what a person fetched is shared once a job of the repository was given it, too', async (t) => {
  const tokens = { ...OWNERS, ghp_person: { quota: 'person', limit: 5000 } }
  const api = await GitHubApi.start(t, { tokens })
  api.put('/thing', { value: { a: 1 } })
  const runners = new ApiRunners(api)
  const [one, two] = TOKENS as [string, string]
  const both = runners.add()
  await both.get('/thing', 'ghp_person')
  await both.get('/thing', one)
  await runners.add().get('/thing', two)
  assert.equal(api.charged('/thing'), 1)
})

test('a run that may not save shares nothing, and one that may not restore is given nothing', async (t) => {
  const api = await GitHubApi.start(t, { tokens: OWNERS })
  api.put('/thing', { value: { a: 1 } })
  const runners = new ApiRunners(api)
  const [one, two] = TOKENS as [string, string]
  const reader = runners.add({ scope: { ...MAIN, writeRefused: 'by the rules' } })
  await reader.get('/thing', one)
  await runners.add().get('/thing', two)
  assert.equal(api.charged('/thing'), 2)
  const writer = runners.add({ scope: { ...MAIN, readRefused: 'by the mode' } })
  await writer.get('/thing', one)
  assert.equal(api.charged('/thing'), 3)
  await runners.add().get('/thing', one)
  assert.equal(api.charged('/thing'), 3)
})

test('a peer with forged answers costs a charged request at most, and leads no client elsewhere', async (t) => {
  const api = await GitHubApi.start(t, { tokens: OWNERS })
  const [one] = TOKENS as [string]
  api.put('/list', { value: [1] })
  const runners = new ApiRunners(api)
  const victim = runners.add()
  const forger = runners.add()
  await forger.get('/list', one)
  const kept = (await forger.shelf.get(forger.keys[0]!))[0]!.answer
  const forge = async (text: string, headers: Answer['headers']): Promise<void> => {
    const body = Buffer.from(text)
    const later = Date.now() + HOUR_MS
    const lie = { body, digest: digestOf(body), received: later, validated: later }
    await forger.shelf.put({ ...kept, ...lie, headers: { ...kept.headers, ...headers } })
  }
  await forge('[2]', {})
  const honest = await victim.get('/list', one)
  assert.deepEqual(await honest.json(), [1])
  assert.equal(api.charged(), 2)
  await forge('[1]', { link: '<http://evil.example/>; rel="next"' })
  const other = runners.add()
  const linked = await other.get('/list', one)
  assert.deepEqual(await linked.json(), [1])
  assert.equal(linked.headers.get('link'), null)
})
