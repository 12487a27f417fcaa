import { parseBootstrapAddress } from '../core/address.ts'
import { NEVER } from '../core/peer.ts'
import type { PeerId, PeerRecord } from '../core/peer.ts'
import type { Registry, RegistryOptions } from './registry.ts'

/** Peers at fixed addresses: their records never expire, and nobody can announce here. */
export class StaticRegistry implements Registry {
  readonly name = 'static:'
  readonly #records: readonly PeerRecord[]

  /** @throws ERR_INPUT naming an address that is not a multiaddr with a peer id. */
  constructor(options: { readonly addresses: readonly string[] }) {
    const addressesByPeer = new Map<PeerId, string[]>()
    for (const text of options.addresses) {
      const address = parseBootstrapAddress(text, 'The list of bootstrap addresses')
      const peerId = address.slice(address.lastIndexOf('/') + 1)
      const known = addressesByPeer.get(peerId) ?? []
      if (!known.includes(address)) addressesByPeer.set(peerId, [...known, address])
    }
    // Whoever has a fixed address is there to stay, so it counts as a seeder.
    this.#records = [...addressesByPeer].map(([peerId, addresses]) => ({
      peerId,
      addresses,
      role: 'seeder',
      expires: NEVER,
    }))
  }

  async announce(_record: PeerRecord, options?: RegistryOptions): Promise<void> {
    options?.signal?.throwIfAborted()
  }

  async discover(options?: RegistryOptions): Promise<PeerRecord[]> {
    options?.signal?.throwIfAborted()
    return [...this.#records]
  }

  async withdraw(_peerId: PeerId, options?: RegistryOptions): Promise<void> {
    options?.signal?.throwIfAborted()
  }

  watch(_onChange: () => void): () => void {
    return () => {}
  }
}
