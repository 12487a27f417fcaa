import { inputError } from './errors.ts'

const GITHUB_ISSUER = 'https://token.actions.githubusercontent.com'
const MAX_ISSUER_LENGTH = 512

/**
 * The issuer of ID tokens that belongs to a GitHub server: github.com, an enterprise on ghe.com, or GHES.
 *
 * https://docs.github.com/en/enterprise-server@latest/actions/reference/security/oidc
 */
export function issuerOfServer(serverUrl: string | undefined): string {
  const host = URL.parse(serverUrl ?? 'https://github.com')?.host ?? 'github.com'
  if (host === 'github.com') return GITHUB_ISSUER
  if (host.endsWith('.ghe.com')) return `https://token.actions.${host}`
  return `https://${host}/_services/token`
}

/**
 * An issuer as given, checked: its keys are fetched from there, so it must be a place that nobody can stand in for.
 *
 * @throws ERR_INPUT naming the setting.
 */
export function parseIssuer(value: string, setting: string): string {
  const url = URL.parse(value)
  const isPlain = url !== null && url.search === '' && url.hash === '' && url.username === ''
  if (!isPlain || !isTrustworthy(url) || value.length > MAX_ISSUER_LENGTH) {
    throw inputError(
      `${setting} contains "${value}", which is not the https URL of an issuer (http is for loopback only).`,
    )
  }
  // Issuers are compared by the letter, and tokens name them without a slash at the end.
  return value.replace(/\/+$/, '')
}

/** True if nobody on the way can change what this URL answers: https, or this machine. */
export function isTrustworthy(url: URL): boolean {
  if (url.protocol === 'https:') return true
  return url.protocol === 'http:' && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)
}
