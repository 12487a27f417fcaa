import type { Digest } from '../core/digest.ts'
import type { PeerId } from '../core/peer.ts'
import { SendOrder } from './send-order.ts'
import type { SendReader } from './send-order.ts'
import { MAX_READERS } from './transfer-wire.ts'

/** A conversation that wants to know what this node gets. */
export interface CrowdReader extends SendReader {
  /** A chunk arrived at this node and will be in its store soon. */
  arrived(digest: Digest): void
}

/** How a reader finds the crowd that it joins. */
export interface Crowd {
  readonly order: SendOrder
  /** Other peers in it, the last to come first. */
  readonly others: readonly PeerId[]
  /** True if this node fetches the manifest itself. */
  readonly fetching: boolean
}

// Of what arrived before a reader came, so much may not be in the store yet.
const MAX_RECENT = 512

/** Those that fetch the same manifest at the same time, as far as this node sees them: its readers and itself. */
export class Crowds {
  readonly #now: () => number
  readonly #orders = new Map<Digest, SendOrder>()
  readonly #readers = new Set<CrowdReader>()
  readonly #fetches = new Map<Digest, Set<(peerId: PeerId) => void>>()
  readonly #recent = new Set<Digest>()

  constructor(now: () => number) {
    this.#now = now
  }

  join(manifest: Digest, reader: CrowdReader): Crowd {
    const order = this.#orders.get(manifest) ?? new SendOrder(this.#now)
    this.#orders.set(manifest, order)
    const peers = new Set([...order.readers].reverse().map(({ peerId }) => peerId))
    peers.delete(reader.peerId)
    order.add(reader)
    this.#readers.add(reader)
    const fetches = this.#fetches.get(manifest)
    for (const joined of fetches ?? []) joined(reader.peerId)
    const others = [...peers].slice(0, MAX_READERS)
    return { order, others, fetching: fetches !== undefined }
  }

  leave(manifest: Digest, reader: CrowdReader): void {
    this.#readers.delete(reader)
    const order = this.#orders.get(manifest)
    order?.remove(reader)
    if (order?.size === 0) this.#orders.delete(manifest)
  }

  /** This node fetches a manifest until the returned function is called; `joined` names peers that read it here. */
  fetch(manifest: Digest, joined: (peerId: PeerId) => void): () => void {
    const fetches = this.#fetches.get(manifest) ?? new Set()
    this.#fetches.set(manifest, fetches)
    fetches.add(joined)
    const peers = new Set([...(this.#orders.get(manifest)?.readers ?? [])].map((r) => r.peerId))
    for (const peerId of peers) joined(peerId)
    return () => {
      fetches.delete(joined)
      if (fetches.size === 0) this.#fetches.delete(manifest)
    }
  }

  /** What was handed over of late, the newest last. */
  get recent(): Iterable<Digest> {
    return this.#recent
  }

  /** A chunk was fetched and handed over. */
  arrived(digest: Digest): void {
    this.#recent.add(digest)
    if (this.#recent.size > MAX_RECENT) this.#recent.delete(this.#recent.values().next().value!)
    for (const reader of this.#readers) reader.arrived(digest)
  }
}
