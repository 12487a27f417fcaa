import { withDeadline } from '../async/deadline.ts'
import { errorMessage } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { PeerRecord } from '../core/peer.ts'
import { MAX_PEER_ADDRESSES } from '../core/peer.ts'
import type { Registry } from '../registry/registry.ts'

// A registry is a disk or one small request; what takes longer is tried again later.
const CALL_DEADLINE_MS = 5000

/**
 * Calls to the registries of a swarm, none of which may hold up or bring down the others.
 *
 * A failure is a warning the first time and then silent until that registry works again.
 */
export class RegistryCalls {
  readonly #registries: readonly Registry[]
  readonly #logger: Logger
  /** What each registry could not do the last time. */
  readonly #failing = new Map<Registry, Set<string>>()

  constructor(registries: readonly Registry[], logger: Logger) {
    this.#registries = registries
    this.#logger = logger
  }

  /** True if every registry took the record. */
  async announce(record: PeerRecord, signal: AbortSignal): Promise<boolean> {
    const done = await this.#each('announce this node in', signal, async (registry, stop) => {
      await registry.announce(record, { signal: stop })
      return true
    })
    return done.every((taken) => taken === true)
  }

  async withdraw(peerId: string, signal: AbortSignal): Promise<void> {
    await this.#each('withdraw this node from', signal, async (registry, stop) => {
      await registry.withdraw(peerId, { signal: stop })
    })
  }

  /** The records of all registries, one for each peer, with the addresses of all of them. */
  async discover(signal: AbortSignal): Promise<PeerRecord[]> {
    const lists = await this.#each('discover peers in', signal, async (registry, stop) => {
      return await registry.discover({ signal: stop })
    })
    const records = new Map<string, PeerRecord>()
    for (const record of lists.flatMap((list) => list ?? [])) {
      const known = records.get(record.peerId)
      records.set(record.peerId, known === undefined ? record : joinRecords(known, record))
    }
    return [...records.values()]
  }

  /** Calls `onChange` after a change in any registry; returns how to stop. */
  watch(onChange: () => void): () => void {
    const stops: (() => void)[] = []
    for (const registry of this.#registries) {
      try {
        stops.push(registry.watch(onChange))
      } catch (error) {
        this.#failed(registry, 'watch', error)
      }
    }
    return () => {
      for (const stop of stops) stop()
    }
  }

  async #each<T>(
    doing: string,
    signal: AbortSignal,
    call: (registry: Registry, signal: AbortSignal) => Promise<T>,
  ): Promise<(T | undefined)[]> {
    return await Promise.all(
      this.#registries.map(async (registry) => {
        try {
          const result = await withDeadline(
            CALL_DEADLINE_MS,
            `The registry ${registry.name}`,
            signal,
            (stop) => call(registry, stop),
          )
          this.#succeeded(registry, doing)
          return result
        } catch (error) {
          if (!signal.aborted) this.#failed(registry, doing, error)
          return undefined
        }
      }),
    )
  }

  #failed(registry: Registry, doing: string, error: unknown): void {
    const known = this.#failing.get(registry) ?? new Set()
    this.#failing.set(registry, known)
    const level = known.has(doing) ? 'debug' : 'warning'
    known.add(doing)
    this.#logger.log(level, `Could not ${doing} ${registry.name}; trying again later.`, {
      reason: errorMessage(error),
    })
  }

  #succeeded(registry: Registry, doing: string): void {
    if (this.#failing.get(registry)?.delete(doing) !== true) return
    this.#logger.log('info', `Again able to ${doing} ${registry.name}.`)
  }
}

function joinRecords(a: PeerRecord, b: PeerRecord): PeerRecord {
  const addresses = [...new Set([...a.addresses, ...b.addresses])].slice(0, MAX_PEER_ADDRESSES)
  const [later] = a.expires >= b.expires ? [a] : [b]
  return { ...later, addresses }
}
