import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { text } from 'node:stream/consumers'
import { Octokit } from '@octokit/rest'
import { silentLogger } from '../../../src/core/logger.ts'
import { GithubApiRoute } from '../../../src/gateway/github-api-route.ts'
import { HttpGateway } from '../../../src/gateway/http-gateway.ts'
import { ApiRunners, jobTokens } from '../../support/api-runners.ts'
import { GitHubApi } from '../../support/github-api.ts'

const TOKENS = jobTokens(3)
const OWNERS = Object.fromEntries(TOKENS.map((token) => [token, { quota: 'octo/hello' }]))
const ISSUES = Array.from({ length: 25 }, (_, at) => ({ number: at + 1, title: `issue ${at}` }))
const AUTHORIZATION = `Bearer ${TOKENS[0]}`

interface Door {
  readonly api: GitHubApi
  readonly url: string
}

async function openDoor(t: TestContext): Promise<Door> {
  const api = await GitHubApi.start(t, { tokens: OWNERS })
  const { cache } = new ApiRunners(api).add()
  const route = new GithubApiRoute({ cache }, { apiUrl: api.url })
  const gateway = new HttpGateway(
    { routes: [route], logger: silentLogger },
    { host: '127.0.0.1', port: 0 },
  )
  await gateway.start()
  t.after(async () => await gateway.stop())
  return { api, url: gateway.url }
}

/** A request exactly as it is given, which `fetch` would not send. */
async function send(
  door: Door,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<{ status: number; headers: IncomingMessage['headers']; body: string }> {
  const { hostname, port } = new URL(door.url)
  const { method, headers, body } = options
  const sent = request({ hostname, port, path, method, headers, agent: false })
  sent.end(body)
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  return {
    status: response.statusCode!,
    headers: response.headers,
    body: await text(response),
  }
}

test('clients that follow links stay with the door, and share what others of them got', async (t) => {
  const door = await openDoor(t)
  door.api.put('/repos/octo/hello/issues', { value: ISSUES })
  for (const [token, prefix] of [
    [TOKENS[0], 'api/github'],
    [TOKENS[1], 'api/v3'],
    [TOKENS[2], 'api/github'],
  ]) {
    const client = new Octokit({ auth: token, baseUrl: `${door.url}/${prefix}` })
    const links: string[] = []
    const issues = await client.paginate(
      client.rest.issues.listForRepo,
      { owner: 'octo', repo: 'hello', per_page: 10 },
      ({ data, headers }) => {
        links.push(headers.link ?? '')
        assert.match(`${headers['cache-status']}`, /^swarmcache; fwd=/)
        return data
      },
    )
    assert.deepEqual(issues, ISSUES)
    assert.ok(links.every((link) => link.includes(`<${door.url}/${prefix}/repos/octo/hello/`)))
    assert.ok(!links.join().includes(door.api.url))
  }
  assert.equal(door.api.charged(), 3)
})

test('a repository that moved is found through the door, too', async (t) => {
  const door = await openDoor(t)
  door.api.put('/repos/octo/old', { movedTo: '/repos/octo/new' })
  door.api.put('/repos/octo/new', { value: { full_name: 'octo/new' } })
  const answer = await send(door, '/api/github/repos/octo/old', {
    headers: { authorization: AUTHORIZATION },
  })
  assert.equal(answer.status, 301)
  assert.equal(answer.headers.location, `${door.url}/api/github/repos/octo/new`)
  const client = new Octokit({ auth: TOKENS[0], baseUrl: `${door.url}/api/github` })
  const { data } = await client.rest.repos.get({ owner: 'octo', repo: 'old' })
  assert.deepEqual(data, { full_name: 'octo/new' })
})

test('writes and GraphQL pass with their bodies, and are not kept', async (t) => {
  const door = await openDoor(t)
  const headers = { authorization: AUTHORIZATION, 'content-type': 'application/json' }
  for (let at = 0; at < 2; at += 1) {
    const posted = await fetch(`${door.url}/api/github/repos/octo/hello/issues`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ title: 'x'.repeat(2_000_000) }),
    })
    assert.equal(posted.status, 201)
    assert.match(posted.headers.get('cache-status') ?? '', /fwd=method/)
    const asked = await fetch(`${door.url}/api/github/graphql`, {
      method: 'POST',
      headers,
      body: '{"query":"{viewer{login}}"}',
    })
    assert.equal(asked.status, 200)
    assert.deepEqual(await asked.json(), { data: {} })
  }
  assert.equal(door.api.charged(), 4)
  const last = door.api.calls.at(-1)!
  assert.equal(last.method, 'POST')
  assert.equal(last.headers.authorization, AUTHORIZATION)
  assert.equal(last.headers['content-length'], '27')
})

