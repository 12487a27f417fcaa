import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jobTokens } from '../../support/api-runners.ts'
import { createSwarmRunner, joinRunners } from '../../support/api-swarm.ts'
import { GitHubApi } from '../../support/github-api.ts'
import { createMembers } from '../../support/swarm-nodes.ts'

const TOKENS = jobTokens(20)
const OWNERS = Object.fromEntries(TOKENS.map((token) => [token, { quota: 'octocat/hello' }]))
const ISSUES = Array.from({ length: 120 }, (_, at) => ({
  number: at + 1,
  title: `issue ${at}`,
  body: 'text '.repeat(60),
}))
const REPOSITORY = { full_name: 'octocat/hello', description: 'x'.repeat(2000) }

test(
  '20 runners with 20 tokens over libp2p, 100 identical requests at once and pages: one charged request a page',
  { timeout: 100_000 },
  async (t) => {
    const api = await GitHubApi.start(t, { tokens: OWNERS })
    api.put('/repos/octocat/hello', { value: REPOSITORY })
    api.put('/repos/octocat/hello/issues', { value: ISSUES })
    const createMember = createMembers()
    const runners = TOKENS.map(() => createSwarmRunner(createMember(), { url: api.url }))
    await joinRunners(t, runners)
    const clients = runners.map((runner, at) => runner.octokit(TOKENS[at]!))
    const repo = { owner: 'octocat', repo: 'hello' }

    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, at) => await clients[at % 20]!.rest.repos.get(repo)),
    )
    for (const answer of answers) {
      assert.equal(answer.status, 200)
      assert.deepEqual(answer.data, REPOSITORY)
      assert.match(`${answer.headers['cache-status']}`, /^swarmcache; /)
    }
    assert.equal(api.charged('/repos/octocat/hello'), 1)

    const lists = await Promise.all(
      clients.map(async (client) => {
        const links: (string | undefined)[] = []
        const list = await client.paginate(
          client.rest.issues.listForRepo,
          { ...repo, per_page: 50 },
          ({ data, headers }) => {
            links.push(headers.link)
            return data
          },
        )
        return { list, links }
      }),
    )
    for (const { list, links } of lists) {
      assert.deepEqual(list, ISSUES)
      assert.equal(links.length, 3)
      assert.match(links[0]!, /page=2>; rel="next"/)
      assert.match(links[1]!, /page=3>; rel="next"/)
    }
    for (const page of ['', '&page=2', '&page=3']) {
      assert.equal(api.charged(`/repos/octocat/hello/issues?per_page=50${page}`), 1, page)
    }
    assert.equal(api.quotas.used('octocat/hello'), 4)
    const fromPeers = runners.map(({ cache }) => cache.stats().tiers.peers)
    assert.ok(
      fromPeers.filter((count) => count > 0).length >= 15,
      `from peers: ${fromPeers.join(' ')}`,
    )
    for (const { banned } of runners) assert.deepEqual([...banned], [])
  },
)
