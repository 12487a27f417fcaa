/*
 * GitHub's rules for caches: which run may write which scope, and which scopes it may read.
 *
 * A run writes to its own ref only. Events that strangers can cause write nothing to the default branch, whose
 * entries every run reads; where the default branch is not known, any branch may be it.
 * https://docs.github.com/actions/reference/workflows-and-actions/dependency-caching
 */

/** What a job may do with caches, from the workflow's key `cache-mode`. */
export type CacheMode = 'none' | 'read' | 'write' | 'write-only'

/** A run, as far as its rights depend on it. */
export interface Run {
  /** Name of the event that started it. */
  readonly event: string
  /** Its full ref, which is the one scope that it may write. */
  readonly ref: string
  /** Scope of the default branch; unset if it is not known. */
  readonly defaultScope?: string
  /** False if a `workflow_run` is known to follow a run of the repository itself. */
  readonly followsFork?: boolean
}

/** What GitHub's cache service lets a token do in one scope. */
export interface ScopeGrant {
  readonly scope: string
  readonly read: boolean
  readonly write: boolean
}

/** How much a scope's entries matter to others: everybody reads those of the default branch. */
export type ScopeClass = 'default' | 'branch' | 'other'

/** A run's rights: the scopes it reads in order, own first, and the scope it writes. */
export interface CacheAccess {
  readonly scope: string
  readonly readable: readonly string[]
  /** Why nothing may be restored; unset if it may. */
  readonly readRefused?: string
  /** Why nothing may be saved; unset if it may. */
  readonly writeRefused?: string
}

// Caused by people with write access only.
// https://github.blog/changelog/2026-06-26-read-only-actions-cache-for-untrusted-triggers/
const TRUSTED_EVENTS: ReadonlySet<string> = new Set([
  'push',
  'schedule',
  'workflow_dispatch',
  'repository_dispatch',
  'delete',
  'registry_package',
  'page_build',
])
const BRANCH = 'refs/heads/'
// Branches that a merge queue makes are nobody's default.
const QUEUE_BRANCH = 'refs/heads/gh-readonly-queue/'
// Which branch is the default one where nobody says so.
const USUAL_DEFAULTS: readonly string[] = ['refs/heads/main', 'refs/heads/master']
const CACHE_MODES = ['none', 'read', 'write', 'write-only'] as const satisfies CacheMode[]
const READ_BIT = 1
const WRITE_BIT = 2
const MAX_GRANTS = 64

/** The scope of a branch given by name or full ref. */
export function branchScope(branch: string): string {
  return branch.startsWith('refs/') ? branch : `${BRANCH}${branch}`
}

/** How much the entries of `scope` matter. */
export function scopeClass(scope: string, defaultScope?: string): ScopeClass {
  if (!scope.startsWith(BRANCH)) return 'other'
  const isDefault =
    defaultScope === undefined ? USUAL_DEFAULTS.includes(scope) : scope === defaultScope
  return isDefault ? 'default' : 'branch'
}

/** Why a run may not write `scope`, as the end of a sentence; undefined if it may. */
export function whyNotWritable(run: Run, scope: string): string | undefined {
  const { event, ref, defaultScope } = run
  if (scope !== ref) return `a run of ${ref || 'no ref'} may not write to ${scope}`
  if (!mayBeDefault(scope, defaultScope) || TRUSTED_EVENTS.has(event)) return undefined
  if (event === 'workflow_run' && run.followsFork === false) return undefined
  return `a run started by ${event || 'no event'} may only read the caches of ${scope}`
}

/** True for a run that everybody's caches are entrusted to: it may write those of the default branch. */
export function writesDefault(run: Run): boolean {
  return mayBeDefault(run.ref, run.defaultScope) && whyNotWritable(run, run.ref) === undefined
}

/**
 * Those of `scopes` that a run may read: its own, its base's and the default branch's; where that is not known,
 * any branch may be it.
 */
export function readableScopes(
  run: Pick<Run, 'ref' | 'defaultScope'> & { readonly baseRef: string },
  scopes: readonly string[],
): string[] {
  const { ref, baseRef, defaultScope } = run
  const base = baseRef === '' ? undefined : branchScope(baseRef)
  return scopes.filter((scope) => {
    if (scope === ref || scope === base) return true
    return defaultScope === undefined ? scope.startsWith(BRANCH) : scope === defaultScope
  })
}

