import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { bundleAction } from '../../../.github/scripts/bundle.ts'
import { jobTokens } from '../../support/api-runners.ts'
import { GitHubApi } from '../../support/github-api.ts'
import { nodeOf, WorkflowJob } from '../../support/workflow-job.ts'

const REPOSITORY = 'octo/cache'
const PATH = `/repos/${REPOSITORY}/labels`
const LABELS = [{ name: 'bug' }, { name: 'good first issue' }]

test(
  'a step that asks for the door lets the job read the API through it, and its summary says what that saved',
  { timeout: 90_000 },
  async (t) => {
    const bundle = await mkdtemp(join(tmpdir(), 'swarmcache-action-'))
    t.after(() => rm(bundle, { recursive: true, force: true }))
    await bundleAction(join(bundle, 'dist'))
    await writeFile(join(bundle, 'package.json'), '{"type":"module"}')
    const [token = ''] = jobTokens(1)
    const api = await GitHubApi.start(t, { tokens: { [token]: { quota: REPOSITORY } } })
    api.put(PATH, { value: LABELS })
    const port = await freePort()
    const job = await WorkflowJob.start(t, {
      bundle: join(bundle, 'dist'),
      env: { GITHUB_API_URL: api.url, SWARMCACHE_HTTP: String(port), SWARMCACHE_UPSTREAM: 'off' },
    })
    const inputs = {
      mode: 'serve',
      'swarm-key': 'a swarm key of the tests, long enough',
      registry: `dir:${join(job.home, 'registry')}`,
    }
    const main = await job.main(t, inputs)
    assert.equal(main.code, 0, main.log)
    assert.ok(nodeOf(main) !== undefined, main.log)

    for (const status of ['fwd-status=200', 'fwd-status=304']) {
      const response = await fetch(`http://127.0.0.1:${port}/api/github${PATH}`, {
        headers: { authorization: `Bearer ${token}` },
      })
      assert.equal(response.status, 200)
      assert.deepEqual(await response.json(), LABELS)
      assert.ok(response.headers.get('cache-status')?.includes(status))
    }

    const post = await job.post(main, inputs)
    assert.equal(post.code, 0, post.log)
    assert.match(post.summary, /GitHub API[\s\S]*\| 2 \| 1 \| 1 \(1 confirmed at no cost\) \|/)
    assert.doesNotMatch(main.log + post.log, new RegExp(token))
  },
)

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
