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
  at: number
}

// Of what a reader waits for only so many are compared; it rarely asks for more at once.
const MAX_COMPARED = 256
// A chunk that went to one reader is passed on by that one within some times of what sending it takes.
const HOLD_SENDS = 8
const MAX_HOLD_MS = 600
const PACE_WEIGHT = 0.3
// A reader that takes bytes so many times slower than others do, and slower than 5 MB/s, passes nothing on in time.
const SLOW_FACTOR = 3
const SLOW_MS_PER_BYTE = 1 / 5000
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
  readonly #readers = new Map<SendReader, number | undefined>()
  readonly #sent = new Map<Digest, Sent>()
  #sendMs = 0

  constructor(now: () => number) {
    this.#now = now
  }

  get readers(): MapIterator<SendReader> {
    return this.#readers.keys()
  }

  get size(): number {
    return this.#readers.size
  }

  add(reader: SendReader): void {
    this.#readers.set(reader, undefined)
  }

  remove(reader: SendReader): void {
    this.#readers.delete(reader)
  }

  /** Which of the wishes, in the order asked, the reader should get; at least one is given. */
  choose<W extends WantedChunk>(reader: SendReader, wishes: Iterable<W>): SendChoice<W> {
    const now = this.#now()
    const alone = this.#readers.size < 2
    const slow = !alone && this.#isSlow(reader)
    let best: W | undefined
    let bestCount = Infinity
    let waitMs = Infinity
    let compared = 0
    for (const wanted of wishes) {
      if (alone) return { wanted }
      if ((compared += 1) > MAX_COMPARED) break
      const sent = this.#sent.get(wanted.digest)
      if (sent === undefined && !slow) return { wanted }
      // What a slow reader gets comes late to all others, so it gets what they have.
      const count = slow ? -(sent?.count ?? 0) : sent!.count
      const leftMs = slow || !reader.isSpared ? 0 : sent!.at + this.#holdMs - now
      if (leftMs > 0) waitMs = Math.min(waitMs, leftMs)
      else if (count < bestCount) {
        best = wanted
        bestCount = count
      }
    }
    return best === undefined ? { waitMs: Math.ceil(waitMs) } : { wanted: best }
  }

  /** A chunk is on its way to a reader. */
  began(digest: Digest): void {
    const sent = this.#sent.get(digest) ?? { count: 0, at: 0 }
    sent.count += 1
    sent.at = this.#now()
    this.#sent.delete(digest)
    this.#sent.set(digest, sent)
    if (this.#sent.size <= MAX_REMEMBERED) return
    const [oldest] = this.#sent.keys()
    this.#sent.delete(oldest!)
  }

  /** The reader's connection has taken a chunk of so many bytes. */
  ended(reader: SendReader, bytes: number, milliseconds: number): void {
    this.#sendMs += PACE_WEIGHT * (milliseconds - this.#sendMs)
    if (!this.#readers.has(reader)) return
    const pace = milliseconds / Math.max(1, bytes)
    const old = this.#readers.get(reader) ?? pace
    this.#readers.set(reader, old + PACE_WEIGHT * (pace - old))
  }

  get #holdMs(): number {
    return Math.min(MAX_HOLD_MS, HOLD_SENDS * this.#sendMs)
  }

  #isSlow(reader: SendReader): boolean {
    const own = this.#readers.get(reader)
    if (own === undefined) return false
    const paces = [...this.#readers.values()].map((pace) => pace ?? own).sort((a, b) => a - b)
    const usual = paces[(paces.length - 1) >> 1]!
    return own > SLOW_FACTOR * usual + SLOW_MS_PER_BYTE
  }
}
