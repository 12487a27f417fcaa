import { withDeadline } from '../async/deadline.ts'
import type { Digest } from '../core/digest.ts'
import { errorMessage } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { UNLED_TURN } from '../lease/lease.ts'
import type { Leases, Turn, TurnOptions } from '../lease/lease.ts'
import type {
  Answer,
  AnswerPeers,
  AnswerScope,
  AnswerShelf,
  AnswerTiers,
  FindOptions,
  FoundAnswer,
} from './api-cache.ts'

/** What the tiers of answers are made of. */
export interface TieredAnswersParts {
  /** In this process; it answers at once. */
  readonly memory: AnswerShelf
  /** Slower ones, which outlive the process or belong to the fleet. */
  readonly shelves?: readonly AnswerShelf[]
  readonly peers?: AnswerPeers
  readonly leases?: Pick<Leases, 'takeTurn'>
  readonly logger: Logger
}

/** Tunables of the tiers of answers. */
export interface TieredAnswersOptions {
  /** Longest wait for slower tiers, all asked at once. */
  readonly findMs?: number
  readonly putMs?: number
}

// A request to GitHub takes longer than this, and a tier that does not answer must not double it.
const FIND_MS = 250
const PUT_MS = 5000
const MAX_WRITES = 64

/** Answers in memory, on slower shelves and with the peers of one repository. */
export class TieredAnswers implements AnswerTiers {
  readonly #parts: TieredAnswersParts
  readonly #findMs: number
  readonly #putMs: number
  readonly #writes = new Set<Promise<void>>()

  constructor(parts: TieredAnswersParts, options: TieredAnswersOptions = {}) {
    this.#parts = parts
    this.#findMs = options.findMs ?? FIND_MS
    this.#putMs = options.putMs ?? PUT_MS
  }

  async find(
    key: Digest,
    scope: AnswerScope,
    options: FindOptions = {},
  ): Promise<readonly FoundAnswer[]> {
    const { memory, shelves = [], peers } = this.#parts
    const near = readable(key, scope, await memory.get(key))
    const { holder, signal, nearOnly = false } = options
    if (nearOnly && near.length > 0) return near
    const known = near.map(({ answer }) => answer.digest)
    const asked = [
      ...shelves.map((shelf) => this.#within('A shelf', signal, (ended) => shelf.get(key, ended))),
      this.#within('The peers', signal, async (ended) => {
        const answers = await peers?.find(key, scope, { ...ended, holder, known })
        return (answers ?? []).map((answer) => ({ answer, tier: 'peers' as const }))
      }),
    ]
    const far = readable(key, scope, (await Promise.all(asked)).flat())
    return distinct([...near, ...far])
  }

  async put(answer: Answer): Promise<void> {
    const { memory, shelves = [] } = this.#parts
    await memory.put(answer)
    if (!answer.shared) return
    for (const shelf of shelves) {
      // A slow shelf loses answers rather than holding up those who ask.
      if (this.#writes.size >= MAX_WRITES) return
      const write = withDeadline(this.#putMs, 'Storing an answer', undefined, async (signal) =>
        shelf.put(answer, { signal }),
      )
        .catch((error: unknown) => this.#log(`An answer was not stored: ${errorMessage(error)}`))
        .finally(() => this.#writes.delete(write))
      this.#writes.add(write)
    }
  }

  async takeTurn(name: Digest, options?: TurnOptions): Promise<Turn> {
    return (await this.#parts.leases?.takeTurn(name, options)) ?? UNLED_TURN
  }

  /** Ends what is being written, and the shelves. */
  async close(): Promise<void> {
    const { memory, shelves = [] } = this.#parts
    await Promise.all(this.#writes)
    await Promise.all([memory, ...shelves].map((shelf) => shelf.close()))
  }

  async #within(
    what: string,
    signal: AbortSignal | undefined,
    work: (options: { signal: AbortSignal }) => Promise<readonly FoundAnswer[]>,
  ): Promise<readonly FoundAnswer[]> {
    try {
      return await withDeadline(this.#findMs, what, signal, async (ended) =>
        work({ signal: ended }),
      )
    } catch (error) {
      signal?.throwIfAborted()
      this.#log(`Going on without it: ${errorMessage(error)}`)
      return []
    }
  }

  #log(message: string): void {
    this.#parts.logger.log('debug', message)
  }
}

/** What an asker of that scope may know of. */
export function readable(
  key: Digest,
  { repository, readable: scopes }: AnswerScope,
  found: readonly FoundAnswer[],
): FoundAnswer[] {
  return found.filter(
    ({ answer }) =>
      answer.key === key && answer.repository === repository && scopes.includes(answer.scope),
  )
}

function distinct(found: readonly FoundAnswer[]): FoundAnswer[] {
  const byDigest = new Map<Digest, FoundAnswer>()
  for (const one of found) {
    const same = byDigest.get(one.answer.digest)
    if (same === undefined) byDigest.set(one.answer.digest, one)
  }
  return [...byDigest.values()]
}
