import type { Libp2p } from '@libp2p/interface'
import type { KadDHT } from '@libp2p/kad-dht'
import { startDeadline, withDeadline } from '../async/deadline.ts'
import { DIGEST_BYTES } from '../core/digest.ts'
import type { Digest } from '../core/digest.ts'
import type { PeerId } from '../core/peer.ts'
import { DHT_PROTOCOL, FIND_TIMEOUT_MS, PROVIDE_TIMEOUT_MS } from './libp2p-settings.ts'
import type { SwarmOptions } from './swarm.ts'

/** What libp2p names content by. */
export type ContentId = Parameters<KadDHT['provide']>[0]

// Multihash code of SHA-256: https://github.com/multiformats/multicodec/blob/master/table.csv
const SHA2_256 = 0x12
// Peers join in bursts; the routing table takes each in a moment after it is known.
const SETTLE_MS = 500

/** What the DHT of a node needs. */
export interface SwarmDhtParts {
  readonly node: Libp2p
  readonly dht: KadDHT
  readonly contentIdOf: (digest: Digest) => ContentId
}

/** Who holds what, by digest, as far as the DHT knows. */
export class SwarmDht {
  readonly #parts: SwarmDhtParts
  /** Statements that no other peer knows yet, because there was none. */
  readonly #untold = new Set<Digest>()
  #settling: NodeJS.Timeout | undefined

  constructor(parts: SwarmDhtParts) {
    this.#parts = parts
    parts.node.addEventListener('peer:identify', (event) => {
      if (event.detail.protocols.includes(DHT_PROTOCOL)) this.#tellSoon()
    })
  }

  stop(): void {
    clearTimeout(this.#settling)
    this.#untold.clear()
  }

  async provide(digest: Digest, options: SwarmOptions = {}): Promise<void> {
    // Kept until the closest peers know, so that a failure here is made good when peers come.
    this.#untold.add(digest)
    const told = await withDeadline(
      PROVIDE_TIMEOUT_MS,
      `Telling the DHT of ${digest}`,
      options.signal,
      (signal) => this.#tell(digest, signal),
    )
    if (told > 0) this.#untold.delete(digest)
  }

  async withdraw(digest: Digest): Promise<void> {
    this.#untold.delete(digest)
    await this.#parts.dht.cancelReprovide(this.#parts.contentIdOf(digest))
  }

  async *findProviders(digest: Digest, options: SwarmOptions = {}): AsyncGenerator<PeerId> {
    options.signal?.throwIfAborted()
    using deadline = startDeadline(FIND_TIMEOUT_MS, 'The search in the DHT', options.signal)
    const { node, contentIdOf } = this.#parts
    const seen = new Set<PeerId>([node.peerId.toString()])
    try {
      const search = node.contentRouting.findProviders(contentIdOf(digest), deadline)
      for await (const provider of search) {
        const peerId = provider.id.toString()
        if (seen.has(peerId)) continue
        seen.add(peerId)
        yield peerId
      }
    } catch (error) {
      options.signal?.throwIfAborted()
      // Out of time, or the peers that could have known are gone: the search is over.
      if (!deadline.signal.aborted && node.status === 'started') throw error
    }
  }

  /** How many peers have taken the statement. */
  async #tell(digest: Digest, signal: AbortSignal): Promise<number> {
    const { dht, contentIdOf } = this.#parts
    let told = 0
    for await (const event of dht.provide(contentIdOf(digest), { signal })) {
      if (event.name === 'PEER_RESPONSE' && event.messageName === 'ADD_PROVIDER') told += 1
    }
    return told
  }

  #tellSoon(): void {
    if (this.#untold.size === 0) return
    clearTimeout(this.#settling)
    this.#settling = setTimeout(() => void this.#tellUntold(), SETTLE_MS)
    this.#settling.unref()
  }

  async #tellUntold(): Promise<void> {
    for (const digest of this.#untold) {
      try {
        await this.provide(digest)
      } catch {
        // Another peer will come, and libp2p renews every statement from time to time.
        return
      }
    }
  }
}

/** A digest as a multihash. */
export function multihashOf(digest: Digest): {
  code: typeof SHA2_256
  size: number
  digest: Uint8Array<ArrayBuffer>
  bytes: Uint8Array<ArrayBuffer>
} {
  const bytes = Uint8Array.from([SHA2_256, DIGEST_BYTES, ...Buffer.from(digest, 'hex')])
  return { code: SHA2_256, size: DIGEST_BYTES, digest: bytes.subarray(2), bytes }
}
