import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { startCacheService } from '../../../src/cli/demo/cache-service.ts'
import { digestOf } from '../../../src/core/digest.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { ActionsCacheUpstream } from '../../../src/store/actions-cache-upstream.ts'
import { upstreamContract } from '../../contract/upstream.ts'
import {
  callPlainClient,
  MAIN,
  makeFolder,
  makeUpstream,
  startService,
  TOKEN,
} from '../../support/upstream-service.ts'

const OPTIONS = { timeout: 60_000 }
const TOPIC = 'refs/heads/topic'

upstreamContract('ActionsCacheUpstream', async (t) => {
  const repository = 'octo/cache'
  const service = await startCacheService({
    tokens: {
      [MAIN]: { repository, writeScope: MAIN, readScopes: [MAIN] },
      [TOPIC]: { repository, writeScope: TOPIC, readScopes: [TOPIC, MAIN] },
    },
  })
  t.after(() => service.close())
  return {
    create: ({ scope, workingDirectory }) => {
      const env = { PATH: process.env['PATH'], ...service.environment(scope) }
      const options = { env, workingDirectory }
      const upstream = new ActionsCacheUpstream({ logger: silentLogger }, options)
      t.after(() => upstream.close())
      return upstream
    },
  }
})

for (const protocol of ['v2', 'v1'] as const) {
  test(
    `${protocol}: what we save plain @actions/cache restores, and the reverse`,
    OPTIONS,
    async (t) => {
      const service = await startService(t)
      const env = service.environment(TOKEN, protocol)
      const [ours, theirs] = [await makeFolder(t), await makeFolder(t)]
      await mkdir(path.join(ours, 'deps/inner'), { recursive: true })
      await writeFile(path.join(ours, 'deps/inner/a'), 'written by us')
      const { upstream } = makeUpstream(t, {
        env: { ...env, GITHUB_WORKSPACE: ours },
        workingDirectory: ours,
      })
      const paths = ['deps/*', '!deps/skip']
      assert.equal(await upstream.save(paths, 'ours'), true)
      assert.equal(await callPlainClient('restore', theirs, paths, 'ours', env), 'ours')
      assert.equal(await readFile(path.join(theirs, 'deps/inner/a'), 'utf8'), 'written by us')

      await writeFile(path.join(theirs, 'deps/inner/a'), 'written by them')
      await callPlainClient('save', theirs, paths, 'theirs', env)
      assert.deepEqual(await upstream.restore(paths, 'theirs', []), { key: 'theirs' })
      assert.equal(await readFile(path.join(ours, 'deps/inner/a'), 'utf8'), 'written by them')
      assert.deepEqual(await upstream.lookup(paths, 'their', []), { key: 'theirs' })
      assert.equal(await upstream.lookup(['deps'], 'theirs', []), undefined)
      assert.equal(await upstream.save(paths, 'theirs'), false)
      assert.equal(service.stats().entries, 2)
    },
  )
}

test(
  'an archive too large for one request goes up in blocks and comes back whole',
  OPTIONS,
  async (t) => {
    const service = await startService(t)
    const folder = await makeFolder(t)
    const file = path.join(folder, 'large')
    const bytes = randomBytes(130 * 1024 * 1024)
    await writeFile(file, bytes)
    const env = service.environment(TOKEN)
    const { upstream } = makeUpstream(t, { env, workingDirectory: folder })
    assert.equal(await upstream.save(['large'], 'k'), true)
    // Three blocks of up to 64 MiB and the list that puts them in order.
    assert.equal(service.stats().requests['upload'], 4)
    await writeFile(file, 'changed')
    assert.deepEqual(await upstream.restore(['large'], 'k', []), { key: 'k' })
    assert.equal(digestOf(await readFile(file)), digestOf(bytes))
  },
)

test('calls at the same time each get their own answer', OPTIONS, async (t) => {
  const service = await startService(t)
  const folder = await makeFolder(t)
  for (const name of ['a', 'b', 'c']) await writeFile(path.join(folder, name), name)
  const { upstream } = makeUpstream(t, {
    env: service.environment(TOKEN),
    workingDirectory: folder,
  })
  const saved = await Promise.all(['a', 'b', 'c'].map((name) => upstream.save([name], name)))
  assert.deepEqual(saved, [true, true, true])
  const [a, b, none] = await Promise.all([
    upstream.lookup(['a'], 'a', []),
    upstream.restore(['b'], 'b', []),
    upstream.restore(['c'], 'other', []),
  ])
  assert.deepEqual([a, b, none], [{ key: 'a' }, { key: 'b' }, undefined])
})

test(
  'away from the workspace, relative paths mean the working directory and absolute ones stay',
  OPTIONS,
  async (t) => {
    const service = await startService(t)
    const [workspace, folder] = [await makeFolder(t), await makeFolder(t)]
    await writeFile(path.join(folder, 'data'), 'here')
    const env = { ...service.environment(TOKEN), GITHUB_WORKSPACE: workspace }
    const { upstream } = makeUpstream(t, { env, workingDirectory: folder })
    assert.equal(await upstream.save(['data'], 'relative'), true)
    const other = await makeFolder(t)
    await upstream.restore(['data'], 'relative', [], { workingDirectory: other })
    assert.equal(await readFile(path.join(other, 'data'), 'utf8'), 'here')

    const absolute = path.join(folder, 'data')
    assert.equal(await upstream.save([absolute], 'absolute'), true)
    await writeFile(absolute, 'changed')
    const plain = service.environment(TOKEN)
    assert.equal(
      await callPlainClient('restore', workspace, [absolute], 'absolute', plain),
      'absolute',
    )
    assert.equal(await readFile(absolute, 'utf8'), 'here')

    await assert.rejects(upstream.save(['data', absolute], 'both'), {
      code: 'ERR_UPSTREAM',
      message: /relative and absolute paths together/,
    })
  },
)
