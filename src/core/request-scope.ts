import { readFileSync } from 'node:fs'
import type { Entry, RunFacts } from './entry.ts'
import { insideActions, presence } from './environment.ts'
import type { Environment } from './environment.ts'
import { inputError } from './errors.ts'
import { accessOf, branchScope, parseCacheMode } from './scope-rules.ts'
import type { CacheAccess } from './scope-rules.ts'

/** Whose cache is meant, and what may be done with it: the request's, as the job that asks has it. */
export interface RequestScope extends CacheAccess {
  /** owner/name. */
  readonly repository: string
  /** Scope of the default branch; unset where nobody has said. */
  readonly defaultScope?: string
  /** What entries of this job say of their origin. */
  readonly provenance?: Pick<Entry, 'repositoryId' | 'run'>
}

/** What wins over the environment. */
export interface RequestFlags {
  readonly repository?: string
  readonly ref?: string
  readonly baseRef?: string
  readonly defaultBranch?: string
}

const LOCAL_REPOSITORY = 'local/local'
const LOCAL_BRANCH = 'main'
const MAX_FACT_LENGTH = 1024

/** The variable that holds each fact. */
const FACTS: Readonly<Record<keyof RunFacts, string>> = {
  event: 'GITHUB_EVENT_NAME',
  ref: 'GITHUB_REF',
  workflow: 'GITHUB_WORKFLOW_REF',
  runId: 'GITHUB_RUN_ID',
  runAttempt: 'GITHUB_RUN_ATTEMPT',
  sha: 'GITHUB_SHA',
  actor: 'GITHUB_ACTOR',
}

/**
 * Reads whose cache is meant from flags and environment, and from the event's payload inside a job.
 *
 * @throws ERR_INPUT for a repository or ref that is none.
 */
export function readRequest(env: Environment, flags: RequestFlags = {}): RequestScope {
  const repository =
    flags.repository ??
    presence(env['SWARMCACHE_REPOSITORY']) ??
    presence(env['GITHUB_REPOSITORY']) ??
    LOCAL_REPOSITORY
  if (!/^[\w.-]+\/[\w.-]+$/.test(repository)) {
    throw inputError(
      `SWARMCACHE_REPOSITORY is "${repository}", which is not owner/name, for example octocat/hello.`,
    )
  }
  const ref =
    flags.ref ?? presence(env['SWARMCACHE_REF']) ?? presence(env['GITHUB_REF']) ?? LOCAL_SCOPE
  if (!/^refs\/[^\s]+$/.test(ref)) {
    throw inputError(
      `SWARMCACHE_REF is "${ref}", which is not a full ref. Write for example refs/heads/${ref}.`,
    )
  }
  const payload = insideActions(env) ? readPayload(env) : {}
  const base =
    flags.baseRef ?? presence(env['SWARMCACHE_BASE_REF']) ?? presence(env['GITHUB_BASE_REF'])
  const branch =
    flags.defaultBranch ?? presence(env['SWARMCACHE_DEFAULT_BRANCH']) ?? payload.defaultBranch
  const defaultScope = branch === undefined ? undefined : branchScope(branch)
  const fallback = insideActions(env) ? undefined : LOCAL_SCOPE
  const readable = [ref, base && branchScope(base), defaultScope ?? fallback]
  const request = {
    scope: ref,
    readable: [...new Set(readable.filter((scope) => scope !== undefined))],
  }
  const event = insideActions(env) ? presence(env['GITHUB_EVENT_NAME']) : undefined
  const { followsFork } = payload
  const run = event === undefined ? undefined : { event, ref, defaultScope, followsFork }
  return {
    // GitHub writes owner and name without regard to case; one spelling keeps one swarm.
    repository: repository.toLowerCase(),
    defaultScope,
    ...accessOf(request, run, parseCacheMode(env['ACTIONS_CACHE_MODE'])),
    provenance: readProvenance(env),
  }
}

const LOCAL_SCOPE: string = branchScope(LOCAL_BRANCH)

interface Payload {
  readonly defaultBranch?: string
  readonly followsFork?: boolean
}

function readPayload(env: Environment): Payload {
  const path = presence(env['GITHUB_EVENT_PATH'])
  if (path === undefined) return {}
  try {
    const event = JSON.parse(readFileSync(path, 'utf8')) as {
      readonly repository?: { readonly id?: unknown; readonly default_branch?: unknown }
      readonly workflow_run?: { readonly head_repository?: { readonly id?: unknown } | null }
    }
    const branch = event.repository?.default_branch
    const id = event.repository?.id
    const followed = event.workflow_run?.head_repository?.id
    return {
      defaultBranch: typeof branch === 'string' ? presence(branch) : undefined,
      followsFork: id === undefined || followed === undefined ? undefined : followed !== id,
    }
  } catch {
    // Without the payload only the own and the base scope are read, which is safe.
    return {}
  }
}

function readProvenance(env: Environment): RequestScope['provenance'] {
  if (!insideActions(env)) return undefined
  const run: Partial<Record<keyof RunFacts, string>> = {}
  for (const [name, variable] of Object.entries(FACTS)) {
    const value = presence(env[variable])
    if (value !== undefined) run[name as keyof RunFacts] = value.slice(0, MAX_FACT_LENGTH)
  }
  return { repositoryId: presence(env['GITHUB_REPOSITORY_ID']), run }
}
