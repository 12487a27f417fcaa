import type { Tier } from '../core/chunk.ts'
import type { Digest } from '../core/digest.ts'
import type { PeerId } from '../core/peer.ts'
import type { Turn, TurnOptions } from '../lease/lease.ts'

export { packAnswers, unpackAnswers } from './answer-pack.ts'
export { swarmcacheApi } from './octokit-plugin.ts'
export type { HookedClient } from './octokit-plugin.ts'

/** A function that answers HTTP requests as the global `fetch` does. */
export type Fetch = typeof globalThis.fetch

/** Whose answers are meant: the repository and refs of the job that asks, as for artifacts. */
export interface AnswerScope {
  /** owner/name, in lower case. */
  readonly repository: string
  /** The full ref that new answers belong to. */
  readonly scope: string
  /** Refs whose answers may be used, own first. */
  readonly readable: readonly string[]
  /** Why stored answers may not be used, or new ones not given to others; unset if they may. */
  readonly readRefused?: string
  readonly writeRefused?: string
}

/**
 * A body that GitHub sent with status 200 to a GET, and what of its headers is the same for everybody.
 *
 * It holds no token, no hash of one, and nothing that says who asked. Having it is no right to hand it out:
 * that takes GitHub's word for the very token that asks (a 200 or a 304).
 */
export interface Answer {
  /** Names the request: URL, media type and API version (`answerKey`). */
  readonly key: Digest
  readonly repository: string
  /** The ref of the job that fetched it. */
  readonly scope: string
  /** By lower-case name; only those that `sharedHeaders` lets through. */
  readonly headers: Readonly<Record<string, string>>
  /** Decoded bytes, as the ETag counts them. */
  readonly body: Uint8Array
  /** Of the body: tells answers of one key apart. */
  readonly digest: Digest
  /** True if GitHub's ETag for it was what the formula says, so that other tokens' ETags can be computed. */
  readonly byFormula: boolean
  /** False: it was fetched with a personal token or by a run that may not write, and stays in this process. */
  readonly shared: boolean
  /** When GitHub sent it, and when it last said that it still holds; milliseconds since the epoch. */
  readonly received: number
  readonly validated: number
}

/** An answer and the tier that had it. */
export interface FoundAnswer {
  readonly answer: Answer
  readonly tier: Tier
}

/** A wait that can be ended. */
export interface AnswerOptions {
  readonly signal?: AbortSignal
}

/** Options of looking for answers. */
export interface FindOptions extends AnswerOptions {
  /** Digests of the answers of that key that the asker has: they need not be sent again. */
  readonly known?: readonly Digest[]
  /** True: only what answers at once; the others were asked a moment ago. */
  readonly nearOnly?: boolean
  /** Who has just got an answer: asked before the others, who are left alone if it gives one. */
  readonly holder?: PeerId
}

/**
 * Answers that are kept somewhere, a few for each key, the oldest dropped for new ones; bounded in bytes.
 *
 * What is read is checked (`decodeAnswer`); a fault of the place is a miss that the shelf reports itself.
 */
export interface AnswerShelf {
  get(key: Digest, options?: AnswerOptions): Promise<readonly FoundAnswer[]>
  /** Keeps an answer; one of the same key and digest is replaced by whichever was validated later. */
  put(answer: Answer, options?: AnswerOptions): Promise<void>
  delete(key: Digest, digest: Digest): Promise<void>
  /** Bytes and answers kept, as far as this shelf knows. */
  usage(): { readonly bytes: number; readonly answers: number }
  close(): Promise<void>
}

/** The other members of the repository's swarm, as far as they hold answers. */
export interface AnswerPeers {
  /**
   * Answers of a key that members hold and the asker does not know; empty when nobody answers in time.
   *
   * Members hand out answers that are `shared`, of the same repository, and of a ref that the asker may read.
   */
  find(key: Digest, scope: AnswerScope, options?: FindOptions): Promise<readonly Answer[]>
}

/** What is left of a quota, as GitHub's headers said. */
export interface QuotaState {
  readonly limit: number
  readonly remaining: number
  /** When it is full again, and when this was said; milliseconds since the epoch. */
  readonly reset: number
  readonly seen: number
}

