import type { PeerId, PeerRecord } from '../core/peer.ts'
import type { Registry, RegistryOptions } from './registry.ts'

/** A place in this process that several registries announce in. */
export class MemoryPlace {
  readonly records: Map<PeerId, PeerRecord> = new Map()
  readonly watchers: Set<() => void> = new Set()

  changed(): void {
    for (const watcher of this.watchers) queueMicrotask(watcher)
  }
}

/** A registry for one process: for tests and simulations. */
export class MemoryRegistry implements Registry {
  readonly name = 'memory:'
  readonly #place: MemoryPlace

  constructor(parts: { readonly place: MemoryPlace }) {
    this.#place = parts.place
  }

  async announce(record: PeerRecord, options?: RegistryOptions): Promise<void> {
    options?.signal?.throwIfAborted()
    this.#place.records.set(record.peerId, structuredClone(record))
    this.#place.changed()
  }

  async discover(options?: RegistryOptions): Promise<PeerRecord[]> {
    options?.signal?.throwIfAborted()
    const now = Date.now()
    return [...this.#place.records.values()]
      .filter((record) => record.expires > now)
      .map((record) => structuredClone(record))
  }

  async withdraw(peerId: PeerId, options?: RegistryOptions): Promise<void> {
    options?.signal?.throwIfAborted()
    if (this.#place.records.delete(peerId)) this.#place.changed()
  }

  watch(onChange: () => void): () => void {
    // Wrapped, so that watching twice with one function means two watches.
    const watcher = (): void => onChange()
    this.#place.watchers.add(watcher)
    return () => {
      this.#place.watchers.delete(watcher)
    }
  }
}
