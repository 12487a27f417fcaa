import { subscribe } from '../core/events.ts'
import type { PeerId } from '../core/peer.ts'

/** Bytes of chunks exchanged with one peer, as sent. */
export interface ExchangedBytes {
  readonly received: number
  readonly sent: number
}

// Those seen last; a fleet node meets many short-lived runners.
const MAX_PEERS = 4096
const NONE: ExchangedBytes = { received: 0, sent: 0 }

/** Counts the bytes exchanged with each peer while this process runs. */
export class PeerBytes implements Disposable {
  readonly #byPeer = new Map<PeerId, ExchangedBytes>()
  readonly #stops: (() => void)[]

  constructor() {
    this.#stops = [
      subscribe('chunks:received', ({ peerId, bytes }) => {
        if (peerId !== undefined) this.#add(peerId, bytes, 0)
      }),
      subscribe('chunks:sent', ({ peerId, bytes }) => this.#add(peerId, 0, bytes)),
    ]
  }

  of(peerId: PeerId): ExchangedBytes {
    return this.#byPeer.get(peerId) ?? NONE
  }

  [Symbol.dispose](): void {
    for (const stop of this.#stops) stop()
  }

  #add(peerId: PeerId, received: number, sent: number): void {
    const known = this.of(peerId)
    this.#byPeer.delete(peerId)
    this.#byPeer.set(peerId, { received: known.received + received, sent: known.sent + sent })
    if (this.#byPeer.size <= MAX_PEERS) return
    const [oldest] = this.#byPeer.keys()
    if (oldest !== undefined) this.#byPeer.delete(oldest)
  }
}
