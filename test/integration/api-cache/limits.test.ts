import assert from 'node:assert/strict'
import { test } from 'node:test'
import { retry } from '@octokit/plugin-retry'
import { throttling } from '@octokit/plugin-throttling'
import { Octokit } from '@octokit/rest'
import { swarmcacheApi } from '../../../src/api-cache/octokit-plugin.ts'
import { ApiRunners, jobTokens } from '../../support/api-runners.ts'
import { eventually } from '../../support/eventually.ts'
import { GitHubApi } from '../../support/github-api.ts'

const TOKENS = jobTokens(3)
const OWNERS = Object.fromEntries(TOKENS.map((token) => [token, { quota: 'octo/hello' }]))
const [ONE, TWO, THREE] = TOKENS as [string, string, string]
const HOUR_MS = 3_600_000
const HOUR_SECONDS = 3600

test('with the quota gone, who was given an answer gets it again, and others GitHub’s refusal', async (t) => {
  const api = await GitHubApi.start(t, { tokens: OWNERS })
  api.put('/thing', { value: { a: 1 } })
  const runner = new ApiRunners(api).add({ staleOnErrorMs: HOUR_MS })
  await runner.get('/thing', ONE)
  api.quotas.set({ quota: 'octo/hello' }, 0, Math.ceil(Date.now() / 1000) + HOUR_SECONDS)
  const stale = await runner.get('/thing', ONE)
  assert.deepEqual(await stale.json(), { a: 1 })
  assert.match(stale.headers.get('cache-status') ?? '', /; hit; ttl=-\d+; detail=memory$/)
  const refused = await runner.get('/thing', TWO)
  assert.equal(refused.status, 403)
  assert.match(await refused.text(), /API rate limit exceeded/)
  const sent = api.calls.length
  const again = await runner.get('/thing', TWO)
  assert.equal(again.status, 403)
  assert.equal(again.headers.get('x-ratelimit-remaining'), '0')
  assert.match(await again.text(), /API rate limit exceeded/)
  assert.equal(api.calls.length, sent, 'GitHub is not asked again before it said')
  assert.match(again.headers.get('cache-status') ?? '', /; hit; detail=refused-before$/)
  assert.equal((await runner.get('/thing', THREE)).status, 403)
  assert.equal(api.calls.length, sent + 1, 'a refusal is one token’s own')
})

test('a Retry-After is waited for if it is short, and repeated to the caller if not', async (t) => {
  const api = await GitHubApi.start(t, { tokens: OWNERS })
  api.put('/thing', { value: { a: 1 } })
  let until: number | undefined
  api.fault = () => {
    until ??= Date.now() + 1000
    const seconds = Math.ceil((until - Date.now()) / 1000)
    return seconds > 0 ? limited(String(seconds)) : undefined
  }
  const runner = new ApiRunners(api).add()
  assert.equal((await runner.get('/thing', ONE)).status, 429)
  assert.equal((await runner.get('/thing', ONE)).status, 200)
  until = Date.now() + 500_000
  api.calls.length = 0
  assert.equal((await runner.get('/thing', TWO)).status, 429)
  const repeated = await runner.get('/thing', TWO)
  assert.equal(repeated.status, 429)
  assert.match(await repeated.text(), /secondary rate limit/)
  assert.ok(Number(repeated.headers.get('retry-after')) <= 500)
  assert.equal(api.calls.length, 1)
  const ended = new AbortController()
  ended.abort(new Error('enough'))
  await assert.rejects(runner.get('/thing', ONE, { signal: ended.signal }), /enough/)
})

