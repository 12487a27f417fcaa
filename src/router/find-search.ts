import type { EntryMatch } from '../core/entry-match.ts'
import { compareMatches } from '../core/entry-match.ts'
import type { NearMiss, SignedEntry } from '../core/entry.ts'
import type { PeerId } from '../core/peer.ts'
import type { CheckedAnswer } from './query-client.ts'
import { MAX_NEAR_MISSES } from './query-wire.ts'
import type { FoundEntry } from './router.ts'

/** Collects the answers to one query and says when they are enough. */
export class FindSearch {
  readonly #matches = new Map<PeerId, EntryMatch<SignedEntry>>()
  readonly #nearMisses = new Map<string, NearMiss>()
  readonly #asked = new Set<PeerId>()
  #answered = 0
  #best: EntryMatch<SignedEntry> | undefined

  /** True if the peer has not been asked yet. */
  addAsked(peerId: PeerId): boolean {
    if (this.#asked.has(peerId)) return false
    this.#asked.add(peerId)
    return true
  }

  addAnswer(peerId: PeerId, answer: CheckedAnswer): void {
    this.#answered += 1
    for (const miss of answer.nearMisses) {
      if (this.#nearMisses.size >= MAX_NEAR_MISSES) break
      this.#nearMisses.set(JSON.stringify([miss.reason, miss.key, miss.scope]), miss)
    }
    const { match } = answer
    if (match === undefined) return
    this.#matches.set(peerId, match)
    if (this.#best === undefined || compareMatches(match, this.#best) < 0) this.#best = match
  }

  get asked(): number {
    return this.#asked.size
  }

  /** True once no other answer could be better: the key itself, in the first scope. */
  get isSettled(): boolean {
    return this.#best !== undefined && this.#best.hit === 'exact' && this.#best.scopeRank === 0
  }

  /** What is known now; `rank` orders the holders. */
  result(rank: (peers: PeerId[]) => PeerId[]): FoundEntry {
    const counts = { asked: this.#asked.size, answered: this.#answered }
    const best = this.#best
    if (best === undefined) {
      return { holders: [], nearMisses: [...this.#nearMisses.values()], ...counts }
    }
    const holders = [...this.#matches]
      .filter(([, match]) => match.entry.manifest === best.entry.manifest)
      .map(([peerId]) => peerId)
    return { match: best, holders: rank(holders), nearMisses: [], ...counts }
  }
}
