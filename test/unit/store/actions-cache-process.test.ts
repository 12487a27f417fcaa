import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { pause, withDeadline } from '../../../src/async/deadline.ts'
import { isSwarmCacheError } from '../../../src/core/errors.ts'
import { makeFolder, makeUpstream, startService, TOKEN } from '../../support/upstream-service.ts'

const OPTIONS = { timeout: 60_000 }
const POLL_MS = 20
// GNU tar reads this from a variable; it then writes about five files a second.
const SLOW_TAR = '--checkpoint=1 --checkpoint-action=exec=sleep\\ 0.1'

const USER = `
import { ActionsCacheUpstream } from ${JSON.stringify(new URL('../../../src/store/actions-cache-upstream.ts', import.meta.url).href)}
const [folder, ...calls] = process.argv.slice(1)
const logger = { log() {}, scoped: () => logger }
const upstream = new ActionsCacheUpstream({ logger }, { env: process.env, workingDirectory: folder })
for (const call of calls) {
  const [kind, key] = call.split(':')
  const done = kind === 'save' ? upstream.save(['tree'], key) : upstream[kind](['tree'], key, [])
  await done.catch((error) => { if (error.code !== 'ERR_UPSTREAM') throw error })
}
`

test(
  'a program that uses the upstream keeps its stdout clean and ends by itself',
  OPTIONS,
  async (t) => {
    const service = await startService(t)
    const folder = await makeFolder(t)
    await makeTree(folder)
    const calls = ['lookup:k', 'save:k', 'save:k', 'restore:k', 'save:a\tb']
    const { child, output } = startUser(folder, calls, service.environment(TOKEN))
    const [code] = (await once(child, 'close', { signal: t.signal })) as [number]
    assert.equal(output(), '')
    assert.equal(code, 0)
    assert.equal(service.stats().requests['GetCacheEntryDownloadURL'], 2)
    const isEmpty = async (): Promise<boolean> =>
      (await readdir(path.join(folder, 'temporary'))).length === 0
    await until(t, 'the temporary files to go', isEmpty)
  },
)

test('an abort in the middle of an extraction ends tar before it rejects', OPTIONS, async (t) => {
  const { folder, env } = await startSlowRestore(t)
  const { upstream } = makeUpstream(t, { env, workingDirectory: folder })
  const controller = new AbortController()
  const restoring = upstream.restore(['tree'], 'k', [], { signal: controller.signal })
  await untilExtracting(t, folder)
  const reason = new Error('enough')
  controller.abort(reason)
  await assert.rejects(restoring, reason)
  assert.deepEqual(await processesOf(folder), [])
  assert.ok((await readdir(path.join(folder, 'tree'))).length < FILES)
})

test('a deadline in the middle of an extraction ends tar before it rejects', OPTIONS, async (t) => {
  const { folder, env } = await startSlowRestore(t)
  const { upstream } = makeUpstream(t, { env, workingDirectory: folder, totalTimeoutMs: 2000 })
  await assert.rejects(upstream.restore(['tree'], 'k', []), (error) => {
    assert.ok(isSwarmCacheError(error, 'ERR_UPSTREAM'))
    assert.match(error.message, /longer than 2000 ms/)
    return true
  })
  assert.deepEqual(await processesOf(folder), [])
})

test('closing ends tar, which has not seen the secrets of this program', OPTIONS, async (t) => {
  const { folder, env } = await startSlowRestore(t)
  const secret = { SWARMCACHE_KEY: 'the-swarm-key', GITHUB_TOKEN: 'the-github-token' }
  const { upstream } = makeUpstream(t, { env: { ...env, ...secret }, workingDirectory: folder })
  const restoring = assert.rejects(upstream.restore(['tree'], 'k', []), { code: 'ERR_CLOSED' })
  await untilExtracting(t, folder)
  for (const { environment } of await processesOf(folder)) {
    assert.match(environment, /ACTIONS_RESULTS_URL/)
    assert.doesNotMatch(environment, /the-swarm-key|the-github-token/)
  }
  await upstream.close()
  await restoring
  assert.deepEqual(await processesOf(folder), [])
})

test('when the program is killed, tar and the temporary files go with it', OPTIONS, async (t) => {
  const { folder, env } = await startSlowRestore(t)
  const { child } = startUser(folder, ['restore:k'], env)
  await untilExtracting(t, folder)
  child.kill('SIGKILL')
  await until(t, 'tar to end', async () => (await processesOf(folder)).length === 0)
  const left = await readdir(path.join(folder, 'temporary'), { recursive: true })
  assert.deepEqual(
    left.filter((name) => name.endsWith('.tzst') || name.endsWith('.tgz')),
    [],
  )
})

test('a folder for temporary files that cannot be made is ERR_UPSTREAM', OPTIONS, async (t) => {
  const folder = await makeFolder(t)
  await writeFile(path.join(folder, 'file'), '')
  const env = { RUNNER_TEMP: path.join(folder, 'file', 'inner') }
  const { upstream } = makeUpstream(t, { env, workingDirectory: folder })
  await assert.rejects(upstream.lookup(['tree'], 'k', []), {
    code: 'ERR_UPSTREAM',
    message: /cannot be started: ENOTDIR/,
  })
})

const FILES = 40

async function makeTree(folder: string): Promise<void> {
  await mkdir(path.join(folder, 'temporary'))
  await mkdir(path.join(folder, 'tree'))
  const content = Buffer.alloc(20_000, 'x')
  for (let index = 0; index < FILES; index += 1) {
    await writeFile(path.join(folder, 'tree', `file-${index}`), content)
  }
}

/** A folder, and an environment in which the restore of "k" there takes its time. */
async function startSlowRestore(
  t: TestContext,
): Promise<{ folder: string; env: Record<string, string> }> {
  const service = await startService(t)
  const [source, folder] = [await makeFolder(t), await makeFolder(t)]
  await makeTree(source)
  await mkdir(path.join(folder, 'temporary'))
  const env = service.environment(TOKEN)
  const { upstream } = makeUpstream(t, { env, workingDirectory: source })
  await upstream.save(['tree'], 'k')
  const temporary = path.join(folder, 'temporary')
  return { folder, env: { ...env, TAR_OPTIONS: SLOW_TAR, RUNNER_TEMP: temporary } }
}

function startUser(
  folder: string,
  calls: readonly string[],
  env: Readonly<Record<string, string>>,
): { child: ReturnType<typeof spawn>; output: () => string } {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', USER, folder, ...calls], {
    env: { PATH: process.env['PATH'], RUNNER_TEMP: path.join(folder, 'temporary'), ...env },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  }
  return { child, output: () => output }
}

async function untilExtracting(t: TestContext, folder: string): Promise<void> {
  await until(t, 'the first file', async () => {
    const names = await readdir(path.join(folder, 'tree')).catch(() => [])
    return names.length > 0
  })
}

async function until(t: TestContext, what: string, isSo: () => Promise<boolean>): Promise<void> {
  await withDeadline(20_000, `Waiting for ${what}`, t.signal, async (signal) => {
    while (!(await isSo())) await pause(POLL_MS, signal)
  })
}

/** Living processes whose command line names the folder, as that of tar does, where /proc tells. */
async function processesOf(folder: string): Promise<{ line: string; environment: string }[]> {
  const found: { line: string; environment: string }[] = []
  for (const name of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(name)) continue
    const line = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')
    if (!line.includes(folder)) continue
    const environment = await readFile(`/proc/${name}/environ`, 'utf8').catch(() => '')
    found.push({ line: line.replaceAll('\0', ' '), environment })
  }
  return found
}
