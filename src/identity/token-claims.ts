import { SwarmCacheError } from '../core/errors.ts'
import type { PeerId } from '../core/peer.ts'
import type { Attestation } from './identity.ts'

/** GitHub's have 1.5 to 3 KB; properties of the repository that an organisation adds come on top. */
export const MAX_TOKEN_LENGTH: number = 16 * 1024
const AUDIENCE_PREFIX = 'swarmcache:'
// GitHub's longest claims are refs and workflow paths.
const MAX_CLAIM_LENGTH = 2048
// Without these there is nobody to belong to.
const REQUIRED = ['repository', 'repository_id', 'repository_owner_id'] as const

/** The audience that binds a token to a peer: whoever steals it lacks the key of that peer id. */
export function tokenAudience(peerId: PeerId): string {
  return `${AUDIENCE_PREFIX}${peerId}`
}

/** A token was refused; `why` goes on from "The ID token …". */
export function proofError(why: string, cause?: unknown): SwarmCacheError {
  return new SwarmCacheError('ERR_PROOF', `The ID token ${why}.`, { cause })
}

/** A token could not be checked, so that nothing is known of it. */
export function uncheckedError(why: string): SwarmCacheError {
  const message = `The ID token cannot be checked, since ${why}.`
  return new SwarmCacheError('ERR_PROOF', message, { facts: { unchecked: true } })
}

/**
 * What the claims of a verified token say, by the names that GitHub gives them.
 *
 * https://docs.github.com/en/actions/reference/security/oidc
 *
 * @throws ERR_PROOF if a claim is missing that membership depends on, or has another form than a string.
 */
export function attestationOf(
  claims: Readonly<Record<string, unknown>>,
  peerId: PeerId,
): Attestation {
  for (const name of REQUIRED) {
    if (text(claims, name) === '') throw proofError(`does not say its ${name}`)
  }
  return {
    issuer: text(claims, 'iss'),
    repository: text(claims, 'repository').toLowerCase(),
    repositoryId: text(claims, 'repository_id'),
    ownerId: text(claims, 'repository_owner_id'),
    ref: text(claims, 'ref'),
    event: text(claims, 'event_name'),
    workflow: text(claims, 'workflow_ref'),
    runId: text(claims, 'run_id'),
    runAttempt: text(claims, 'run_attempt'),
    sha: text(claims, 'sha'),
    actor: text(claims, 'actor'),
    baseRef: text(claims, 'base_ref'),
    visibility: text(claims, 'repository_visibility'),
    issuedAt: moment(claims, 'iat'),
    expires: moment(claims, 'exp'),
    peerId,
  }
}

function text(claims: Readonly<Record<string, unknown>>, name: string): string {
  const value = claims[name] ?? ''
  if (typeof value !== 'string' || value.length > MAX_CLAIM_LENGTH) {
    throw proofError(`has a claim ${name} of a form that is not expected`)
  }
  return value
}

function moment(claims: Readonly<Record<string, unknown>>, name: string): number {
  const seconds = claims[name]
  if (typeof seconds !== 'number' || !Number.isFinite(seconds)) {
    throw proofError(`does not say its ${name}`)
  }
  return seconds * 1000
}
