import { join } from 'node:path'
import { defaultScopeOf } from '../config.ts'
import type { Config } from '../config.ts'
import type { Logger } from '../core/logger.ts'
import { AttestedTrust } from '../identity/entry-trust.ts'
import type { EntryTrust, TokenVerifier } from '../identity/identity.ts'
import type { IssuerVerifier } from '../identity/issuer-verifier.ts'
import type { Proofs } from './proofs.ts'

/** Which entries a member believes: attested ones only if it shows tokens itself. */
export function composeTrust(
  config: Config,
  proofs: Proofs | undefined,
  { verifier, repository }: { readonly verifier: TokenVerifier; readonly repository: string },
): { readonly trust: EntryTrust; readonly attested: boolean } {
  const attested = proofs?.tokens !== undefined
  const trust = new AttestedTrust(
    { verifier: proofs?.tokens?.verifier ?? verifier },
    {
      requiresToken: attested,
      defaultScope: defaultScopeOf(config, repository),
    },
  )
  return { trust, attested }
}

/** Checks the tokens of the issuers that are trusted. */
export function composeVerifier({ home, tokens }: Config, logger: Logger): LazyVerifier {
  const parts = { logger: logger.scoped('identity') }
  const options = { issuers: tokens.issuers, folder: join(home, 'issuers') }
  let opened: Promise<IssuerVerifier> | undefined
  // A swarm without tokens need not load what checks them.
  const open = async (): Promise<IssuerVerifier> => {
    opened ??= import('../identity/issuer-verifier.ts').then(
      (module) => new module.IssuerVerifier(parts, options),
    )
    return await opened
  }
  return {
    verify: async (...call) => await (await open()).verify(...call),
    claims: async (...call) => await (await open()).claims(...call),
  }
}

type LazyVerifier = Pick<IssuerVerifier, 'verify' | 'claims'>
