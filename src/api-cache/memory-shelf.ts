import { LRUCache } from 'lru-cache'
import type { Digest } from '../core/digest.ts'
import type { Answer, AnswerShelf, FoundAnswer } from './api-cache.ts'

/** Tunables of answers in memory. */
export interface MemoryShelfOptions {
  readonly limitBytes?: number
}

/** Answers of one key that are kept: views of different tokens, and what was replaced a moment ago. */
export const MAX_ANSWERS_PER_KEY = 4

// A job's process holds them next to a build; some hundred answers of 50 kB each.
const DEFAULT_LIMIT_BYTES = 32 * 1024 * 1024
// Headers, digests and the objects around them.
const ANSWER_OVERHEAD_BYTES = 2048

/** Answers in the memory of this process, the least recently used dropped first. */
export class MemoryShelf implements AnswerShelf {
  readonly #answers: LRUCache<Digest, readonly Answer[]>

  constructor({ limitBytes = DEFAULT_LIMIT_BYTES }: MemoryShelfOptions = {}) {
    this.#answers = new LRUCache({
      maxSize: limitBytes,
      maxEntrySize: limitBytes,
      sizeCalculation: (answers) =>
        answers.reduce((sum, { body }) => sum + body.length + ANSWER_OVERHEAD_BYTES, 0),
    })
  }

  async get(key: Digest): Promise<readonly FoundAnswer[]> {
    return (this.#answers.get(key) ?? []).map((answer) => ({ answer, tier: 'memory' }))
  }

  async put(answer: Answer): Promise<void> {
    this.#answers.set(answer.key, addAnswer(this.#answers.get(answer.key) ?? [], answer))
  }

  async delete(key: Digest, digest: Digest): Promise<void> {
    const left = (this.#answers.get(key) ?? []).filter((answer) => answer.digest !== digest)
    if (left.length === 0) this.#answers.delete(key)
    else this.#answers.set(key, left)
  }

  usage(): { readonly bytes: number; readonly answers: number } {
    let answers = 0
    for (const kept of this.#answers.values()) answers += kept.length
    return { bytes: this.#answers.calculatedSize, answers }
  }

  async close(): Promise<void> {
    this.#answers.clear()
  }
}

/** The answers of a key with one more, the latest confirmed first; one body of one ref is there once. */
export function addAnswer(answers: readonly Answer[], answer: Answer): readonly Answer[] {
  const same = answers.find((other) => isSame(other, answer))
  const latest = same !== undefined && same.validated > answer.validated ? same : answer
  // What a job token was given, too, is no secret of a personal one.
  const shared = latest.shared || same?.shared === true
  const received = Math.min(latest.received, same?.received ?? Infinity)
  const others = answers.filter((other) => other !== same)
  return [{ ...latest, shared, received }, ...others]
    .toSorted((a, b) => b.validated - a.validated)
    .slice(0, MAX_ANSWERS_PER_KEY)
}

function isSame(a: Answer, b: Answer): boolean {
  return a.digest === b.digest && a.scope === b.scope && a.repository === b.repository
}