test('at the end of a quota confirmed answers go at once, and others one by one', async (t) => {
  const api = await GitHubApi.start(t, { tokens: OWNERS })
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  for (const name of [...names, 'known']) api.put(`/${name}`, { value: { name } })
  const runner = new ApiRunners(api).add({ maxWaitMs: 60_000 })
  await runner.get('/known', ONE)
  api.quotas.set({ quota: 'octo/hello' }, 50, Math.ceil(Date.now() / 1000) + HOUR_SECONDS)
  await runner.get('/known', ONE)
  const ended = new AbortController()
  const { signal } = ended
  const [first, ...others] = names.map((name) => runner.get(`/${name}`, ONE, { signal }))
  assert.equal((await runner.get('/known', ONE)).status, 200)
  assert.equal((await first)?.status, 200)
  assert.ok(!api.calls.some(({ path }) => path === '/f'), 'it waits behind all others')
  ended.abort(new Error('the job ended'))
  const outcomes = await Promise.allSettled(others)
  assert.equal(outcomes.at(-1)?.status, 'rejected')
})

test('maxStale gives what this token was given, without asking, and only that long', async (t) => {
  const api = await GitHubApi.start(t, { tokens: OWNERS })
  api.put('/thing', { value: { a: 1 } })
  const runners = new ApiRunners(api)
  const runner = runners.add({ maxStaleMs: HOUR_MS })
  await runner.get('/thing', ONE)
  api.put('/thing', { value: { a: 2 } })
  const stale = await runner.get('/thing', ONE)
  assert.deepEqual(await stale.json(), { a: 1 })
  assert.match(stale.headers.get('warning') ?? '', /^110 /)
  assert.deepEqual(await (await runner.get('/thing', TWO)).json(), { a: 2 })
  const strict = runners.add({ maxStaleMs: 1 })
  await strict.get('/thing', ONE)
  api.put('/thing', { value: { a: 3 } })
  await eventually('the new answer', async () => {
    return (await (await strict.get('/thing', ONE)).text()) === '{"a":3}'
  })
})

test('the throttling and retry plugins see limits and failures as without the cache, and get over them', async (t) => {
  const api = await GitHubApi.start(t, { tokens: OWNERS })
  api.put('/repos/octo/hello', { value: { full_name: 'octo/hello' } })
  const faults = [{ status: 502 }, limited('1'), undefined]
  api.fault = () => faults.shift()
  const runner = new ApiRunners(api).add()
  const Client = Octokit.plugin(throttling, retry, swarmcacheApi(runner.cache))
  const limits: number[] = []
  const onLimit = (retryAfter: number): boolean => limits.push(retryAfter) > 0
  const client = new Client({
    auth: ONE,
    baseUrl: api.url,
    throttle: { onRateLimit: onLimit, onSecondaryRateLimit: onLimit, retryAfterBaseValue: 1 },
    retry: { doNotRetry: [429], retryAfterBaseValue: 1 },
    log: { debug() {}, info() {}, warn() {}, error() {} },
  })
  const { data } = await client.rest.repos.get({ owner: 'octo', repo: 'hello' })
  assert.equal(data.full_name, 'octo/hello')
  assert.deepEqual(limits, [1])
  assert.deepEqual(
    api.calls.map(({ status }) => status),
    [502, 429, 200],
  )
})

test('a client’s own fetch stays in use behind the cache, through retries, too', async (t) => {
  const api = await GitHubApi.start(t, { tokens: OWNERS })
  api.put('/repos/octo/hello', { value: { full_name: 'octo/hello' } })
  let failed = false
  api.fault = () => (failed ? undefined : ((failed = true), { status: 500 }))
  const runner = new ApiRunners(api).add()
  let used = 0
  const own: typeof fetch = async (input, init) => {
    used += 1
    return await fetch(input, init)
  }
  const Client = Octokit.plugin(retry, swarmcacheApi(runner.cache))
  const client = new Client({
    auth: ONE,
    baseUrl: api.url,
    request: { fetch: own },
    retry: { retryAfterBaseValue: 1 },
    log: { debug() {}, info() {}, warn() {}, error() {} },
  })
  const { headers } = await client.rest.repos.get({ owner: 'octo', repo: 'hello' })
  assert.equal(used, 2)
  assert.equal(headers['cache-status'], 'swarmcache; fwd=uri-miss; fwd-status=200; stored')
})

function limited(seconds: string): {
  status: number
  headers: Record<string, string>
  message: string
} {
  return {
    status: 429,
    headers: { 'retry-after': seconds },
    message: 'You have exceeded a secondary rate limit.',
  }
}
