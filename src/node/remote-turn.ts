import { withDeadline } from '../async/deadline.ts'
import type { OwnTurn, TurnResult } from '../lease/lease.ts'

/** Says something of the turn to the node that keeps it. */
export type SayOfTurn = (
  call: 'renewTurn' | 'endTurn',
  args: Record<string, unknown>,
) => Promise<unknown>

// The node takes the turn back after four of them.
const BEAT_MS = 500
const END_MS = 2000

/** A turn that the node of another process keeps for this one, as long as it hears of it. */
export class RemoteTurn implements OwnTurn {
  readonly kind = 'mine'
  readonly #say: SayOfTurn
  readonly #timer: NodeJS.Timeout
  #progress = 0
  #saying = false
  #ended = false

  constructor(say: SayOfTurn) {
    this.#say = say
    this.#timer = setInterval(() => void this.#beat(), BEAT_MS)
    this.#timer.unref()
  }

  progressed(): void {
    this.#progress += 1
  }

  async done(result: TurnResult): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    clearInterval(this.#timer)
    const what = 'Telling the node of the end of a turn'
    await withDeadline(END_MS, what, undefined, () => this.#say('endTurn', { result })).catch(
      () => {},
    )
  }

  async #beat(): Promise<void> {
    if (this.#saying) return
    this.#saying = true
    await this.#say('renewTurn', { progress: this.#progress }).catch(() => {})
    this.#saying = false
  }
}
