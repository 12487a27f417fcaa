import type { Digest } from '../core/digest.ts'
import type { Answer, AnswerPeers, AnswerScope, AnswerShelf, FindOptions } from './api-cache.ts'
import { readable } from './tiered-answers.ts'

/** The shelves of peers in one process that know of each other. */
export class MemoryAnswerGroup {
  readonly shelves: Set<AnswerShelf> = new Set()
}

/** What peers in memory work with. */
export interface MemoryAnswerPeersParts {
  readonly group: MemoryAnswerGroup
  /** What this peer gives to the others. */
  readonly own: AnswerShelf
}

/** Peers of one process: for tests, and as the model of those of a swarm. */
export class MemoryAnswerPeers implements AnswerPeers {
  readonly #parts: MemoryAnswerPeersParts

  constructor(parts: MemoryAnswerPeersParts) {
    this.#parts = parts
    parts.group.shelves.add(parts.own)
  }

  async find(
    key: Digest,
    scope: AnswerScope,
    { known = [] }: FindOptions = {},
  ): Promise<readonly Answer[]> {
    const { group, own } = this.#parts
    const others = [...group.shelves].filter((shelf) => shelf !== own)
    const found = (await Promise.all(others.map((shelf) => shelf.get(key)))).flat()
    return readable(key, scope, found)
      .map(({ answer }) => answer)
      .filter(({ shared, digest }) => shared && !known.includes(digest))
  }
}
