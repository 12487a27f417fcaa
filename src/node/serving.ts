import type { Digest } from '../core/digest.ts'
import type { EntryQuery } from '../core/entry.ts'
import { nearMissOf } from '../core/entry-match.ts'
import type { PeerId, Role } from '../core/peer.ts'
import { readableScopes, writesDefault } from '../core/scope-rules.ts'
import type { CheckEntry } from '../identity/identity.ts'
import type { LocalAnswer, LocalAnswers } from '../router/router.ts'
import type { Store } from '../store/store.ts'
import type { Swarm } from '../swarm/swarm.ts'
import type { ChunkSupply, SuppliedFrame } from '../transfer/transfer.ts'

/** What a node of `role` gives to the other peers: the store, or nothing if it is a reader. */
export function supplyFrom(store: Store, role: Role): ChunkSupply {
  return role === 'reader' ? NOTHING_SUPPLIED : new StoreSupply(store)
}

/** What answers are made from. */
export interface AnswersParts {
  readonly store: Store
  readonly checkEntry: CheckEntry
  readonly swarm: Pick<Swarm, 'peers'>
}

/** Who answers, and what it knows of the repository. */
export interface AnswersOptions {
  readonly role: Role
  /** Scope of the default branch, if it is known. */
  readonly defaultScope?: string
}

/**
 * What a node answers to the questions of other peers: its index, as far as the run that a peer's ID token
 * attests may read it, or nothing if it is a reader. A run that may write to the default branch, and a member
 * that shows no token, are taken at their word: they may ask for several jobs.
 */
export function answersFrom(parts: AnswersParts, options: AnswersOptions): LocalAnswers {
  return options.role === 'reader' ? NOTHING_KNOWN : new StoreAnswers(parts, options)
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
  readonly #parts: AnswersParts
  readonly #defaultScope: string | undefined

  constructor(parts: AnswersParts, { defaultScope }: AnswersOptions) {
    this.#parts = parts
    this.#defaultScope = defaultScope
  }

  async find(asked: EntryQuery, asker: PeerId): Promise<LocalAnswer> {
    const { store, checkEntry } = this.#parts
    const query = { ...asked, scopes: this.#readable(asked.scopes, asker) }
    if (query.scopes.length === 0) return { nearMisses: [] }
    const match = await store.findEntry(query)
    if (match !== undefined) {
      // What lay on the disk may have been changed there; whoever passes it on is blamed for it.
      const { trusted } = await checkEntry(match.entry)
      return { entry: trusted ? match.entry : undefined, nearMisses: [] }
    }
    const near = await store.findNearMisses(query)
    return { nearMisses: near.map((entry) => nearMissOf(entry, query)) }
  }

  async holds(manifest: Digest): Promise<boolean> {
    return (await this.#parts.store.getManifest(manifest)) !== undefined
  }

  #readable(scopes: readonly string[], asker: PeerId): readonly string[] {
    const run = this.#parts.swarm.peers().find(({ peerId }) => peerId === asker)?.attestation
    if (run === undefined) return scopes
    const { event, ref, baseRef } = run
    const defaultScope = this.#defaultScope
    // A node of a host asks for its jobs too; whom everybody's caches are entrusted to may do so.
    if (writesDefault({ event, ref, defaultScope })) return scopes
    return readableScopes({ ref, baseRef, defaultScope }, scopes)
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