/** The mode that a variable names; undefined, which allows both, for anything unknown, as @actions/cache has it. */
export function parseCacheMode(value: string | undefined): CacheMode | undefined {
  const name = value?.trim().toLowerCase()
  return CACHE_MODES.find((mode) => mode === name)
}

/**
 * The rights of a run by its event, its refs and the job's mode, where GitHub itself has not said.
 *
 * `run` is undefined outside of GitHub, where everything is allowed; `readable` is own, base and default scope.
 */
export function accessOf(
  request: { readonly scope: string; readonly readable: readonly string[] },
  run: Run | undefined,
  mode: CacheMode | undefined,
): CacheAccess {
  const allowsWrite = mode === 'write' || mode === 'write-only'
  const readRefused =
    mode === 'none' || mode === 'write-only' ? modeReason(mode, 'reads') : undefined
  if (mode === 'none' || mode === 'read') {
    return { ...request, readRefused, writeRefused: modeReason(mode, 'writes') }
  }
  // A workflow that asks for `write` has been trusted with it by its author.
  const why = run === undefined || allowsWrite ? undefined : whyNotWritable(run, request.scope)
  return { ...request, readRefused, writeRefused: why && `By GitHub's rules ${why}.` }
}

/** Rights as the cache service has granted them; `access` orders the scopes, and its refusals by mode stay. */
export function grantedAccess(
  access: CacheAccess,
  grants: readonly ScopeGrant[],
  mode: CacheMode | undefined,
): CacheAccess {
  const writable = grants.filter(({ write }) => write).map(({ scope }) => scope)
  const scope = writable.includes(access.scope) ? access.scope : (writable[0] ?? access.scope)
  const granted = grants.filter(({ read }) => read).map((grant) => grant.scope)
  const known = [scope, ...access.readable].filter((name) => granted.includes(name))
  const readable = [...new Set([...known, ...granted])]
  const byMode = accessOf({ scope, readable }, undefined, mode)
  const noReads = 'The cache service lets this job read no scope.'
  const noWrites = `The cache service lets this job only read ${scope}.`
  return {
    scope,
    readable,
    readRefused: byMode.readRefused ?? (granted.length === 0 ? noReads : undefined),
    writeRefused: byMode.writeRefused ?? (writable.length === 0 ? noWrites : undefined),
  }
}

/** True if `more` allows something that `access` does not. */
export function isWider(more: CacheAccess, access: CacheAccess): boolean {
  if (more.writeRefused === undefined) {
    if (access.writeRefused !== undefined || more.scope !== access.scope) return true
  }
  if (more.readRefused !== undefined) return false
  if (access.readRefused !== undefined) return true
  return more.readable.some((scope) => !access.readable.includes(scope))
}

/** The grants in the claim `ac` of a runtime token, `[{"Scope":…,"Permission":3}]` as JSON in a string. */
export function parseGrants(claim: unknown): ScopeGrant[] | undefined {
  if (typeof claim !== 'string') return undefined
  let list: unknown
  try {
    list = JSON.parse(claim)
  } catch {
    return undefined
  }
  if (!Array.isArray(list) || list.length > MAX_GRANTS) return undefined
  const grants: ScopeGrant[] = []
  for (const item of list as unknown[]) {
    if (typeof item !== 'object' || item === null) return undefined
    const { Scope: scope, Permission: permission } = item as Record<string, unknown>
    if (typeof scope !== 'string' || scope === '') return undefined
    if (typeof permission !== 'number' || !Number.isSafeInteger(permission)) return undefined
    const read = (permission & READ_BIT) !== 0
    grants.push({ scope, read, write: (permission & WRITE_BIT) !== 0 })
  }
  return grants
}

function modeReason(mode: CacheMode, what: 'reads' | 'writes'): string {
  return `The cache-mode "${mode}" of this job does not permit ${what}.`
}

function mayBeDefault(scope: string, defaultScope: string | undefined): boolean {
  if (defaultScope !== undefined) return scope === defaultScope
  return scope.startsWith(BRANCH) && !scope.startsWith(QUEUE_BRANCH)
}
