import type { OwnTurn, TurnResult } from '../lease/lease.ts'

/** Bytes a second below which a link is slower than users report of any other. */
const SLOW_BYTES_PER_SECOND = 2_000_000
// The first moments tell little.
const JUDGED_AFTER_MS = 2_000
// What takes no longer than this is sooner done than handed on.
const WORTH_PASSING_MS = 8_000

/** A turn that may go to the next in line before its work is done; what becomes of the work then is nobody's concern. */
export class PassableTurn implements OwnTurn {
  readonly kind = 'mine'
  readonly #turn: OwnTurn
  #isPassed = false

  constructor(turn: OwnTurn) {
    this.#turn = turn
  }

  progressed(): void {
    if (!this.#isPassed) this.#turn.progressed()
  }

  async done(result: TurnResult): Promise<void> {
    if (!this.#isPassed) await this.#turn.done(result)
  }

  /** Lets the next in line have it. */
  pass(): void {
    if (this.#isPassed) return
    this.#isPassed = true
    void this.#turn.done(false)
  }
}

/**
 * Judges whether a download is so slow that others should not have to wait for it: by the time in which its bytes are
 * waited for, since whoever takes them may be slow as well.
 */
export class DownloadPace {
  readonly #totalBytes: number
  readonly #now: () => number
  /** When waiting for the next bytes began; undefined before the first ones, which take a connection. */
  #waitingSince: number | undefined
  #waitedMs = 0

  constructor(totalBytes: number, now: () => number = () => performance.now()) {
    this.#totalBytes = totalBytes
    this.#now = now
  }

  /** The next bytes are wanted from now on. */
  wait(): void {
    this.#waitingSince = this.#now()
  }

  /** Called when bytes were waited for: true if the download is slow, and would be for long, with what came so far. */
  isSlowAt(receivedBytes: number): boolean {
    if (this.#waitingSince !== undefined) this.#waitedMs += this.#now() - this.#waitingSince
    if (this.#waitedMs < JUDGED_AFTER_MS) return false
    const bytesPerMs = receivedBytes / this.#waitedMs
    const leftMs = (this.#totalBytes - receivedBytes) / bytesPerMs
    return bytesPerMs * 1000 < SLOW_BYTES_PER_SECOND && leftMs > WORTH_PASSING_MS
  }
}
