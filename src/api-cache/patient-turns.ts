import { withDeadline } from '../async/deadline.ts'
import type { Digest } from '../core/digest.ts'
import { UNLED_TURN } from '../lease/lease.ts'
import type { Leases, Turn, TurnOptions } from '../lease/lease.ts'

/** Tunables of waiting for a turn to ask GitHub. */
export interface PatientTurnsOptions {
  readonly patienceMs?: number
}

// GitHub answers most requests within a second. Who waits longer asks as well, and if those before all failed, it was
// their tokens, and the others find out at once rather than one after the other.
const PATIENCE_MS = 3000

/** Turns that are not waited for longer than a request is worth; then the work is done without. */
export class PatientTurns implements Pick<Leases, 'takeTurn'> {
  readonly #leases: Pick<Leases, 'takeTurn'>
  readonly #patienceMs: number

  constructor(leases: Pick<Leases, 'takeTurn'>, options: PatientTurnsOptions = {}) {
    this.#leases = leases
    this.#patienceMs = options.patienceMs ?? PATIENCE_MS
  }

  /** Rejects with the signal's reason only. */
  async takeTurn(name: Digest, options: TurnOptions = {}): Promise<Turn> {
    const { signal } = options
    try {
      const what = 'The same request elsewhere'
      return await withDeadline(this.#patienceMs, what, signal, async (ended) => {
        const turn = await this.#leases.takeTurn(name, { ...options, signal: ended })
        // Granted too late: nobody is there to have it.
        if (ended.aborted && turn.kind === 'mine') void turn.done(false)
        return turn
      })
    } catch {
      signal?.throwIfAborted()
      return UNLED_TURN
    }
  }
}
