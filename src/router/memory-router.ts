import type { Digest } from '../core/digest.ts'
import type { EntryName, EntryQuery } from '../core/entry.ts'
import { matchEntry } from '../core/entry-match.ts'
import type { PeerId, PeerOutcome } from '../core/peer.ts'
import type { CheckEntry } from '../identity/identity.ts'
import { FindSearch } from './find-search.ts'
import { PeerScores } from './peer-score.ts'
import type { FoundEntry, LocalAnswers, Router, RouterOptions } from './router.ts'

/** The started routers that know of each other. */
export type MemoryRouterGroup = Map<PeerId, LocalAnswers>

/** What a router in memory works with. */
export interface MemoryRouterParts {
  readonly peerId: PeerId
  readonly group: MemoryRouterGroup
  readonly answers: LocalAnswers
  /** Everything is believed by default. */
  readonly checkEntry?: CheckEntry
}

/** Asks the other routers of its group directly; nobody has to be told of what a member holds. */
export class MemoryRouter implements Router {
  readonly #parts: MemoryRouterParts
  readonly #scores = new PeerScores({ now: () => performance.now(), random: Math.random })

  constructor(parts: MemoryRouterParts) {
    this.#parts = parts
  }

  start(): void {
    this.#parts.group.set(this.#parts.peerId, this.#parts.answers)
  }

  async stop(): Promise<void> {
    this.#parts.group.delete(this.#parts.peerId)
  }

  async find(query: EntryQuery, options: RouterOptions = {}): Promise<FoundEntry> {
    options.signal?.throwIfAborted()
    const search = new FindSearch()
    for (const peerId of this.#others()) {
      search.addAsked(peerId)
      const answer = await this.#parts.group.get(peerId)?.find(query, this.#parts.peerId)
      options.signal?.throwIfAborted()
      if (answer === undefined) continue
      const { entry, nearMisses } = answer
      const match = entry === undefined ? undefined : matchEntry(entry, query)
      const verdict = match && (await this.#parts.checkEntry?.(match.entry, options))
      const refused = verdict?.trusted === false
      if (refused && verdict.why === 'forged') this.failed(peerId, verdict.reason, true)
      search.addAnswer(peerId, { match: refused ? undefined : match, nearMisses })
    }
    return search.result((peers) => this.rank(peers))
  }

  async *holders(manifest: Digest, options: RouterOptions = {}): AsyncGenerator<PeerId> {
    for (const peerId of this.#others()) {
      options.signal?.throwIfAborted()
      if ((await this.#parts.group.get(peerId)?.holds(manifest)) === true) yield peerId
    }
  }

  provide(_entry: EntryName & { manifest: Digest }): void {}

  async withdraw(_entry: EntryName & { manifest: Digest }): Promise<void> {}

  succeeded(peerId: PeerId, outcome: PeerOutcome): void {
    this.#scores.succeeded(peerId, outcome)
  }

  failed(peerId: PeerId, _reason: string, misbehaved = false): void {
    this.#scores.failed(peerId, misbehaved)
  }

  isUsable(peerId: PeerId): boolean {
    return this.#scores.isUsable(peerId)
  }

  rank(peers: Iterable<PeerId>): PeerId[] {
    return this.#scores.rank(peers)
  }

  #others(): PeerId[] {
    return this.rank(this.#parts.group.keys()).filter((peerId) => peerId !== this.#parts.peerId)
  }
}
