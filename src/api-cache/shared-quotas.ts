import { LRUCache } from 'lru-cache'
import type { PeerId } from '../core/peer.ts'
import type { ToldQuota } from './answer-question.ts'
import { MAX_QUOTAS } from './answer-question.ts'
import type { QuotaName, QuotaState, QuotaView } from './api-cache.ts'
import { QuotaBoard } from './quota-board.ts'

interface Told {
  readonly state: QuotaState
  readonly at: number
  readonly by: PeerId
}

const MAX_TOLD = 64
const MAX_DISTRUSTED = 1024
// Peers tell again what still holds, so what they no longer tell counts for no longer.
const TOLD_MS = 60_000
const DISTRUST_MS = 10 * 60_000
// GitHub's windows last an hour; clocks differ by seconds.
const MAX_WINDOW_MS = 61 * 60_000
const SAME_WINDOW_MS = 10_000
// Answers overtake each other; more than this is no such race.
const LIE_SHARE = 0.1

/**
 * Quotas as this machine saw them in GitHub's answers, and as peers tell them.
 *
 * What a peer tells counts for a minute, and only until GitHub has told this machine itself, so that nobody can hold
 * the others up for longer; a peer that is contradicted by GitHub is not listened to for a while.
 */
export class SharedQuotas implements QuotaView {
  readonly #repository: string
  readonly #own: QuotaBoard = new QuotaBoard()
  /** When GitHub last said anything of a quota here, news or not. */
  readonly #heard = new LRUCache<QuotaName, number>({ max: MAX_TOLD })
  readonly #told = new LRUCache<QuotaName, Told>({ max: MAX_TOLD })
  readonly #distrusted = new LRUCache<PeerId, true>({ max: MAX_DISTRUSTED, ttl: DISTRUST_MS })
  readonly #shared = new LRUCache<QuotaName, true>({ max: MAX_QUOTAS })

  /** Of all quotas only those of the repository are told to peers: the others are named after tokens. */
  constructor({ repository }: { readonly repository: string }) {
    this.#repository = repository
  }

  get(name: QuotaName): QuotaState | undefined {
    const own = this.#own.get(name)
    const told = this.#told.get(name)
    const now = Date.now()
    if (told === undefined || told.state.reset <= now || now - told.at > TOLD_MS) return own
    if ((this.#heard.get(name) ?? 0) >= told.at) return own
    if (own === undefined || !isSameWindow(own, told.state)) return told.state
    return told.state.remaining < own.remaining ? told.state : own
  }

  saw(name: QuotaName, state: QuotaState): void {
    const told = this.#told.get(name)
    if (told !== undefined && told.at <= state.seen && isSameWindow(state, told.state)) {
      const isLie = state.remaining - told.state.remaining > state.limit * LIE_SHARE
      if (isLie) this.#distrusted.set(told.by, true)
      this.#told.delete(name)
    }
    this.#heard.set(name, Math.max(this.#heard.get(name) ?? 0, state.seen))
    if (name.endsWith(` ${this.#repository}`)) this.#shared.set(name, true)
    this.#own.saw(name, state)
  }

  listen(listener: (name: QuotaName, state: QuotaState) => void): () => void {
    return this.#own.listen(listener)
  }

  /** Takes in what a peer tells, as far as it can be true. */
  told(by: PeerId, quotas: readonly ToldQuota[]): void {
    if (this.#distrusted.has(by)) return
    const at = Date.now()
    for (const { host, resource, limit, remaining, reset } of quotas) {
      if (limit === 0 || remaining > limit || reset <= at || reset > at + MAX_WINDOW_MS) continue
      const state = { limit, remaining, reset, seen: at }
      this.#told.set(`${host} ${resource} ${this.#repository}`, { state, at, by })
    }
  }

  /** What this machine saw itself of the repository's quotas. */
  toTell(): readonly ToldQuota[] {
    return [...this.#shared.keys()].flatMap((name) => {
      const state = this.#own.get(name)
      return state === undefined ? [] : (this.tellable(name, state) ?? [])
    })
  }

  /** A quota as peers are told of it; undefined if it is not the repository's. */
  tellable(name: QuotaName, { limit, remaining, reset }: QuotaState): ToldQuota | undefined {
    const [host, resource, owner] = name.split(' ')
    if (owner !== this.#repository || host === undefined || resource === undefined) return undefined
    return { host, resource, limit, remaining, reset }
  }
}

function isSameWindow(a: QuotaState, b: QuotaState): boolean {
  return Math.abs(a.reset - b.reset) <= SAME_WINDOW_MS
}
