import { pause } from '../async/deadline.ts'
import { endOfPart } from '../core/archive-part.ts'
import type { ArchivePart } from '../core/archive-part.ts'
import type { Digest } from '../core/digest.ts'

/** Bounds on what a table keeps. */
export interface PartTableOptions {
  readonly maxNames?: number
  readonly maxParts?: number
}

interface KeptParts {
  /** By number of their first piece; of two with the same the newer one counts. */
  readonly parts: Map<number, ArchivePart>
  readonly waiting: Set<() => void>
  usedMs: number
}

// Downloads of one repository that go on, or have just ended, at a node.
const MAX_NAMES = 16
// Of one download; a part has a quarter of a second's worth, and some 4 KB with its token.
const MAX_PARTS = 2048
// Who has not asked by then has the archive, or asks somebody else.
const KEPT_MS = 120_000
// In one answer: a few hundred KB with their tokens.
const MAX_ANSWERED = 64

/** The parts of archives that this node has to offer, as they come. */
export class PartTable {
  readonly #maxNames: number
  readonly #maxParts: number
  readonly #names = new Map<Digest, KeptParts>()

  constructor(options: PartTableOptions = {}) {
    this.#maxNames = options.maxNames ?? MAX_NAMES
    this.#maxParts = options.maxParts ?? MAX_PARTS
  }

  /** Keeps a part; false if there is no room for more of that name. */
  put(name: Digest, part: ArchivePart): boolean {
    const kept = this.#keptOf(name)
    if (kept.parts.size >= this.#maxParts && !kept.parts.has(part.first)) return false
    kept.parts.delete(part.first)
    kept.parts.set(part.first, part)
    for (const wake of kept.waiting) wake()
    return true
  }

  /** Parts that reach beyond the pieces before `first`, in order; waits until there is one, for `waitMs` at most. */
  async next(
    name: Digest,
    first: number,
    waitMs: number,
    signal?: AbortSignal,
  ): Promise<ArchivePart[]> {
    const found = this.#from(name, first)
    if (found.length > 0) return found
    const kept = this.#keptOf(name)
    const over = new AbortController()
    const wake = (): void => over.abort()
    kept.waiting.add(wake)
    try {
      await pause(waitMs, AbortSignal.any(signal ? [signal, over.signal] : [over.signal]))
    } catch {
      signal?.throwIfAborted()
    } finally {
      kept.waiting.delete(wake)
    }
    return this.#from(name, first)
  }

  #from(name: Digest, first: number): ArchivePart[] {
    const kept = this.#names.get(name)
    if (kept === undefined) return []
    kept.usedMs = performance.now()
    const found = [...kept.parts.values()].filter((part) => endOfPart(part) > first)
    return found.sort((a, b) => a.first - b.first).slice(0, MAX_ANSWERED)
  }

  #keptOf(name: Digest): KeptParts {
    const now = performance.now()
    const kept = this.#names.get(name) ?? { parts: new Map(), waiting: new Set(), usedMs: now }
    kept.usedMs = now
    this.#names.delete(name)
    this.#names.set(name, kept)
    for (const [other, { usedMs, waiting }] of this.#names) {
      const isOver = this.#names.size > this.#maxNames || now - usedMs > KEPT_MS
      if (isOver && waiting.size === 0 && other !== name) this.#names.delete(other)
    }
    return kept
  }
}