/** Names a quota: `<host> <resource> <repository or hash of a credential>`. */
export type QuotaName = string

/** What any runner saw of the quotas they share; kept current in the background, so it answers at once. */
export interface QuotaView {
  get(name: QuotaName): QuotaState | undefined
  /** Takes in what was seen here or elsewhere; of two for the same window the lower one counts. */
  saw(name: QuotaName, state: QuotaState): void
  /** Calls back with what is news here, until the returned function is called. */
  listen(listener: (name: QuotaName, state: QuotaState) => void): () => void
}

/**
 * Answers of one repository in every tier, and the turns to fetch them.
 *
 * It may live in another process (a node behind its control socket), so everything crosses as plain data.
 */
export interface AnswerTiers {
  /**
   * What is held of a key, nearest tier first, each digest once; empty if there is none or the tiers are at fault.
   *
   * Only answers of the asker's repository and readable scopes.
   */
  find(key: Digest, scope: AnswerScope, options?: FindOptions): Promise<readonly FoundAnswer[]>
  /** Keeps an answer that GitHub sent or confirmed; resolves once peers who ask are given it. */
  put(answer: Answer): Promise<void>
  /** The turn to fetch what others of this repository want too; its success means that they find an answer. */
  takeTurn(name: Digest, options?: TurnOptions): Promise<Turn>
  /** Waits for what is being written, within its deadlines. */
  close(): Promise<void>
}

/** How often requests were answered, and by what. */
export interface ApiStats {
  /** Requests to the API that were asked of the cache. */
  readonly requests: number
  /** Answers of GitHub that counted against a quota. */
  readonly charged: number
  /** Requests that GitHub confirmed with a 304, at no cost. */
  readonly free: number
  /** Requests that would have been charged without the cache: free, collapsed and stale ones. */
  readonly saved: number
  /** Requests answered by what GitHub told another request of the same token at the same moment. */
  readonly collapsed: number
  /** Answers handed out without asking GitHub now. */
  readonly stale: number
  /** Requests that failed, or were answered with an error. */
  readonly failed: number
  /** Requests that the cache has no part in: writes, ranges, callers with conditions of their own. */
  readonly passed: number
  /** Confirmed and stale answers by the tier that had the body; `upstream` counts bodies that GitHub sent. */
  readonly tiers: Readonly<Record<Tier, number>>
}

/**
 * Answers requests to the GitHub API from what any runner of the repository has fetched, after GitHub has
 * confirmed for the token that asks that it may see exactly these bytes and that they are current.
 */
export interface ApiCache extends AsyncDisposable {
  /**
   * As the global `fetch`, for GET and HEAD through the cache; everything else goes out as it is.
   *
   * A fault of the cache is never an error of the request. Errors of GitHub and of the network are the caller's,
   * as without the cache, unless an older answer may be handed out.
   */
  readonly fetch: Fetch
  /** The same through another `fetch` (a client with its own proxy or agent). */
  through(upstream: Fetch): Fetch
  stats(): ApiStats
  /** Closes the tiers; requests after that go to GitHub without stored answers. */
  stop(): Promise<void>
}

/** Tunables of an API cache. */
export interface ApiCacheOptions {
  /** Base URLs of the APIs whose answers are kept; `https://api.github.com` by default. */
  readonly apiUrls?: readonly string[]
  /** An answer that this token was confirmed within so many milliseconds is given without asking; 0 by default. */
  readonly maxStaleMs?: number
  /** How old such a confirmation may be when GitHub is down or refuses because of its limits; 0 by default. */
  readonly staleOnErrorMs?: number
  /** Longest wait in milliseconds for the sake of a limit; 10 seconds by default. */
  readonly maxWaitMs?: number
  /** Longest wait in milliseconds for the answer to the same request of another; 10 seconds by default. */
  readonly turnWaitMs?: number
  /** True: what personal tokens fetch is shared with the runners of the repository, too. */
  readonly sharePersonal?: boolean
}
