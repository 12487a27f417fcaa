import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { startCacheService } from '../../src/cli/demo/cache-service.ts'
import type { CacheService, CacheServiceOptions } from '../../src/cli/demo/cache-service.ts'
import { createLogger } from '../../src/core/logger.ts'
import { ActionsCacheUpstream } from '../../src/store/actions-cache-upstream.ts'
import type { ActionsCacheUpstreamOptions } from '../../src/store/actions-cache-upstream.ts'
import { compileCache } from './compile-cache.ts'

export const TOKEN = 'token-of-the-main-branch'
export const MAIN = 'refs/heads/main'

/** A cache service that ends with the test; `TOKEN` reads and writes main. */
export async function startService(
  t: TestContext,
  options: Partial<CacheServiceOptions> = {},
): Promise<CacheService> {
  const token = { repository: 'octo/cache', writeScope: MAIN, readScopes: [MAIN] }
  const service = await startCacheService({ tokens: { [TOKEN]: token }, ...options })
  t.after(() => service.close())
  return service
}

/** An empty folder that goes with the test. */
export async function makeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'upstream-test-'))
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  return folder
}

/** An upstream that ends with the test, and its log lines. */
export function makeUpstream(
  t: TestContext,
  options: Partial<ActionsCacheUpstreamOptions> & Pick<ActionsCacheUpstreamOptions, 'env'>,
): { upstream: ActionsCacheUpstream; lines: string[] } {
  const lines: string[] = []
  const logger = createLogger((level, line) => lines.push(`${level}: ${line}`), 'debug')
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...options.env }
  const upstream = new ActionsCacheUpstream({ logger }, { ...options, env })
  t.after(() => upstream.close())
  return { upstream, lines }
}

const PLAIN_CALL = `
import { restoreCache, saveCache } from '@actions/cache'
const [kind, paths, key] = process.argv.slice(1)
const call = kind === 'save' ? saveCache : restoreCache
console.log('result=' + await call(paths.split(','), key))
// Its kept connections would hold the process for five seconds; actions/cache exits too.
process.exit(0)
`

/** Runs plain @actions/cache as an action would, in `folder`; resolves with what the client returned. */
export async function callPlainClient(
  kind: 'restore' | 'save',
  folder: string,
  paths: readonly string[],
  key: string,
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const root = path.resolve(import.meta.dirname, '../..')
  const temporary = path.join(folder, 'runner-temp')
  const script = PLAIN_CALL.replace(
    "'@actions/cache'",
    JSON.stringify(import.meta.resolve('@actions/cache', `file://${root}/`)),
  )
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', script, kind, paths.join(','), key],
    {
      cwd: folder,
      env: {
        PATH: process.env['PATH'],
        ...compileCache(),
        HOME: process.env['HOME'],
        GITHUB_WORKSPACE: folder,
        RUNNER_TEMP: temporary,
        ...env,
      },
    },
  )
  return /^result=(.*)$/m.exec(stdout)?.[1] ?? stdout
}
