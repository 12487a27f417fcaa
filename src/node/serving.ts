import type { Digest } from '../core/digest.ts'
import type { EntryQuery } from '../core/entry.ts'
import { nearMissOf } from '../core/entry-match.ts'
import type { Role } from '../core/peer.ts'
import type { CheckEntry } from '../identity/identity.ts'
import type { LocalAnswer, LocalAnswers } from '../router/router.ts'
import type { Store } from '../store/store.ts'
import type { ChunkSupply, SuppliedFrame } from '../transfer/transfer.ts'

/** What a node of `role` gives to the other peers: the store, or nothing if it is a reader. */
export function supplyFrom(store: Store, role: Role): ChunkSupply {
  return role === 'reader' ? NOTHING_SUPPLIED : new StoreSupply(store)
}

/** What a node of `role` answers to the questions of other peers: its index, or nothing if it is a reader. */
export function answersFrom(store: Store, role: Role, checkEntry: CheckEntry): LocalAnswers {
  return role === 'reader' ? NOTHING_KNOWN : new StoreAnswers(store, checkEntry)
}

class StoreSupply implements ChunkSupply {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async manifest(digest: Digest): Promise<Uint8Array | undefined> {
    return await this.#store.getManifest(digest)
  }

  async frame(digest: Digest): Promise<SuppliedFrame | undefined> {
    return await this.#store.get(digest)
  }

  async has(digests: readonly Digest[]): Promise<boolean[]> {
    return await this.#store.has(digests)
  }
}

class StoreAnswers implements LocalAnswers {
  readonly #store: Store
  readonly #checkEntry: CheckEntry

  constructor(store: Store, checkEntry: CheckEntry) {
    this.#store = store
    this.#checkEntry = checkEntry
  }

  async find(query: EntryQuery): Promise<LocalAnswer> {
    const match = await this.#store.findEntry(query)
    if (match !== undefined) {
      // What lay on the disk may have been changed there; whoever passes it on is blamed for it.
      const { trusted } = await this.#checkEntry(match.entry)
      return { entry: trusted ? match.entry : undefined, nearMisses: [] }
    }
    const near = await this.#store.findNearMisses(query)
    return { nearMisses: near.map((entry) => nearMissOf(entry, query)) }
  }

  async holds(manifest: Digest): Promise<boolean> {
    return (await this.#store.getManifest(manifest)) !== undefined
  }
}

const NOTHING_SUPPLIED: ChunkSupply = {
  async manifest() {
    return undefined
  },
  async frame() {
    return undefined
  },
  async has(digests) {
    return digests.map(() => false)
  },
}

const NOTHING_KNOWN: LocalAnswers = {
  async find() {
    return { nearMisses: [] }
  },
  async holds() {
    return false
  },
}
