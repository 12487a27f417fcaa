import { createHash } from 'node:crypto'
import type { Logger } from '../core/logger.ts'

/** The headers of a request that GitHub's ETag depends on, with the values that are sent. */
export interface EtagInput {
  readonly accept: string
  readonly authorization?: string
  readonly cookie?: string
}

// So many requests in a row of which none had matched before: one endpoint may have ETags of another kind.
const MISMATCHES_TO_GIVE_UP = 3
// Enough to rule out luck; each match is one of 256 bits.
const MATCHES_TO_TRUST_AGAIN = 5

/**
 * The ETag (without quotes) that GitHub gives to `body` for a request with these headers, as far as Vary names them.
 *
 * SHA-256 over Accept, Authorization and Cookie, each that was sent with a colon behind it, and the body before
 * compression. GitHub does not document this; it was found out by
 * https://github.com/bored-engineer/github-conditional-http-transport.
 */
export function expectedEtag(sent: EtagInput, vary: string | undefined, body: Uint8Array): string {
  const named = vary?.split(',').map((name) => name.trim().toLowerCase())
  const counts = (name: string): boolean =>
    named === undefined || named.includes('*') || named.includes(name)
  const hash = createHash('sha256')
  for (const name of ['accept', 'authorization', 'cookie'] as const) {
    const value = sent[name]
    if (value !== undefined && counts(name)) hash.update(`${value}:`)
  }
  return hash.update(body).digest('hex')
}

/** What stands between the quotes of an ETag, strong or weak; undefined if it is none. */
export function opaqueTag(etag: string | null | undefined): string | undefined {
  return /^(?:W\/)?"([^"]*)"$/.exec(etag ?? '')?.[1]
}

/** Knows for each host whether its ETags follow the formula, from every answer that brings one. */
export class FormulaWatch {
  readonly #logger: Logger
  /** Matches since the last mismatch as positive numbers, mismatches since the last match as negative ones. */
  readonly #streaks = new Map<string, number>()
  readonly #off = new Set<string>()

  constructor({ logger }: { readonly logger: Logger }) {
    this.#logger = logger
  }

  holds(host: string): boolean {
    return !this.#off.has(host)
  }

  /** Takes in one ETag; `matchedBefore` says that the same request had one that followed the formula. */
  saw(host: string, matched: boolean, matchedBefore: boolean): void {
    const streak = this.#streaks.get(host) ?? 0
    const next = matched ? Math.max(0, streak) + 1 : Math.min(0, streak) - 1
    this.#streaks.set(host, next)
    if (!this.#off.has(host)) {
      if (matched || (!matchedBefore && next > -MISMATCHES_TO_GIVE_UP)) return
      this.#off.add(host)
      this.#logger.log(
        'notice',
        `The ETags of ${host} no longer follow the formula that lets tokens share answers. Answers stay right, but each token now pays for its own first request.`,
      )
    } else if (next >= MATCHES_TO_TRUST_AGAIN) {
      this.#off.delete(host)
      this.#logger.log('notice', `The ETags of ${host} follow the formula again.`)
    }
  }
}
