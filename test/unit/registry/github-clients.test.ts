import assert from 'node:assert/strict'
import { stat, symlink } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { test } from 'node:test'
import type { GithubRegistry } from '../../../src/registry/github-registry.ts'
import { createRecord } from '../../contract/registry.ts'
import { GithubPlace, idsOf } from '../../support/github-place.ts'
import { makeFolder, makeUpstream } from '../../support/upstream-service.ts'

const options = { timeout: 60_000 }

for (const protocol of ['v2', 'v1'] as const) {
  test(
    `what @actions/cache writes over protocol ${protocol} is found by lookups, by @octokit/rest, and deleted by it`,
    options,
    async (t) => {
      const place = await GithubPlace.start(t)
      const env = place.service.environment('main', protocol)
      // The client takes the older protocol for any server but GitHub's own.
      const server = protocol === 'v1' ? 'https://github.example' : 'https://github.com'
      const { upstream } = makeUpstream(t, { env: { ...env, GITHUB_SERVER_URL: server } })
      const open = (token: 'main' | 'main-read' | 'main-write'): GithubRegistry =>
        place.open(token, { upstream, protocol })
      const [staying, leaving] = [createRecord(), createRecord()]
      await open('main').announce(staying)
      const registry = open('main-write')
      await registry.announce(leaving)
      assert.deepEqual(idsOf(await open('main-read').discover()), idsOf([staying, leaving]))
      const found = await open('main').discover()
      assert.ok(found.length > 0, 'lookups see what the client wrote')
      for (const record of found)
        assert.ok([staying.peerId, leaving.peerId].includes(record.peerId))
      await registry.withdraw(leaving.peerId)
      assert.deepEqual(await open('main-read').discover(), [staying])
      assert.deepEqual(await open('main').discover(), [staying])
    },
  )
}

test('what a machine without zstd announces is found by those that have it', options, async (t) => {
  const place = await GithubPlace.start(t)
  const folder = await makeFolder(t)
  for (const tool of ['tar', 'gzip']) await symlink(await pathOf(tool), join(folder, tool))
  const env = { ...place.service.environment('main'), PATH: folder }
  const { upstream } = makeUpstream(t, { env })
  const record = createRecord()
  await place.open('main', { upstream }).announce(record)
  assert.deepEqual(await place.open('main').discover(), [record])
})

async function pathOf(tool: string): Promise<string> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, tool)
    if (await stat(path).catch(() => undefined)) return path
  }
  assert.fail(`${tool} is not installed`)
}
