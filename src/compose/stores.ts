import { defaultScopeOf } from '../config.ts'
import type { Config } from '../config.ts'
import { errorMessage } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Store, Upstream } from '../store/store.ts'

/** A node lives for a look at the store alone, as long as a command (`session`), a job, or a machine (`serve`). */
export type Lifetime = 'look' | 'session' | 'job' | 'serve'

/** The store of a repository; a command that cannot have one on disk goes on with one in memory. */
export async function composeStore(
  config: Config,
  logger: Logger,
  lifetime: Lifetime,
  repository: string,
): Promise<{ store: Store; savesRefused?: string }> {
  const [{ DiskStore }, { verifyEntry }] = await Promise.all([
    import('../store/disk-store.ts'),
    import('../identity/identity.ts'),
  ])
  const { home, diskLimitBytes, memoryLimitBytes } = config
  try {
    const store = await DiskStore.open({
      home,
      repository,
      defaultScope: defaultScopeOf(config, repository),
      limitBytes: diskLimitBytes,
      memoryLimitBytes,
      logger: logger.scoped('store'),
      verifyEntry,
    })
    return { store }
  } catch (error) {
    if (lifetime !== 'session') throw error
    logger.log('warning', `${errorMessage(error)} Going on without a store on disk.`)
    const { MemoryStore } = await import('../store/memory-store.ts')
    const store = new MemoryStore({ repository, limitBytes: memoryLimitBytes })
    // It goes with the command, and an entry that nobody can restore is not saved.
    return { store, savesRefused: 'There is no store on disk that would keep it.' }
  }
}

/** What the policy allows of GitHub's cache service. */
export async function composeUpstream(
  config: Config,
  logger: Logger,
): Promise<Upstream | undefined> {
  if (config.upstream === 'off') return undefined
  const { ActionsCacheUpstream } = await import('../store/actions-cache-upstream.ts')
  return new ActionsCacheUpstream(
    { logger: logger.scoped('upstream') },
    { env: config.upstreamEnvironment, workingDirectory: config.workingDirectory },
  )
}
