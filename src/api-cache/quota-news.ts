import type { ToldQuota } from './answer-question.ts'
import type { QuotaName, QuotaState } from './api-cache.ts'
import type { SharedQuotas } from './shared-quotas.ts'

/** What telling of quotas works with. */
export interface QuotaNewsParts {
  readonly quotas: SharedQuotas
  /** Tells all peers. */
  readonly tell: (quotas: readonly ToldQuota[]) => Promise<void>
}

// Above this share of a quota nobody does anything differently.
const SCARCE_SHARE = 0.25
// Each further such share is news again.
const STEP_SHARE = 0.05
// All that happens meanwhile is told at once.
const GATHER_MS = 500

/** Tells peers unasked when a quota of the repository runs out. */
export class QuotaNews {
  readonly #parts: QuotaNewsParts
  readonly #told = new Map<QuotaName, QuotaState>()
  readonly #waiting = new Map<QuotaName, ToldQuota>()
  #timer: NodeJS.Timeout | undefined
  #stopListening: (() => void) | undefined

  constructor(parts: QuotaNewsParts) {
    this.#parts = parts
  }

  start(): void {
    this.#stopListening = this.#parts.quotas.listen((name, state) => this.#saw(name, state))
  }

  stop(): void {
    this.#stopListening?.()
    clearTimeout(this.#timer)
  }

  #saw(name: QuotaName, state: QuotaState): void {
    const told = this.#parts.quotas.tellable(name, state)
    if (told === undefined || !isScarce(state)) return
    const last = this.#told.get(name)
    if (last !== undefined && last.reset >= state.reset && !isStep(last, state)) return
    this.#told.set(name, state)
    this.#waiting.set(name, told)
    this.#timer ??= setTimeout(() => void this.#send(), GATHER_MS).unref()
  }

  async #send(): Promise<void> {
    this.#timer = undefined
    const news = [...this.#waiting.values()]
    this.#waiting.clear()
    await this.#parts.tell(news)
  }
}

function isScarce({ limit, remaining }: QuotaState): boolean {
  return remaining <= limit * SCARCE_SHARE
}

function isStep(last: QuotaState, { limit, remaining }: QuotaState): boolean {
  if (remaining === 0) return last.remaining > 0
  return last.remaining - remaining >= limit * STEP_SHARE
}
