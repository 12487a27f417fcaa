import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { bundleClientWorker } from '../../.github/scripts/bundle.ts'
import type { WorkerCall, WorkerMessage } from '../../src/store/actions-cache-worker.ts'
import { makeFolder, startService, TOKEN } from '../support/upstream-service.ts'

test(
  "the library's client of the cache service is one file that saves and restores",
  { timeout: 60_000 },
  async (t) => {
    const service = await startService(t)
    const folder = await makeFolder(t)
    await bundleClientWorker(folder)
    assert.match(await readFile(join(folder, 'licences.txt'), 'utf8'), /^@actions\/cache \d/m)
    const temporary = join(folder, 'temporary')
    const [from, to] = [join(folder, 'from'), join(folder, 'to')]
    for (const made of [temporary, from, to]) await mkdir(made)
    await writeFile(join(from, 'file'), 'content')
    const client = fork(join(folder, 'actions-cache-worker.js'), {
      cwd: folder,
      env: {
        PATH: process.env['PATH'],
        ...service.environment(TOKEN),
        RUNNER_TEMP: temporary,
        SWARMCACHE_UPSTREAM_WORKER: '1',
      },
      execArgv: [],
      // It ends its whole group when this process goes.
      detached: true,
    })
    t.after(() => client.kill('SIGKILL'))
    const run = async (kind: WorkerCall['kind'], workingDirectory: string): Promise<unknown> => {
      const call = { kind, paths: ['file'], key: 'k', restoreKeys: [], crossOs: false }
      client.send({ ...call, workingDirectory, workspace: workingDirectory })
      return await new Promise((resolve) => {
        client.on('message', (message: WorkerMessage) => !('output' in message) && resolve(message))
      })
    }
    assert.deepEqual(Object.keys((await run('save', from)) as object), ['done'])
    assert.deepEqual(await run('lookup', to), { done: { available: true, result: 'k' } })
    assert.deepEqual(await run('restore', to), { done: { available: true, result: 'k' } })
    assert.equal(await readFile(join(to, 'file'), 'utf8'), 'content')
  },
)
