import type { Digest } from '../core/digest.ts'
import { errorMessage } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { PeerId } from '../core/peer.ts'
import type { PeerChoice } from './transfer.ts'

/** What a search for holders needs. */
export interface HolderSearchParts {
  readonly peers: PeerChoice
  /** Calls the listener for every peer that connects, until the returned function is called. */
  readonly onConnected: (listener: (peerId: PeerId) => void) => () => void
  readonly logger: Logger
}

/**
 * How a peer became a candidate: it was found as a holder of all; the router named it as a holder, perhaps of
 * a part; another peer says that it fetches the same; it connected.
 */
export type Hint = 'holder' | 'named' | 'reader' | 'connected'

/** A peer worth trying. */
export interface Candidate {
  readonly peerId: PeerId
  readonly hint: Hint
}

const HINTS: readonly Hint[] = ['connected', 'reader', 'named', 'holder']

// More than a fetch ever opens; the rest is dropped.
const MAX_CANDIDATES = 256

/** Peers that may hold what a fetch needs: those given, those the router names, those that connect meanwhile. */
export class HolderSearch {
  readonly #parts: HolderSearchParts
  readonly #manifest: Digest
  readonly #onChange: () => void
  readonly #candidates = new Map<PeerId, Hint>()
  /** Peers that are in use or were left for good. */
  readonly #taken = new Set<PeerId>()
  readonly #ending = new AbortController()
  readonly #stopListening: () => void
  #searching = false

  constructor(
    parts: HolderSearchParts,
    manifest: Digest,
    holders: readonly PeerId[],
    onChange: () => void,
  ) {
    this.#parts = parts
    this.#manifest = manifest
    this.#onChange = onChange
    for (const peerId of holders) this.add(peerId, 'holder')
    this.#stopListening = parts.onConnected((peerId) => {
      if (this.add(peerId, 'connected')) onChange()
    })
  }

  get isSearching(): boolean {
    return this.#searching
  }

  /** True if there is a candidate that may be tried now. */
  get hasNext(): boolean {
    return this.#candidates.keys().some((peerId) => this.#parts.peers.isUsable(peerId))
  }

  /** True if the peer is a candidate now and was none before. */
  add(peerId: PeerId, hint: Hint): boolean {
    if (this.#taken.has(peerId)) return false
    const known = this.#candidates.get(peerId)
    if (known === undefined && this.#candidates.size >= MAX_CANDIDATES) return false
    if (known === undefined || HINTS.indexOf(hint) > HINTS.indexOf(known)) {
      this.#candidates.set(peerId, hint)
    }
    return known === undefined
  }

  /** The best candidate, which is taken until `release`. */
  next(): Candidate | undefined {
    const [peerId] = this.#parts.peers.rank(this.#candidates.keys())
    if (peerId === undefined) return undefined
    const hint = this.#candidates.get(peerId)!
    this.#candidates.delete(peerId)
    this.#taken.add(peerId)
    return { peerId, hint }
  }

  /** The peer may be named again; it is no candidate until then. */
  release(peerId: PeerId): void {
    this.#taken.delete(peerId)
  }

  /** Asks the router, unless it is being asked already. */
  start(): void {
    if (this.#searching || this.#ending.signal.aborted) return
    this.#searching = true
    void this.#search()
  }

  close(): void {
    this.#ending.abort()
    this.#stopListening()
  }

  async #search(): Promise<void> {
    const { peers, logger } = this.#parts
    const { signal } = this.#ending
    try {
      for await (const peerId of peers.holders(this.#manifest, { signal })) {
        if (signal.aborted) return
        if (this.add(peerId, 'named')) this.#onChange()
      }
    } catch (error) {
      if (!signal.aborted) {
        logger.log('debug', 'The search for holders failed', { error: errorMessage(error) })
      }
    } finally {
      this.#searching = false
    }
    if (!signal.aborted) this.#onChange()
  }
}
