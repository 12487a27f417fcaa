import { join } from 'node:path'
import type { Config } from '../config.ts'
import type { Logger } from '../core/logger.ts'
import { AttestedTrust } from '../identity/entry-trust.ts'
import type { EntryTrust } from '../identity/identity.ts'
import { IssuerVerifier } from '../identity/issuer-verifier.ts'
import type { Proofs } from './proofs.ts'

/** Which entries a member believes: attested ones only if it shows tokens itself. */
export function composeTrust(
  config: Config,
  proofs: Proofs | undefined,
  { verifier, repository }: { readonly verifier: IssuerVerifier; readonly repository: string },
): { readonly trust: EntryTrust; readonly attested: boolean } {
  const attested = proofs?.tokens !== undefined
  const { request } = config
  const trust = new AttestedTrust(
    { verifier: proofs?.tokens?.verifier ?? verifier },
    {
      requiresToken: attested,
      defaultScope: repository === request.repository ? request.defaultScope : undefined,
    },
  )
  return { trust, attested }
}

/** Checks the tokens of the issuers that are trusted. */
export function composeVerifier({ home, tokens }: Config, logger: Logger): IssuerVerifier {
  const folder = join(home, 'issuers')
  return new IssuerVerifier(
    { logger: logger.scoped('identity') },
    { issuers: tokens.issuers, folder },
  )
}
