import type { Digest } from '../core/digest.ts'
import type { PeerId } from '../core/peer.ts'

/** A chunk that a reader waits for. */
export interface WantedChunk {
  readonly id: number
  readonly digest: Digest
}

/** One conversation that reads a manifest. */
export interface SendReader {
  readonly peerId: PeerId
  /** True if this node holds all that the reader wants, and others that fetch it can do without this node. */
  readonly isSpared: boolean
}

/** What to send next, or how long to wait for something better. */
export type SendChoice<W extends WantedChunk> = { readonly wanted: W } | { readonly waitMs: number }

interface Sent {
  count: number
  readonly firstAt: number
  lastAt: number
}

// Of what a reader waits for only so many are compared; it rarely asks for more at once.
const MAX_COMPARED = 256
// Others get a chunk from the reader it went to about as fast as they did before; slower if the crowd is busy.
const FIRST_HOLD_MS = 500
const HOLD_RELAYS = 3
const MIN_HOLD_MS = 50
// Well below the time after which a reader takes a silent holder for stalled.
const MAX_HOLD_MS = 1500
// The median is followed in steps, so that one slow reader does not count for more than it is.
const RELAY_STEP = 1.05
const MAX_REMEMBERED = 16_384

/**
 * In which order the readers of one manifest get what they want.
 *
 * Alone, a reader gets it in the order asked. Among several, each is first given what nobody has been given
 * yet, and what was given to one is kept back from the others for a moment: they get it from each other, and
 * withdraw their wish here. That way a holder sends a crowd little more than one copy of everything.
 */
export class SendOrder {
  readonly #now: () => number
  readonly #readers = new Set<SendReader>()
  readonly #sent = new Map<Digest, Sent>()
  /** Usual milliseconds from sending a chunk to its first reader until another has found it there. */
  #relayMs: number | undefined

  constructor(now: () => number) {
    this.#now = now
  }

  get readers(): Iterable<SendReader> {
    return this.#readers
  }

  get size(): number {
    return this.#readers.size
  }

  add(reader: SendReader): void {
    this.#readers.add(reader)
  }

  remove(reader: SendReader): void {
    this.#readers.delete(reader)
  }

  /** Which of the wishes, in the order asked, the reader should get; at least one is given. */
  choose<W extends WantedChunk>(reader: SendReader, wishes: Iterable<W>): SendChoice<W> {
    const now = this.#now()
    const alone = this.#readers.size < 2
    let best: W | undefined
    let leastCount = Infinity
    let waitMs = Infinity
    let compared = 0
    for (const wanted of wishes) {
      if (alone) return { wanted }
      if ((compared += 1) > MAX_COMPARED) break
      const sent = this.#sent.get(wanted.digest)
      if (sent === undefined) return { wanted }
      const leftMs = reader.isSpared ? sent.lastAt + this.#holdMs - now : 0
      if (leftMs > 0) waitMs = Math.min(waitMs, leftMs)
      else if (sent.count < leastCount) {
        best = wanted
        leastCount = sent.count
      }
    }
    return best === undefined ? { waitMs: Math.ceil(waitMs) } : { wanted: best }
  }

  /** A chunk is on its way to a reader. */
  began(digest: Digest): void {
    const now = this.#now()
    const sent = this.#sent.get(digest) ?? { count: 0, firstAt: now, lastAt: now }
    sent.count += 1
    sent.lastAt = now
    this.#sent.delete(digest)
    this.#sent.set(digest, sent)
    if (this.#sent.size <= MAX_REMEMBERED) return
    const [oldest] = this.#sent.keys()
    this.#sent.delete(oldest!)
  }

  /** A reader no longer wants a chunk from here. */
  withdrawn(digest: Digest): void {
    const sent = this.#sent.get(digest)
    if (sent === undefined) return
    const milliseconds = this.#now() - sent.firstAt
    const old = Math.max(1, this.#relayMs ?? milliseconds)
    this.#relayMs = milliseconds > old ? old * RELAY_STEP : old / RELAY_STEP
  }

  get #holdMs(): number {
    if (this.#relayMs === undefined) return FIRST_HOLD_MS
    return Math.min(MAX_HOLD_MS, Math.max(MIN_HOLD_MS, HOLD_RELAYS * this.#relayMs))
  }
}
