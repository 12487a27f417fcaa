/** Tunables of an adaptive time-out, in milliseconds. */
export interface AdaptiveTimeoutOptions {
  readonly initialMs: number
  readonly minMs: number
  readonly maxMs: number
}

// Weights of the newest sample, as TCP estimates round trips (RFC 6298).
const MEAN_WEIGHT = 1 / 8
const DEVIATION_WEIGHT = 1 / 4
// One time-out is undone by a few answers; time-outs alone reach any maximum within some rounds.
const STRETCH_AFTER_TIMEOUT = 1.5
const STRETCH_AFTER_ANSWER = 0.8

/**
 * How long to wait for an answer, from how long answers took and from those that did not come.
 *
 * Answers alone would mislead: once the wait is too short, only those that time out are left, and
 * nothing ever lengthens it again. So each time-out stretches the wait, and each answer relaxes it.
 */
export class AdaptiveTimeout {
  readonly #options: AdaptiveTimeoutOptions
  #meanMs: number | undefined
  #deviationMs = 0
  #stretch = 1

  constructor(options: AdaptiveTimeoutOptions) {
    this.#options = options
  }

  /** The wait that suits now. */
  get ms(): number {
    const { initialMs, minMs, maxMs } = this.#options
    const base =
      this.#meanMs === undefined ? initialMs : minMs + 2 * this.#meanMs + 4 * this.#deviationMs
    return Math.round(Math.min(maxMs, Math.max(minMs, base * this.#stretch)))
  }

  /** An answer came after `elapsedMs`; one that came too late counts as well. */
  answered(elapsedMs: number): void {
    if (this.#meanMs === undefined) {
      this.#meanMs = elapsedMs
      this.#deviationMs = elapsedMs / 2
    } else {
      const difference = Math.abs(elapsedMs - this.#meanMs)
      this.#deviationMs += DEVIATION_WEIGHT * (difference - this.#deviationMs)
      this.#meanMs += MEAN_WEIGHT * (elapsedMs - this.#meanMs)
    }
    this.#stretch = Math.max(1, this.#stretch * STRETCH_AFTER_ANSWER)
  }

  /** No answer came in time. */
  timedOut(): void {
    const { minMs, maxMs } = this.#options
    this.#stretch = Math.min(maxMs / minMs, this.#stretch * STRETCH_AFTER_TIMEOUT)
  }
}
