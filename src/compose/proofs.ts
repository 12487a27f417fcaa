import type { Config } from '../config.ts'
import { errorMessage } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { deriveOpenKeys, deriveSwarmKeys } from '../identity/identity.ts'
import type {
  Attestation,
  PeerKey,
  SwarmKeys,
  SwarmOf,
  TokenSource,
  TokenVerifier,
} from '../identity/identity.ts'
import { SwarmVerifier } from '../identity/swarm-verifier.ts'
import { FileTokenSource, RunnerTokenSource } from '../identity/token-sources.ts'
import type { TokenProofs } from '../swarm/token-proofs.ts'

/** What a member of a swarm proves itself with, and what it shares with the others. */
export interface Proofs {
  readonly keys: SwarmKeys
  /** Left out where members share no secret. */
  readonly prologue?: Uint8Array
  readonly tokens?: TokenProofs
}

/** Who proves itself. */
export interface ProvedMember {
  readonly repository: string
  readonly peerKey: PeerKey
  readonly verifier: TokenVerifier
  /** Its ID tokens; by default it gets its own. */
  readonly source?: TokenSource
}

/**
 * The proofs for a repository's swarm; undefined if there are none, or, with a warning, if this node cannot prove
 * that it belongs there.
 */
export async function composeProofs(
  config: Config,
  logger: Logger,
  member: ProvedMember,
): Promise<Proofs | undefined> {
  const { membership, swarmKey, swarmOf } = config
  if (!config.peers || membership.proof === 'none') return undefined
  const shown = membership.proof === 'key' ? undefined : await composeTokens(config, logger, member)
  if (membership.proof === 'oidc') {
    return shown && { keys: deriveOpenKeys(shown.members), tokens: shown.tokens }
  }
  if (swarmKey === undefined || (membership.requiresToken && shown === undefined)) return undefined
  const [owner] = member.repository.split('/')
  const keys = deriveSwarmKeys(swarmKey, swarmOf === 'owner' ? `${owner}/*` : member.repository)
  return { keys, prologue: keys.prologue, tokens: shown?.tokens }
}

async function composeTokens(
  config: Config,
  logger: Logger,
  member: ProvedMember,
): Promise<{ tokens: TokenProofs; members: SwarmOf } | undefined> {
  const { verifier, source = tokenSource(config) } = member
  const { peerId } = member.peerKey
  try {
    // The own token says what the others' must say; it also tells here, and not at every peer, what is wrong with it.
    const own = await verifier.verify(await source.token(peerId), { peerId })
    const members = membersLike(own, config.swarmOf, member.repository)
    const { requiresToken: required } = config.membership
    return {
      tokens: { source, verifier: new SwarmVerifier({ verifier }, members), required },
      members,
    }
  } catch (error) {
    const consequence =
      config.membership.proof === 'both' && !config.membership.requiresToken
        ? 'Going on with the swarm key alone.'
        : 'No peers take part.'
    logger.log('warning', `${errorMessage(error)} ${consequence}`)
    return undefined
  }
}

function tokenSource({ tokens: { file, request } }: Config): TokenSource {
  if (file !== undefined) return new FileTokenSource({ path: file })
  return new RunnerTokenSource({}, request!)
}

function membersLike(own: Attestation, swarmOf: Config['swarmOf'], repository: string): SwarmOf {
  const [owner] = repository.split('/')
  if (swarmOf === 'owner' && own.repository.startsWith(`${owner}/`)) return { ownerId: own.ownerId }
  if (own.repository === repository) return { repositoryId: own.repositoryId }
  throw new Error(`The ID token of this node is one of ${own.repository}, not of ${repository}.`)
}
