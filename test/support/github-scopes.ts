/*
 * What GitHub says about who may read and write which caches, written from its documentation alone and as plainly
 * as possible, to check the real thing against:
 * https://docs.github.com/actions/reference/workflows-and-actions/dependency-caching#restrictions-for-accessing-a-cache
 * https://github.blog/changelog/2026-06-26-read-only-actions-cache-for-untrusted-triggers/
 */

/** A run of a workflow. */
export interface ModelRun {
  readonly event: string
  readonly ref: string
  /** The branch that a pull request is to be merged into. */
  readonly base?: string
}

/** Branches and other refs of a repository, any branch of which may be the default one. */
export const MODEL_REFS: readonly string[] = [
  'refs/heads/main',
  'refs/heads/trunk',
  'refs/heads/topic',
  'refs/tags/v1',
  'refs/pull/7/merge',
  'refs/pull/8/merge',
  'refs/heads/gh-readonly-queue/main/pr-7-0123abc',
]

/** Runs as they happen in a repository with that default branch; GitHub runs many events on it alone. */
export function modelRuns(defaultBranch: string): ModelRun[] {
  const onDefault = [
    'push',
    'schedule',
    'workflow_dispatch',
    'repository_dispatch',
    'delete',
    'registry_package',
    'page_build',
    'pull_request_target',
    'issue_comment',
    'issues',
    'workflow_run',
    'discussion_comment',
    'watch',
    'fork',
    'dynamic',
  ].map((event) => ({ event, ref: `refs/heads/${defaultBranch}` }))
  return [
    ...onDefault,
    { event: 'push', ref: 'refs/heads/topic' },
    { event: 'workflow_dispatch', ref: 'refs/heads/topic' },
    { event: 'create', ref: 'refs/heads/topic' },
    { event: 'push', ref: 'refs/tags/v1' },
    { event: 'release', ref: 'refs/tags/v1' },
    { event: 'pull_request', ref: 'refs/pull/7/merge', base: defaultBranch },
    { event: 'pull_request_review', ref: 'refs/pull/7/merge', base: defaultBranch },
    { event: 'pull_request', ref: 'refs/pull/8/merge', base: 'topic' },
    { event: 'merge_group', ref: 'refs/heads/gh-readonly-queue/main/pr-7-0123abc' },
  ]
}

/** "Workflow runs can only save to their own branch"; untrusted triggers read only on the default branch. */
export function modelMayWrite(run: ModelRun, scope: string, defaultBranch: string): boolean {
  if (scope !== run.ref) return false
  if (scope !== `refs/heads/${defaultBranch}`) return true
  // GitHub lets workflow_run write too unless it follows a fork's run, of which an ID token does not tell.
  switch (run.event) {
    case 'push':
    case 'schedule':
    case 'workflow_dispatch':
    case 'repository_dispatch':
    case 'delete':
    case 'registry_package':
    case 'page_build':
      return true
    default:
      return false
  }
}

/** "…restore caches created in either the current branch or the default branch … [and] the base branch". */
export function modelReadable(run: ModelRun, defaultBranch: string): string[] {
  const scopes = [run.ref]
  if (run.base !== undefined) scopes.push(`refs/heads/${run.base}`)
  scopes.push(`refs/heads/${defaultBranch}`)
  return [...new Set(scopes)]
}
