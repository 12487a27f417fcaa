/** Which proofs of membership are demanded; without a policy, what there is. */
export type AuthPolicy = 'key' | 'oidc' | 'both'

/** How this node proves that it belongs to the swarm, and what it demands of others. */
export interface MembershipPlan {
  /** `both` shows a token beside the key; `none` joins no swarm. */
  readonly proof: AuthPolicy | 'none'
  /** Members must show an ID token. */
  readonly requiresToken: boolean
  /** What is used and why, and where a setting is missing how to add it; for people. */
  readonly reason: string
  /** True if the reason says how to do better. */
  readonly improvable: boolean
}

/** What a plan is made from. */
export interface ProofsAtHand {
  readonly policy?: AuthPolicy
  readonly hasKey: boolean
  readonly hasToken: boolean
  /** In a job of GitHub Actions, where the advice is YAML. */
  readonly insideActions: boolean
}

const GET_KEY =
  'set SWARMCACHE_KEY (in Actions the input swarm-key) to a secret that your runners share'
const YAML = 'permissions:\n  id-token: write'

/**
 * Chooses the proofs. A swarm key, where there is one and the policy allows it, names the swarm, and all of its
 * members have it; ID tokens are shown beside it by those who can, and demanded by the policy `both` only, so
 * that a fleet whose long-lived nodes have no job to prove stays in one piece. Without a key the repository
 * names the swarm, and every member shows a token.
 */
export function planMembership({
  policy,
  hasKey,
  hasToken,
  insideActions,
}: ProofsAtHand): MembershipPlan {
  const usesKey = hasKey && policy !== 'oidc'
  const usesToken = hasToken && policy !== 'key'
  const getToken = insideActions
    ? `give the job an ID token (keep its other permissions, such as contents: read):\n${YAML}`
    : 'give the node an ID token by SWARMCACHE_OIDC_TOKEN_FILE'
  const none = (reason: string): MembershipPlan => ({
    proof: 'none',
    requiresToken: false,
    reason,
    improvable: true,
  })
  if (policy === 'both' && usesKey !== usesToken) {
    const [missing, advice] = usesKey ? ['no ID token', getToken] : ['no swarm key', GET_KEY]
    return none(
      `SWARMCACHE_AUTH is both, but there is ${missing}, so no peers take part. To change that, ${advice}`,
    )
  }
  if (!usesKey && !usesToken) {
    if (policy === 'oidc') {
      return none(
        `SWARMCACHE_AUTH is oidc, but there is no ID token, so no peers take part. To change that, ${getToken}`,
      )
    }
    if (policy === 'key') {
      return none(`There is no swarm key, so no peers take part. To change that, ${GET_KEY}.`)
    }
    const fork = insideActions ? ' Pull requests from forks get neither.' : ''
    return none(
      `There is no swarm key and no ID token, so no peers take part.${fork} To change that, ${GET_KEY}, or ${getToken}`,
    )
  }
  const proof = usesKey ? (usesToken ? 'both' : 'key') : 'oidc'
  const requiresToken = policy === 'both' || proof === 'oidc'
  return {
    proof,
    requiresToken,
    ...reasonFor(proof, { requiresToken, isChosen: policy !== undefined, insideActions }),
  }
}

function reasonFor(
  proof: AuthPolicy,
  about: { requiresToken: boolean; isChosen: boolean; insideActions: boolean },
): Pick<MembershipPlan, 'reason' | 'improvable'> {
  if (proof === 'oidc') {
    const reason =
      'Peers prove themselves by their ID tokens: the runs of this repository form the swarm. Runners with a swarm key form another one.'
    return { reason, improvable: false }
  }
  if (proof === 'both') {
    const rule = about.requiresToken ? 'must show' : 'show, where they have one,'
    return {
      reason: `Peers prove themselves by the swarm key, and ${rule} an ID token beside it.`,
      improvable: false,
    }
  }
  const advice =
    about.insideActions && !about.isChosen
      ? ` With an ID token beside it, GitHub itself says for which ref each run may save. Give it to the job (keep its other permissions, such as contents: read):\n${YAML}`
      : ''
  return { reason: `Peers prove themselves by the swarm key.${advice}`, improvable: advice !== '' }
}
