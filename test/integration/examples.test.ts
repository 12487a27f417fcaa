import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { compileCache } from '../support/compile-cache.ts'

/** Runs an example in a project of its own, which keeps its cache between runs. */
function project(t: TestContext): (example: string) => Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'swarmcache-example-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'node_modules/dependency'), { recursive: true })
  writeFileSync(join(folder, 'node_modules/dependency/index.js'), 'export {}\n')
  const env = {
    PATH: process.env['PATH'],
    ...compileCache(),
    SWARMCACHE_HOME: join(folder, 'home'),
    SWARMCACHE_KEY: 'the swarm key of an example',
    SWARMCACHE_LISTEN: '/ip4/127.0.0.1/tcp/0',
  }
  return async (example) => {
    const path = fileURLToPath(new URL(`../../examples/${example}`, import.meta.url))
    const run = promisify(execFile)(process.execPath, [path], { cwd: folder, env, timeout: 60_000 })
    const { stdout, stderr } = await run
    assert.equal(stderr, '')
    return stdout
  }
}

test('the example of the SDK saves a folder and a blob, and finds both the next time', async (t) => {
  const run = project(t)
  assert.match(await run('sdk.ts'), /^miss: .*\nsaved \d+ bytes\n42\n$/s)
  assert.match(await run('sdk.ts'), /^exact: .*\n42\n$/s)
})

test('the example of the drop-in for @actions/cache saves, and restores the next time', async (t) => {
  const run = project(t)
  assert.equal(await run('actions-cache.ts'), 'miss\n')
  assert.equal(await run('actions-cache.ts'), `restored deps-${process.platform}-1\n`)
})
