import { abortable, pause } from '../async/deadline.ts'
import { SingleFlight } from '../async/single-flight.ts'
import type { SpaceLedger } from './space-ledger.ts'
import { storeFull } from './store-fault.ts'
import type { Sweep } from './sweep.ts'

// Another process that cleans up needs about a second for 10 GB; a dead one loses its lease in ten.
const TIMEOUT_MS = 15_000
const POLL_MS = 50
// While nothing can be dropped, further writes fail at once instead of looking through everything again.
const FULL_MS = 5_000

/** Finds space for what is about to be written, by cleaning up when the limit is reached. */
export class Room {
  readonly #home: string
  readonly #ledger: SpaceLedger
  readonly #sweep: Sweep
  readonly #sweeps = new SingleFlight<boolean>()
  readonly #closing = new AbortController()
  #running: Promise<boolean> = Promise.resolve(true)
  #fullUntil = 0

  constructor(home: string, ledger: SpaceLedger, sweep: Sweep) {
    this.#home = home
    this.#ledger = ledger
    this.#sweep = sweep
  }

  /** Reserves `bytes` in the ledger, where the caller notes or releases them. @throws ERR_STORE. */
  async reserve(bytes: number, signal?: AbortSignal): Promise<void> {
    const deadline = performance.now() + TIMEOUT_MS
    while (!this.#ledger.reserve(bytes)) {
      const isHopeless = bytes > this.#ledger.limitBytes || performance.now() < this.#fullUntil
      if (isHopeless || performance.now() > deadline) {
        throw storeFull(this.#home, bytes, this.#ledger.limitBytes)
      }
      const isDone = await this.cleanUp(bytes, signal)
      if (isDone && this.#ledger.reserve(bytes)) return
      if (isDone) this.#fullUntil = performance.now() + FULL_MS
      else await pause(POLL_MS, signal)
    }
  }

  /** Cleans up so that `neededBytes` more fit; false if another process does so at this moment. */
  async cleanUp(neededBytes: number, signal?: AbortSignal): Promise<boolean> {
    this.#closing.signal.throwIfAborted()
    const run = (): Promise<boolean> => this.#sweep.run(neededBytes, this.#closing.signal)
    this.#running = this.#sweeps.run('sweep', run)
    return signal === undefined ? await this.#running : await abortable(this.#running, signal)
  }

  /** Something may be dropped again. */
  retry(): void {
    this.#fullUntil = 0
  }

  /** Ends a clean-up under way; those who wait for room reject with `reason`. */
  async close(reason: Error): Promise<void> {
    this.#closing.abort(reason)
    await this.#running.catch(() => {})
  }
}
