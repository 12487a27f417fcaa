import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { GitHubApi } from '../../support/github-api.ts'

const TOKENS = {
  ghs_one: { quota: 'octo/hello' },
  ghs_two: { quota: 'octo/hello' },
  ghp_other: { quota: 'other', limit: 5000 },
}

test('the stand-in makes ETags as GitHub does, of the headers and the body before compression', async (t) => {
  const api = await GitHubApi.start(t, { tokens: TOKENS })
  api.put('/user', { value: { login: 'octocat', bio: 'x'.repeat(500) } })
  const headers = { authorization: 'token ghs_one', accept: 'application/json' }
  const answer = await fetch(`${api.url}/user`, { headers })
  const body = await answer.text()
  const hash = createHash('sha256').update(`application/json:token ghs_one:${body}`).digest('hex')
  assert.equal(answer.headers.get('etag'), `W/"${hash}"`)
  const curl = { ...headers, 'user-agent': 'curl/8' }
  const pretty = await fetch(`${api.url}/user`, { headers: curl })
  assert.equal(pretty.headers.get('etag'), `W/"${hash}"`)
  assert.equal(await pretty.text(), `${JSON.stringify(JSON.parse(body), null, 2)}\n`)
})

test('the stand-in charges all tokens of a repository to one quota, and a 304 to none', async (t) => {
  const api = await GitHubApi.start(t, { tokens: TOKENS })
  api.put('/user', { value: {} })
  const get = async (token: string, etag = ''): Promise<Response> =>
    await fetch(`${api.url}/user`, {
      headers: { authorization: `Bearer ${token}`, 'if-none-match': etag },
    })
  const first = await get('ghs_one')
  await get('ghs_two')
  const other = await get('ghp_other')
  assert.equal(other.headers.get('x-ratelimit-remaining'), '4999')
  const same = await get('ghs_one', first.headers.get('etag') ?? '')
  assert.equal(same.status, 304)
  assert.equal(same.headers.get('x-ratelimit-remaining'), '998')
  assert.equal((await get('ghs_two', first.headers.get('etag') ?? '')).status, 200)
  assert.equal(api.charged(), 4)
})

test('the stand-in pages lists and hides what a token may not see', async (t) => {
  const api = await GitHubApi.start(t, { tokens: TOKENS })
  api.put('/repos/octo/hello/tags', { value: [1, 2, 3], readers: ['ghs_one'] })
  const get = async (token: string): Promise<Response> =>
    await fetch(`${api.url}/repos/octo/hello/tags?per_page=2`, {
      headers: { authorization: `Bearer ${token}` },
    })
  const page = await get('ghs_one')
  assert.deepEqual(await page.json(), [1, 2])
  assert.match(page.headers.get('link') ?? '', /page=2>; rel="next", <[^>]*page=2>; rel="last"/)
  assert.equal((await get('ghs_two')).status, 404)
  assert.equal((await get('ghs_unknown')).status, 401)
})
