import { abortable } from '../async/deadline.ts'
import { endOfPart } from '../core/archive-part.ts'
import type { ArchivePart } from '../core/archive-part.ts'
import type { Digest } from '../core/digest.ts'
import { SwarmCacheError } from '../core/errors.ts'
import type { PeerId } from '../core/peer.ts'
import { HeldTurn } from './held-turn.ts'
import type { HeldTurnOptions } from './held-turn.ts'
import { UNLED_TURN } from './lease.ts'
import type { Company, FollowedPart, Leases, Turn, TurnOptions } from './lease.ts'
import { joinLocal } from './lease-line.ts'
import { LeaseTable } from './lease-table.ts'
import type { LeaseTableOptions } from './lease-table.ts'
import { PARTS_WAIT_MS } from './lease-wire.ts'
import { PartTable } from './part-table.ts'

/** The lines of all leases of one process that know of each other. */
export class MemoryLeaseGroup {
  readonly table: LeaseTable
  readonly offered: PartTable = new PartTable()

  constructor(options: LeaseTableOptions = {}) {
    this.table = new LeaseTable(options)
  }
}

/** What leases in memory work with. */
export interface MemoryLeasesParts {
  readonly peerId: PeerId
  readonly group: MemoryLeaseGroup
}

const DEFAULTS: HeldTurnOptions = { beatMs: 500, stallMs: 30_000 }

/** Turns among callers of one process: where there is no swarm, and for tests. */
export class MemoryLeases implements Leases {
  readonly #parts: MemoryLeasesParts
  readonly #options: HeldTurnOptions
  readonly #turns = new Map<Digest, HeldTurn>()
  readonly #stopped = new AbortController()

  constructor(parts: MemoryLeasesParts, options: Partial<HeldTurnOptions> = {}) {
    this.#parts = parts
    this.#options = { ...DEFAULTS, ...options }
  }

  start(): void {}

  async stop(): Promise<void> {
    this.#stopped.abort(
      new SwarmCacheError('ERR_CLOSED', 'The node is stopping, so no turn can be waited for.'),
    )
    await Promise.all([...this.#turns.values()].map((turn) => turn.leave()))
  }

  async takeTurn(name: Digest, options: TurnOptions = {}): Promise<Turn> {
    const stopped = this.#stopped.signal
    const signal =
      options.signal === undefined ? stopped : AbortSignal.any([options.signal, stopped])
    signal.throwIfAborted()
    const { group, peerId } = this.#parts
    const line = joinLocal(group.table, peerId, name, {
      claim: {},
      onWaiting: ({ progress }) => options.onWaiting?.(progress),
    })
    if (line === undefined) return UNLED_TURN
    const outcome = await abortable(line.outcome, signal).catch((error: unknown) => {
      line.leave()
      throw error
    })
    if (outcome.kind === 'done') return outcome
    const turn = new HeldTurn({ line, reclaim: async () => undefined }, this.#options)
    this.#turns.set(name, turn)
    void turn.ended.then(() => {
      if (this.#turns.get(name) === turn) this.#turns.delete(name)
    })
    return turn
  }

  company(name: Digest): Company {
    return (this.#turns.get(name)?.others ?? 0) > 0 ? 'waiting' : 'none'
  }

  offer(name: Digest, part: ArchivePart): boolean {
    return this.#parts.group.offered.put(name, part)
  }

  async *follow(
    name: Digest,
    first: number,
    signal: AbortSignal,
  ): AsyncGenerator<FollowedPart, void, void> {
    const { group, peerId: by } = this.#parts
    const ending = AbortSignal.any([signal, this.#stopped.signal])
    for (let next = first; ;) {
      for (const part of await group.offered.next(name, next, PARTS_WAIT_MS, ending)) {
        next = Math.max(next, endOfPart(part))
        yield { part, by }
      }
    }
  }

  /** They are of the same process, and so are their stores. */
  hasFollowers(): boolean {
    return false
  }
}
