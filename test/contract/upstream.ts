import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { isSwarmCacheError } from '../../src/core/errors.ts'
import type { Upstream } from '../../src/store/store.ts'

/** Who asks: the scope its saves belong to and the scopes it may read. */
export interface UpstreamCaller {
  readonly scope: string
  readonly readable: readonly string[]
  readonly workingDirectory: string
}

/** Makes upstreams that share one empty service. */
export interface UpstreamFixture {
  readonly create: (caller: UpstreamCaller) => Upstream
}

const MAIN = 'refs/heads/main'
const TOPIC = 'refs/heads/topic'
const OPTIONS = { timeout: 30_000 }

/** Holds an implementation of `Upstream` to its contract. */
export function upstreamContract(
  name: string,
  start: (t: TestContext) => Promise<UpstreamFixture>,
): void {
  test(
    `${name}: a saved tree is restored elsewhere with contents, modes and links`,
    OPTIONS,
    async (t) => {
      const { create } = await start(t)
      const [from, to] = [await folderOf(t), await folderOf(t)]
      await makeTree(from)
      const writer = create({ scope: MAIN, readable: [MAIN], workingDirectory: from })
      const reader = create({ scope: MAIN, readable: [MAIN], workingDirectory: to })
      assert.equal(await writer.save(['tree'], 'k-1'), true)
      let progress = 0
      const hit = await reader.restore(['tree'], 'k-1', [], {
        onProgress: (bytes) => (progress = bytes),
      })
      assert.deepEqual(hit, { key: 'k-1' })
      assert.ok(progress > 0)
      assert.equal(await readFile(path.join(to, 'tree/a.txt'), 'utf8'), 'alpha')
      assert.equal((await stat(path.join(to, 'tree/run.sh'))).mode & 0o777, 0o755)
      assert.equal(await readlink(path.join(to, 'tree/link')), 'a.txt')
      assert.ok((await stat(path.join(to, 'tree/empty'))).isDirectory())
    },
  )

  test(
    `${name}: a call's own working directory is where its relative paths are`,
    OPTIONS,
    async (t) => {
      const { create } = await start(t)
      const [home, from, to] = [await folderOf(t), await folderOf(t), await folderOf(t)]
      await makeTree(from)
      const upstream = create({ scope: MAIN, readable: [MAIN], workingDirectory: home })
      assert.equal(await upstream.save(['tree'], 'k', { workingDirectory: from }), true)
      const hit = await upstream.restore(['tree'], 'k', [], { workingDirectory: to })
      assert.deepEqual(hit, { key: 'k' })
      assert.equal(await readFile(path.join(to, 'tree/a.txt'), 'utf8'), 'alpha')
    },
  )

  test(
    `${name}: a lookup finds exact keys, prefixes and restore keys, and writes nothing`,
    OPTIONS,
    async (t) => {
      const { create } = await start(t)
      const folder = await folderOf(t)
      await makeTree(folder)
      const upstream = create({ scope: MAIN, readable: [MAIN], workingDirectory: folder })
      await upstream.save(['tree'], 'npm-linux-1')
      await upstream.save(['tree'], 'npm-linux-2')
      await rm(path.join(folder, 'tree'), { recursive: true })
      assert.deepEqual(await upstream.lookup(['tree'], 'npm-linux-1', []), { key: 'npm-linux-1' })
      assert.deepEqual(await upstream.lookup(['tree'], 'npm-linux', []), { key: 'npm-linux-2' })
      assert.deepEqual(await upstream.lookup(['tree'], 'x', ['y', 'npm-']), { key: 'npm-linux-2' })
      assert.equal(await upstream.lookup(['tree'], 'x', ['y']), undefined)
      assert.equal(await upstream.lookup(['other'], 'npm-linux-1', []), undefined)
      assert.equal(await upstream.restore(['tree'], 'x', []), undefined)
      await assert.rejects(stat(path.join(folder, 'tree')), { code: 'ENOENT' })
    },
  )

  test(
    `${name}: a second save under a taken name is false and changes nothing`,
    OPTIONS,
    async (t) => {
      const { create } = await start(t)
      const folder = await folderOf(t)
      await makeTree(folder)
      const upstream = create({ scope: MAIN, readable: [MAIN], workingDirectory: folder })
      assert.equal(await upstream.save(['tree'], 'k'), true)
      await writeFile(path.join(folder, 'tree/a.txt'), 'changed')
      assert.equal(await upstream.save(['tree'], 'k'), false)
      await upstream.restore(['tree'], 'k', [])
      assert.equal(await readFile(path.join(folder, 'tree/a.txt'), 'utf8'), 'alpha')
    },
  )

  test(`${name}: an entry of a scope that may not be read is a miss`, OPTIONS, async (t) => {
    const { create } = await start(t)
    const folder = await folderOf(t)
    await makeTree(folder)
    const topic = create({ scope: TOPIC, readable: [TOPIC, MAIN], workingDirectory: folder })
    const main = create({ scope: MAIN, readable: [MAIN], workingDirectory: folder })
    await topic.save(['tree'], 'k')
    assert.equal(await main.lookup(['tree'], 'k', []), undefined)
    await main.save(['tree'], 'm')
    assert.deepEqual(await topic.lookup(['tree'], 'm', []), { key: 'm' })
  })

  test(`${name}: bad input and a path that does not exist are refused`, OPTIONS, async (t) => {
    const { create } = await start(t)
    const folder = await folderOf(t)
    const upstream = create({ scope: MAIN, readable: [MAIN], workingDirectory: folder })
    await assert.rejects(upstream.lookup(['tree'], 'a,b', []), { code: 'ERR_INPUT' })
    await assert.rejects(upstream.restore([], 'a', []), { code: 'ERR_INPUT' })
    await assert.rejects(upstream.save(['nowhere'], 'a'), (error) => {
      assert.ok(isSwarmCacheError(error, 'ERR_UPSTREAM'))
      assert.match(error.message, /not exist/)
      return true
    })
  })

  test(
    `${name}: an abort rejects with its reason, a closed upstream with ERR_CLOSED`,
    OPTIONS,
    async (t) => {
      const { create } = await start(t)
      const folder = await folderOf(t)
      await makeTree(folder)
      const upstream = create({ scope: MAIN, readable: [MAIN], workingDirectory: folder })
      const reason = new Error('enough')
      const controller = new AbortController()
      const saving = upstream.save(['tree'], 'k', { signal: controller.signal })
      controller.abort(reason)
      await assert.rejects(saving, reason)
      await upstream.close()
      await assert.rejects(upstream.lookup(['tree'], 'k', []), { code: 'ERR_CLOSED' })
    },
  )
}

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'upstream-contract-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function makeTree(folder: string): Promise<void> {
  const tree = path.join(folder, 'tree')
  await mkdir(path.join(tree, 'empty'), { recursive: true })
  await writeFile(path.join(tree, 'a.txt'), 'alpha')
  await writeFile(path.join(tree, 'run.sh'), '#!/bin/sh\n', { mode: 0o755 })
  await symlink('a.txt', path.join(tree, 'link'))
}
