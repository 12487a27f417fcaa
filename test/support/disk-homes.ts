import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { createLogger } from '../../src/core/logger.ts'
import type { Logger } from '../../src/core/logger.ts'
import { DiskStore } from '../../src/store/disk-store.ts'
import type { DiskStoreOptions } from '../../src/store/disk-store.ts'
import { REPOSITORY } from './stored-content.ts'

/** A folder that goes when the test ends. */
export async function temporaryHome(t: TestContext): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'swarmcache-home-'))
  t.after(() => rm(home, { recursive: true, force: true }))
  return home
}

/** A store that is closed when the test ends. */
export async function openStore(
  t: TestContext,
  home: string,
  options: Partial<DiskStoreOptions> = {},
): Promise<DiskStore> {
  const store = await DiskStore.open({
    home,
    repository: REPOSITORY,
    limitBytes: 64 * 1024 * 1024,
    ...options,
  })
  t.after(() => store.close())
  return store
}

/** A logger that keeps its lines. */
export function recordingLogger(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = []
  return { logger: createLogger((level, line) => lines.push(`${level} ${line}`)), lines }
}