test('the errors of GitHub and conditions of the caller come through as they are', async (t) => {
  const door = await openDoor(t)
  door.api.put('/repos/octo/hello', { value: { a: 1 } })
  const get = async (path: string, headers: Record<string, string>): Promise<number> =>
    (await send(door, `/api/github${path}`, { headers })).status
  assert.equal(await get('/repos/octo/none', { authorization: AUTHORIZATION }), 404)
  assert.equal(await get('/repos/octo/hello', { authorization: 'Bearer ghs_unknown' }), 401)
  const first = await send(door, '/api/github/repos/octo/hello', {
    headers: { authorization: AUTHORIZATION },
  })
  const etag = first.headers.etag!
  const headers = { authorization: AUTHORIZATION, 'if-none-match': etag }
  assert.equal(await get('/repos/octo/hello', headers), 304)
  const head = await send(door, '/api/github/repos/octo/hello', {
    method: 'HEAD',
    headers: { authorization: AUTHORIZATION },
  })
  assert.deepEqual([head.status, head.body], [200, ''])
})

test('it is no open proxy: other hosts, names and ways out of the API are refused', async (t) => {
  const door = await openDoor(t)
  const refused: [number, string, Parameters<typeof send>[2]?][] = [
    [421, '/api/github/user', { headers: { host: 'attacker.example' } }],
    [421, '/api/github/user', { headers: { host: 'localhost@attacker.example' } }],
    [421, '/api/github/user', { headers: { host: 'localhost.attacker.example:80' } }],
    [403, '/api/github/user', { headers: { 'sec-fetch-site': 'cross-site' } }],
    [400, 'http://attacker.example/api/github/user'],
    [404, '/user'],
    [404, '/api/githubx/user'],
    [404, '//attacker.example/api/github/user'],
    [405, '/api/github/user', { method: 'OPTIONS' }],
    [405, '/api/github/user', { method: 'TRACE' }],
    [413, '/api/github/user', { method: 'POST', headers: { 'content-length': '999999999' } }],
  ]
  for (const [status, path, options] of refused) {
    const answer = await send(door, path, options)
    assert.equal(answer.status, status, `${path} ${JSON.stringify(options)}`)
    assert.match(answer.body, /"swarmcache: /)
  }
  assert.equal(door.api.calls.length, 0)
  for (const path of [
    '/api/github/../../user',
    '/api/github//attacker.example/',
    '/api/github/\\x',
  ]) {
    await send(door, path, { headers: { authorization: AUTHORIZATION } })
  }
  // Whatever the path, only the API was asked.
  for (const call of door.api.calls) assert.equal(call.headers.host, new URL(door.api.url).host)
})

test('there are no tunnels and no other protocols through the door', async (t) => {
  const door = await openDoor(t)
  const { hostname, port } = new URL(door.url)
  for (const head of [
    'CONNECT api.github.com:443 HTTP/1.1\r\nHost: api.github.com:443\r\n\r\n',
    'GET /api/github/ HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  ]) {
    const socket = connect(Number(port), hostname)
    socket.write(head)
    assert.equal(await text(socket), '')
  }
  assert.equal(door.api.calls.length, 0)
})

test('headers of one connection stay with it, all others go on', async (t) => {
  const door = await openDoor(t)
  door.api.put('/user', { value: { login: 'octo' } })
  await send(door, '/api/github/user', {
    headers: {
      authorization: AUTHORIZATION,
      connection: 'close, x-private',
      'x-private': '1',
      'x-public': '2',
      te: 'trailers',
      'proxy-authorization': 'Basic eDp5',
    },
  })
  const { headers } = door.api.calls[0]!
  assert.equal(headers['x-public'], '2')
  for (const name of ['x-private', 'te', 'proxy-authorization']) assert.ok(!(name in headers), name)
})

test('a GitHub that cannot be reached is a 502 that says so', async (t) => {
  const door = await openDoor(t)
  await door.api.close()
  const answer = await send(door, '/api/github/user', {
    headers: { authorization: AUTHORIZATION },
  })
  assert.equal(answer.status, 502)
  assert.match(answer.body, /GitHub cannot be reached/)
})
