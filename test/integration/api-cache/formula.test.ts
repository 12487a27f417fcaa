import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiRunners, jobTokens } from '../../support/api-runners.ts'
import type { ApiRunner } from '../../support/api-runners.ts'
import { GitHubApi } from '../../support/github-api.ts'

const TOKENS = jobTokens(5)
const OWNERS = Object.fromEntries(TOKENS.map((token) => [token, { quota: 'octo/hello' }]))
const [ONE, TWO] = TOKENS as [string, string]

test('after the formula has changed: right answers, one notice, and each token pays for its own first', async (t) => {
  const api = await GitHubApi.start(t, { tokens: OWNERS })
  api.put('/thing', { value: { version: 1 } })
  const runner = new ApiRunners(api).add()
  const round = async (version: number): Promise<void> => {
    const answers = await Promise.all(TOKENS.map((token) => runner.get('/thing', token)))
    for (const answer of answers) {
      assert.equal(answer.status, 200)
      assert.deepEqual(await answer.json(), { version })
    }
  }
  await round(1)
  assert.equal(api.charged(), 1)
  api.formula = 'changed'
  await round(1)
  assert.equal(api.charged(), 1 + 5)
  await round(1)
  assert.equal(api.charged(), 1 + 5, 'the ETags that each token was given hold')
  api.put('/thing', { value: { version: 2 } })
  await round(2)
  await round(2)
  assert.equal(api.charged(), 1 + 5 + 5)
  assert.equal(runner.lines.filter((line) => line.startsWith('notice:')).length, 1)
  assert.match(runner.lines.join('\n'), /notice: The ETags of 127\.0\.0\.1:\d+ no longer follow/)
  assert.equal(runner.cache.stats().failed, 0)
})

test('with a formula that never held nothing is guessed after a few answers', async (t) => {
  const api = await GitHubApi.start(t, { tokens: OWNERS })
  api.formula = 'changed'
  for (const name of 'abcdef') api.put(`/${name}`, { value: { name } })
  const runner = new ApiRunners(api).add()
  for (const name of 'abcdef') {
    assert.deepEqual(await (await runner.get(`/${name}`, ONE)).json(), { name })
  }
  const guesses = api.calls.map(({ headers }) => headers['if-none-match'] !== undefined)
  assert.deepEqual(guesses, [true, true, true, false, false, false])
})

test('without ETags nothing is stored', async (t) => {
  const api = await GitHubApi.start(t, { tokens: OWNERS })
  api.formula = 'none'
  api.put('/thing', { value: {} })
  const runner = new ApiRunners(api).add()
  for (const token of [ONE, ONE, TWO]) assert.equal((await runner.get('/thing', token)).status, 200)
  assert.equal(api.charged(), 3)
  assert.equal(runner.shelf.usage().answers, 0)
})

test('what a token got is another token’s for free, compressed, pretty-printed or of any media type', async (t) => {
  const api = await GitHubApi.start(t, { tokens: OWNERS })
  const value = { text: 'x'.repeat(3000) }
  api.put('/file', { value, raw: 'raw text' })
  const runner = new ApiRunners(api).add()
  const get = async (token: string, headers: Record<string, string>): Promise<string> =>
    await (await runner.get('/file', token, { headers })).text()
  for (const token of [ONE, TWO, ONE, TWO]) {
    assert.deepEqual(JSON.parse(await get(token, { 'user-agent': 'curl/8.5.0' })), value)
    assert.equal(await get(token, { accept: 'application/vnd.github.raw+json' }), 'raw text')
    assert.deepEqual(JSON.parse(await get(token, { accept: 'application/json' })), value)
  }
  assert.equal(api.charged(), 3, 'one for each media type')
  const spellings = ['Bearer', 'bearer', 'token'].map((scheme) => `${scheme} ${ONE}`)
  for (const authorization of spellings) await get(ONE, { authorization })
  assert.equal(api.charged(), 3)
})

test('a list that is empty is free for everybody, and typed as JSON', async (t) => {
  const api = await GitHubApi.start(t, { tokens: OWNERS })
  api.put('/repos/octo/hello/releases', { value: [] })
  const runners = new ApiRunners(api)
  for (const token of TOKENS) {
    const client = runners.add().octokit(token)
    const repo = { owner: 'octo', repo: 'hello' }
    assert.deepEqual((await client.rest.repos.listReleases(repo)).data, [])
  }
  assert.equal(api.charged(), 0)
})

for (const linkOn304 of [false, true]) {
  test(`a list that grew beyond a full page is seen whole, if a 304 has ${linkOn304 ? 'a' : 'no'} Link`, async (t) => {
    const api = await GitHubApi.start(t, { tokens: OWNERS, linkOn304 })
    const items = Array.from({ length: 4 }, (_, id) => ({ id, name: `label ${id}` }))
    api.put('/repos/octo/hello/labels', { value: items.slice(0, 2) })
    const runner = new ApiRunners(api).add()
    const list = async (token: string): Promise<unknown> => {
      const client = runner.octokit(token)
      const options = { owner: 'octo', repo: 'hello', per_page: 2 }
      return await client.paginate(client.rest.issues.listLabelsForRepo, options)
    }
    for (const token of TOKENS) assert.deepEqual(await list(token), items.slice(0, 2))
    assert.equal(api.charged(), 1, 'that there is no second page costs nothing')
    api.put('/repos/octo/hello/labels', { value: items })
    for (const token of TOKENS) assert.deepEqual(await list(token), items)
    assert.ok(api.charged() <= 4, `${api.charged()} were charged`)
  })
}

test('requests that are none of the cache’s go out as they are', async (t) => {
  const api = await GitHubApi.start(t, { tokens: OWNERS })
  api.put('/thing', { value: { a: 1 } })
  const runner = new ApiRunners(api).add()
  const status = async (path: string, init: RequestInit): Promise<[number, string | null]> => {
    const answer = await runner.get(path, ONE, init)
    return [answer.status, answer.headers.get('cache-status')]
  }
  const bypass = 'swarmcache; fwd=bypass; fwd-status=200'
  assert.deepEqual(await status('/rate_limit', {}), [200, bypass])
  assert.deepEqual(await status('/graphql', { method: 'POST', body: '{}' }), [
    200,
    'swarmcache; fwd=method; fwd-status=200',
  ])
  const own = { headers: { 'if-none-match': '"mine"' } }
  assert.deepEqual(await status('/thing', own), [200, 'swarmcache; fwd=request; fwd-status=200'])
  assert.equal(api.calls.at(-1)?.headers['if-none-match'], '"mine"')
  const etag = (await runner.get('/thing', ONE)).headers.get('etag') ?? ''
  assert.equal((await status('/thing', { headers: { 'if-none-match': etag } }))[0], 304)
  const elsewhere = await GitHubApi.start(t, { tokens: OWNERS })
  elsewhere.put('/thing', { value: 'elsewhere' })
  const foreign = await runner.cache.fetch(`${elsewhere.url}/thing`)
  assert.equal(foreign.headers.get('cache-status'), null)
  assert.equal(runner.cache.stats().passed, 4)
})

test('HEAD is answered by what a GET brought', async (t) => {
  const api = await GitHubApi.start(t, { tokens: OWNERS })
  api.put('/thing', { value: { a: 1 } })
  const runner: ApiRunner = new ApiRunners(api).add()
  await runner.get('/thing', ONE)
  const head = await runner.get('/thing', TWO, { method: 'HEAD' })
  assert.equal(head.status, 200)
  assert.equal(head.headers.get('content-length'), '7')
  assert.equal(await head.text(), '')
  assert.equal(api.charged(), 1)
})
