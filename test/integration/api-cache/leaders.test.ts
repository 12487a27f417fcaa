import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiRunners, jobTokens } from '../../support/api-runners.ts'
import { eventually } from '../../support/eventually.ts'
import { GitHubApi } from '../../support/github-api.ts'
import type { GitHubFault } from '../../support/github-api.ts'

const TOKENS = jobTokens(10)
const OWNERS = Object.fromEntries(TOKENS.map((token) => [token, { quota: 'octo/hello' }]))
const VALUE = { text: 'y'.repeat(1000) }

const LEADER_FAULTS: Readonly<Record<string, GitHubFault>> = {
  'answered with a 500': { status: 500 },
  'answered with a 502': { status: 502 },
  'refused for a limit': { status: 429, headers: { 'retry-after': '30' } },
  'cut before the answer': { cut: 'all' },
  'cut in the answer': { cut: 'half' },
}

for (const [what, fault] of Object.entries(LEADER_FAULTS)) {
  for (const where of ['one process', 'a process each']) {
    test(`a leader that is ${what} fails alone, in ${where}`, async (t) => {
      const api = await GitHubApi.start(t, { tokens: OWNERS })
      api.put('/thing', { value: VALUE })
      let calls = 0
      api.fault = () => (++calls === 1 ? fault : undefined)
      const runners = new ApiRunners(api)
      const one = runners.add()
      const outcomes = await Promise.allSettled(
        TOKENS.map(async (token) => {
          const runner = where === 'one process' ? one : runners.add()
          const answer = await runner.get('/thing', token)
          return { status: answer.status, value: await answer.json() }
        }),
      )
      const right = outcomes.filter(
        (outcome) => outcome.status === 'fulfilled' && outcome.value.status === 200,
      )
      for (const outcome of right) {
        assert.ok(outcome.status === 'fulfilled')
        assert.deepEqual(outcome.value.value, VALUE)
      }
      assert.equal(right.length, TOKENS.length - 1)
      assert.equal(api.answered(200), 1)
    })
  }
}

test('a leader that gives up leaves the others an answer, and its reason is its own', async (t) => {
  const api = await GitHubApi.start(t, { tokens: OWNERS })
  api.put('/thing', { value: VALUE })
  const held = Promise.withResolvers<void>()
  api.fault = () => (api.calls.length === 1 ? { until: held.promise } : undefined)
  t.after(() => held.resolve())
  const runner = new ApiRunners(api).add()
  const [first, second] = TOKENS as [string, string]
  const leader = new AbortController()
  const leading = runner.get('/thing', first, { signal: leader.signal })
  await eventually('the leader’s request', () => api.calls.length === 1)
  const waiting = new AbortController()
  const same = runner.get('/thing', first)
  const other = runner.get('/thing', second)
  const impatient = runner.get('/thing', second, { signal: waiting.signal })
  waiting.abort(new Error('no longer wanted'))
  await assert.rejects(impatient, /no longer wanted/)
  leader.abort(new Error('the job was cancelled'))
  await assert.rejects(leading, /the job was cancelled/)
  for (const answer of [await same, await other]) assert.deepEqual(await answer.json(), VALUE)
  assert.equal(api.answered(200), 1)
})

test('answers that are none are told to each who asks by GitHub, and kept by nobody', async (t) => {
  const api = await GitHubApi.start(t, { tokens: { ...OWNERS, ghs_other: { quota: 'o' } } })
  api.put('/gone', { gone: true })
  api.put('/moved', { movedTo: '/thing' })
  api.put('/thing', { value: VALUE })
  const runner = new ApiRunners(api).add()
  const statuses = async (path: string, init?: RequestInit): Promise<number[]> => {
    const answers = await Promise.all(
      [...TOKENS, 'ghs_nobody'].map((token) => runner.get(path, token, init)),
    )
    return [...new Set(answers.map(({ status }) => status))].toSorted((a, b) => a - b)
  }
  for (let round = 0; round < 2; round += 1) {
    assert.deepEqual(await statuses('/missing'), [401, 404])
    assert.deepEqual(await statuses('/gone'), [401, 410])
    assert.deepEqual(await statuses('/moved', { redirect: 'manual' }), [301, 401])
  }
  assert.equal(api.answered(404), 2 * TOKENS.length)
  assert.equal(api.answered(410), 2 * TOKENS.length)
  assert.equal(api.answered(401), 6)
  assert.equal(runner.shelf.usage().answers, 0)
  const followed = await runner.get('/moved', TOKENS[0]!)
  assert.deepEqual(await followed.json(), VALUE)
  assert.ok(followed.redirected && followed.url.endsWith('/thing'))
})

test('an answer too large to keep goes through whole', async (t) => {
  const api = await GitHubApi.start(t, { tokens: OWNERS })
  const value = { text: 'z'.repeat(5 * 1024 * 1024) }
  api.put('/large', { value })
  const runner = new ApiRunners(api).add()
  for (const gzip of ['gzip', 'identity']) {
    const headers = { 'accept-encoding': gzip }
    const answer = await runner.get('/large', TOKENS[0]!, { headers })
    assert.deepEqual(await answer.json(), value)
  }
  assert.equal(runner.shelf.usage().answers, 0)
})

test('a process without stored answers or peers that answer asks GitHub itself', async (t) => {
  const api = await GitHubApi.start(t, { tokens: OWNERS })
  api.put('/thing', { value: VALUE })
  const runner = new ApiRunners(api).add()
  const fail = async (): Promise<never> => {
    throw new Error('damaged')
  }
  Object.assign(runner.shelf, { get: fail, put: fail })
  for (const token of TOKENS.slice(0, 3)) {
    assert.deepEqual(await (await runner.get('/thing', token)).json(), VALUE)
  }
})
