import { LRUCache } from 'lru-cache'
import type { Digest } from '../core/digest.ts'

/** What GitHub last told a token about a request: this body, under this ETag, at this time. */
export interface Right {
  readonly digest: Digest
  /** As GitHub wrote it for that token. */
  readonly etag: string
  /** When the request that was answered so was sent; milliseconds since the epoch. */
  readonly at: number
}

interface Known {
  readonly right?: Right
  /** The last time that GitHub refused it. */
  readonly refused?: number
}

// Some hundred bytes each.
const MAX_RIGHTS = 20_000

/**
 * Which token may be given which stored body without asking, because GitHub gave it that very body.
 *
 * A right is only ever learned from GitHub's own answer to this process, never from a peer or a store, and lost
 * with the first answer that speaks against it, whichever of two overtakes the other. Tokens are known by their hash.
 */
export class Rights {
  readonly #known = new LRUCache<string, Known>({ max: MAX_RIGHTS })
  readonly #refusedTokens = new LRUCache<Digest, number>({ max: MAX_RIGHTS })
  readonly #views = new LRUCache<Digest, true>({ max: MAX_RIGHTS })

  get(key: Digest, credential: Digest): Right | undefined {
    const right = this.#known.get(nameOf(key, credential))?.right
    const refused = this.#refusedTokens.get(credential) ?? 0
    return right === undefined || right.at <= refused ? undefined : right
  }

  /** Ignored if GitHub refused the same after that request was sent. */
  grant(key: Digest, credential: Digest, right: Right): void {
    const known = this.#known.get(nameOf(key, credential))
    if (right.at <= (known?.refused ?? 0) || right.at < (known?.right?.at ?? 0)) return
    this.#known.set(nameOf(key, credential), { ...known, right })
  }

  /** Whether GitHub was seen to answer tokens differently: then what one got says nothing of a change for others. */
  sawViews(key: Digest, differ: boolean): void {
    if (differ) this.#views.set(key, true)
    else this.#views.delete(key)
  }

  hasViews(key: Digest): boolean {
    return this.#views.has(key)
  }

  revoke(key: Digest, credential: Digest): void {
    this.#known.set(nameOf(key, credential), { refused: Date.now() })
  }

  /** The token itself is no good any more. */
  revokeAll(credential: Digest): void {
    this.#refusedTokens.set(credential, Date.now())
  }
}

function nameOf(key: Digest, credential: Digest): string {
  return `${credential} ${key}`
}
