import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiRunners, jobTokens } from '../../support/api-runners.ts'
import { GitHubApi } from '../../support/github-api.ts'

const TOKENS = jobTokens(20)
const OWNERS = Object.fromEntries(TOKENS.map((token) => [token, { quota: 'octo/hello' }]))
const ISSUES = Array.from({ length: 120 }, (_, at) => ({ number: at + 1, title: `issue ${at}` }))

test('20 tokens in one process, 100 identical requests at once and pages: one charged request a page', async (t) => {
  const api = await GitHubApi.start(t, { tokens: OWNERS })
  const value = { full_name: 'octo/hello', description: 'x'.repeat(2000) }
  api.put('/repos/octo/hello', { value })
  api.put('/repos/octo/hello/issues', { value: ISSUES })
  const runner = new ApiRunners(api).add()
  const clients = TOKENS.map((token) => runner.octokit(token))
  const repo = { owner: 'octo', repo: 'hello' }
  const answers = await Promise.all(
    Array.from({ length: 100 }, async (_, at) => await clients[at % 20]!.rest.repos.get(repo)),
  )
  for (const answer of answers) {
    assert.equal(answer.status, 200)
    assert.equal(answer.url, `${api.url}/repos/octo/hello`)
    assert.deepEqual(answer.data, value)
    assert.match(`${answer.headers['cache-status']}`, /^swarmcache; fwd=/)
  }
  assert.equal(api.charged('/repos/octo/hello'), 1)
  const lists = await Promise.all(
    clients.map(
      async (client) =>
        await client.paginate(client.rest.issues.listForRepo, { ...repo, per_page: 50 }),
    ),
  )
  for (const list of lists) assert.deepEqual(list, ISSUES)
  for (const page of ['', '&page=2', '&page=3']) {
    assert.equal(api.charged(`/repos/octo/hello/issues?per_page=50${page}`), 1, `page ${page}`)
  }
  assert.equal(api.quotas.used('octo/hello'), 4)
  const stats = runner.cache.stats()
  assert.equal(stats.requests, 100 + 20 * 3)
  assert.equal(stats.charged, 4)
  assert.equal(stats.saved, stats.requests - 4)
  assert.equal(stats.failed, 0)
})

test('20 runners with a token each share one charged request a page, and a change costs one more', async (t) => {
  const api = await GitHubApi.start(t, { tokens: OWNERS })
  api.put('/repos/octo/hello/issues', { value: ISSUES })
  const runners = new ApiRunners(api)
  const clients = TOKENS.map((token) => runners.add().octokit(token))
  const list = async (): Promise<unknown[]> =>
    await Promise.all(
      clients.map(
        async (client) =>
          await client.paginate(client.rest.issues.listForRepo, {
            owner: 'octo',
            repo: 'hello',
            per_page: 60,
          }),
      ),
    )
  for (const issues of await list()) assert.deepEqual(issues, ISSUES)
  assert.equal(api.charged(), 2)
  const changed = [{ number: 0, title: 'a new one' }, ...ISSUES]
  api.put('/repos/octo/hello/issues', { value: changed })
  for (const issues of await list()) assert.deepEqual(issues, changed)
  assert.equal(api.charged(), 2 + 3)
})
