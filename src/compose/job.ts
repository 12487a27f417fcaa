import type { Config } from '../config.ts'
import type { Entry, SignedEntry } from '../core/entry.ts'
import { errorMessage, isSwarmCacheError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { RequestScope } from '../core/request-scope.ts'
import { grantedAccess, isWider, parseCacheMode } from '../core/scope-rules.ts'
import { attestEntry, createPeerKey, readGrants, signEntry } from '../identity/identity.ts'
import type { PeerKey, TokenSource } from '../identity/identity.ts'
import { RunnerTokenSource } from '../identity/token-sources.ts'

/**
 * Who signs what a job saves: a key that this process alone has, and that the job's ID tokens are made for.
 *
 * A node that serves several jobs does not sign for them: its key outlives each job, and its tokens are seen by
 * every peer, so that whoever gets at its socket could save under the name of another job.
 */
export interface JobWriter {
  readonly key: PeerKey
  readonly source: TokenSource
  readonly sign: (entry: Omit<Entry, 'writer'>) => Promise<SignedEntry>
}

/** What a job may do, and how it signs. */
export interface Job {
  readonly request: RequestScope
  readonly writer?: JobWriter
}

// The issuer is one request away; without its answer the environment decides.
const GRANTS_DEADLINE_MS = 3000

/** What the tokens of a job say of its rights, and do for what it saves. */
export async function composeJob(config: Config, logger: Logger): Promise<Job> {
  return { request: await grantedRequest(config, logger), writer: composeWriter(config, logger) }
}

/** The writer of a job that shows ID tokens to its peers; undefined where the node signs. */
function composeWriter(
  { membership, peers, tokens }: Config,
  logger: Logger,
): JobWriter | undefined {
  const shows = peers && (membership.proof === 'oidc' || membership.proof === 'both')
  if (!shows || tokens.request === undefined) return undefined
  const key = createPeerKey()
  const source = new RunnerTokenSource({}, tokens.request)
  const sign = async (entry: Omit<Entry, 'writer'>): Promise<SignedEntry> => {
    try {
      return signEntry(attestEntry(entry, await source.token(key.peerId)), key)
    } catch (error) {
      if (membership.requiresToken) throw error
      logger.log('warning', `"${entry.key}" is saved without an ID token: ${errorMessage(error)}`)
      return signEntry(entry, key)
    }
  }
  return { key, source, sign }
}

/**
 * The request with the rights that GitHub's cache service has granted to the job.
 *
 * They are a claim of the token for that service, which is read here and goes nowhere. A claim that allows more
 * than the environment says counts only if GitHub has signed it; one that allows less needs no proof.
 */
async function grantedRequest(config: Config, logger: Logger): Promise<RequestScope> {
  const { request, upstreamEnvironment: env } = config
  const token = env['ACTIONS_RUNTIME_TOKEN']
  const grants = token === undefined ? undefined : readGrants(token)
  if (token === undefined || grants === undefined) return request
  const mode = parseCacheMode(env['ACTIONS_CACHE_MODE'])
  const granted = grantedAccess(request, grants, mode)
  if (isWider(granted, request)) {
    try {
      const signal = AbortSignal.timeout(GRANTS_DEADLINE_MS)
      const { composeVerifier } = await import('./trust.ts')
      await composeVerifier(config, logger).claims(token, { signal })
    } catch (error) {
      // Other forges have tokens of their own.
      const reason = isSwarmCacheError(error) ? errorMessage(error) : 'its issuer did not answer'
      logger.log('info', 'The scopes in the runtime token are not used.', { reason })
      return request
    }
  }
  return { ...request, ...granted }
}
