import { withDeadline } from '../async/deadline.ts'
import { errorMessage } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { PeerRecord } from '../core/peer.ts'
import type { Registry, RegistryOptions, RegistryPace } from '../registry/registry.ts'
import type { Swarm } from '../swarm/swarm.ts'

// A registry is a disk or one small request; what takes longer is tried again later.
const CALL_DEADLINE_MS = 5000

/**
 * Calls to one registry of a swarm that cannot bring down their caller.
 *
 * A failure is a warning the first time and then silent until the registry works again.
 */
export class RegistryCalls {
  readonly #registry: Registry
  readonly #swarm: Swarm
  readonly #logger: Logger
  /** What it could not do the last time. */
  readonly #failing = new Set<string>()

  constructor(parts: { registry: Registry; swarm: Swarm; logger: Logger }) {
    this.#registry = parts.registry
    this.#swarm = parts.swarm
    this.#logger = parts.logger
  }

  get pace(): RegistryPace | undefined {
    return this.#registry.pace
  }

  /** True if the registry took the record. */
  async announce(record: PeerRecord, signal: AbortSignal): Promise<boolean> {
    const taken = await this.#call('announce this node in', signal, async (options) => {
      await this.#registry.announce(record, options)
      return true
    })
    return taken === true
  }

  async withdraw(peerId: string, signal: AbortSignal): Promise<void> {
    await this.#call('withdraw this node from', signal, async (options) => {
      await this.#registry.withdraw(peerId, options)
    })
  }

  /** The records of the registry; undefined if it could not be read. */
  async discover(signal: AbortSignal): Promise<PeerRecord[] | undefined> {
    return await this.#call('discover peers in', signal, async (options) => {
      return await this.#registry.discover(options)
    })
  }

  /** Calls `onChange` after a change in the registry; returns how to stop. */
  watch(onChange: () => void): () => void {
    try {
      return this.#registry.watch(onChange)
    } catch (error) {
      this.#failed('watch', error)
      return () => {}
    }
  }

  async #call<T>(
    doing: string,
    signal: AbortSignal,
    call: (options: RegistryOptions) => Promise<T>,
  ): Promise<T | undefined> {
    const connected = new Set(this.#swarm.peers().map((peer) => peer.peerId))
    try {
      const result = await withDeadline(
        this.#registry.pace?.deadlineMs ?? CALL_DEADLINE_MS,
        `The registry ${this.#registry.name}`,
        signal,
        (stop) => call({ signal: stop, connected }),
      )
      this.#succeeded(doing)
      return result
    } catch (error) {
      if (!signal.aborted) this.#failed(doing, error)
      return undefined
    }
  }

  #failed(doing: string, error: unknown): void {
    const level = this.#failing.has(doing) ? 'debug' : 'warning'
    this.#failing.add(doing)
    this.#logger.log(level, `Could not ${doing} ${this.#registry.name}; trying again later.`, {
      reason: errorMessage(error),
    })
  }

  #succeeded(doing: string): void {
    if (!this.#failing.delete(doing)) return
    this.#logger.log('info', `Again able to ${doing} ${this.#registry.name}.`)
  }
}
