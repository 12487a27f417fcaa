import { Session } from 'node:inspector'
import type { Profiler } from 'node:inspector'

/** Which blocks of this package's code have run, by the engine's own counters. */
export class BlockCoverage implements Disposable {
  readonly #session = new Session()
  readonly #seen = new Set<string>()

  constructor() {
    this.#session.connect()
    this.#session.post('Profiler.enable')
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  get size(): number {
    return this.#seen.size
  }

  /** Blocks that ran since the last call and never before; they count as seen from now on. */
  takeNew(): Set<string> {
    const fresh = new Set<string>()
    for (const block of this.take()) {
      if (this.#seen.has(block)) continue
      this.#seen.add(block)
      fresh.add(block)
    }
    return fresh
  }

  /** Blocks that ran since the last call. */
  *take(): Generator<string> {
    for (const { scriptId, url, functions } of this.#counters()) {
      if (!url.includes('/src/')) continue
      for (const { ranges } of functions) {
        for (const { count, startOffset, endOffset } of ranges) {
          if (count > 0) yield `${scriptId}:${startOffset}:${endOffset}`
        }
      }
    }
  }

  #counters(): Profiler.ScriptCoverage[] {
    let counters: Profiler.ScriptCoverage[] = []
    // The session is in this thread, so the answer comes before the call returns.
    this.#session.post('Profiler.takePreciseCoverage', (error, answer) => {
      if (error !== null) throw error
      counters = answer.result
    })
    return counters
  }

  [Symbol.dispose](): void {
    this.#session.disconnect()
  }
}
