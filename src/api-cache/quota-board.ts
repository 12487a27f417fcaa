import { LRUCache } from 'lru-cache'
import type { QuotaName, QuotaState, QuotaView } from './api-cache.ts'

const MAX_QUOTAS = 2000
// Clocks and GitHub's own servers differ by some seconds on when a window ends.
const SAME_WINDOW_MS = 10_000

/** What was seen of quotas, here and (as told by `saw`) elsewhere. */
export class QuotaBoard implements QuotaView {
  readonly #states = new LRUCache<QuotaName, QuotaState>({ max: MAX_QUOTAS })
  readonly #listeners = new Set<(name: QuotaName, state: QuotaState) => void>()

  get(name: QuotaName): QuotaState | undefined {
    const state = this.#states.get(name)
    return state === undefined || state.reset <= Date.now() ? undefined : state
  }

  saw(name: QuotaName, state: QuotaState): void {
    const known = this.get(name)
    if (known !== undefined && !isNews(state, known)) return
    this.#states.set(name, state)
    for (const listener of this.#listeners) listener(name, state)
  }

  listen(listener: (name: QuotaName, state: QuotaState) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }
}

/** Answers overtake each other, so within a window the lowest count is the latest. */
function isNews(state: QuotaState, known: QuotaState): boolean {
  if (state.reset > known.reset + SAME_WINDOW_MS) return true
  if (state.reset < known.reset - SAME_WINDOW_MS) return false
  return state.remaining < known.remaining
}
