import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { NodeStatus } from '../../../src/node/node.ts'
import { jobTokens } from '../../support/api-runners.ts'
import { compileCache } from '../../support/compile-cache.ts'
import { Fleet, FLEET_KEY, FLEET_REPOSITORY } from '../../support/fleet.ts'
import type { Machine } from '../../support/fleet.ts'
import { eventually } from '../../support/eventually.ts'
import { GitHubApi } from '../../support/github-api.ts'

const TOKENS = jobTokens(4)
const OWNERS = Object.fromEntries(TOKENS.map((token) => [token, { quota: FLEET_REPOSITORY }]))
const ISSUES = Array.from({ length: 130 }, (_, at) => ({ number: at + 1, title: `issue ${at}` }))
const PATH = `/repos/${FLEET_REPOSITORY}/issues`

/** Runs the example with Octokit on a machine, in a process of its own; resolves with what it prints. */
async function runExample(machine: Machine, api: GitHubApi, token: string): Promise<string> {
  const example = fileURLToPath(new URL('../../../examples/octokit.ts', import.meta.url))
  const env = {
    ...compileCache(),
    SWARMCACHE_HOME: machine.home,
    SWARMCACHE_KEY: FLEET_KEY,
    SWARMCACHE_REPOSITORY: FLEET_REPOSITORY,
    SWARMCACHE_LISTEN: '/ip4/127.0.0.1/tcp/0',
    GITHUB_API_URL: api.url,
    GITHUB_TOKEN: token,
  }
  const run = promisify(execFile)(process.execPath, [example], { env, timeout: 60_000 })
  const { stdout, stderr } = await run
  assert.equal(stderr, '')
  return stdout
}

async function apiStats(machine: Machine): Promise<NodeStatus['swarms'][number]['api']> {
  const { swarms } = await machine.ask<NodeStatus>('status')
  return swarms[0]!.api
}

test(
  'the door of one machine, a program on another and one after a crash share what was charged once',
  { timeout: 90_000 },
  async (t) => {
    const api = await GitHubApi.start(t, { tokens: OWNERS })
    api.put(PATH, { value: ISSUES })
    const fleet = new Fleet(t)
    const env = { GITHUB_API_URL: api.url }
    const first = fleet.machine('first', env)
    const second = fleet.machine('second', env)
    const [door, node] = await Promise.all([first.serve('--http', '0'), second.serve()])
    await Promise.all([first.meets(1), second.meets(1)])
    const { http } = door
    assert.match(http ?? '', /^http:\/\/127\.0\.0\.1:\d+$/)

    for (const page of [1, 2]) {
      const query = page === 1 ? 'per_page=100' : 'per_page=100&page=2'
      const response = await fetch(`${http}/api/github${PATH}?${query}`, {
        headers: { authorization: `token ${TOKENS[0]}`, accept: 'application/vnd.github.v3+json' },
      })
      assert.equal(response.status, 200)
      const issues = (await response.json()) as unknown[]
      assert.equal(issues.length, page === 1 ? 100 : 30)
    }
    assert.equal(api.charged(), 2)
    assert.equal((await apiStats(first)).charged, 2)

    const printed = await runExample(second, api, TOKENS[1]!)
    assert.match(printed, /^130 issues\n2 requests, 0 charged, 2 free .*peers: 2/s)
    assert.equal(api.charged(), 2)
    const { free, requests } = await apiStats(second)
    assert.deepEqual([requests, free], [2, 2])

    const kept = join(second.home, 'api', encodeURIComponent(FLEET_REPOSITORY))
    await eventually('both pages on disk', () => {
      return readdirSync(kept).filter((name) => !name.endsWith('.part')).length === 2
    })
    for (const running of [door, node]) {
      running.child.kill('SIGKILL')
      if (running.child.exitCode === null) await once(running.child, 'exit')
    }
    const alone = await runExample(second, api, TOKENS[2]!)
    assert.match(alone, /^130 issues\n2 requests, 0 charged, 2 free .*disk: 2/s)
    assert.equal(api.charged(), 2)
  },
)

test('a door where none can be opened is an error that says so', { timeout: 30_000 }, async (t) => {
  const fleet = new Fleet(t)
  const machine = fleet.machine('only')
  const wrong = await machine.run('serve', '--http', 'api.github.com')
  assert.equal(wrong.code, 2)
  assert.match(wrong.stderr, /SWARMCACHE_HTTP .*must be a port/)
  const taken = await GitHubApi.start(t)
  const busy = await machine.run('serve', '--http', new URL(taken.url).port)
  assert.notEqual(busy.code, 0)
  assert.match(busy.stderr, /cannot listen/)
})
