import { Watchdog } from '../async/watchdog.ts'
import type { OwnTurn, TurnResult } from '../lease/lease.ts'

interface KeptTurn {
  readonly turn: OwnTurn
  readonly watchdog: Watchdog
  progress: number
}

// As long as a peer has to renew a turn.
const SILENCE_MS = 2000

/** The turns that the clients of one connection have; each is lost with the connection, or when nothing is heard of it. */
export class ControlTurns {
  readonly #turns = new Map<string, KeptTurn>()

  keep(name: string, turn: OwnTurn): void {
    const watchdog = new Watchdog(SILENCE_MS, () => void this.end(name, false))
    this.#turns.set(name, { turn, watchdog, progress: 0 })
  }

  renew(name: string, progress: unknown): void {
    const kept = this.#turns.get(name)
    if (kept === undefined) return
    kept.watchdog.heard()
    if (typeof progress !== 'number' || progress <= kept.progress) return
    kept.progress = progress
    kept.turn.progressed()
  }

  async end(name: string, result: TurnResult): Promise<void> {
    const kept = this.#turns.get(name)
    if (kept === undefined) return
    this.#turns.delete(name)
    kept.watchdog[Symbol.dispose]()
    await kept.turn.done(result)
  }

  stop(): void {
    for (const name of this.#turns.keys()) void this.end(name, false)
  }
}
