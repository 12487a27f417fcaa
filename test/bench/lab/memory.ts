import { readFileSync } from 'node:fs'
import { setInterval as every } from 'node:timers/promises'

const INTERVAL_MS = 100

/** Watches the resident memory of a process. */
export class MemoryWatch {
  readonly #pid: number
  readonly #samples: number[] = []
  readonly #stopping = new AbortController()
  readonly #watching: Promise<void>

  constructor(pid: number) {
    this.#pid = pid
    this.#watching = this.#watch()
  }

  /** Resident memory in MB, a sample every tenth of a second until now. */
  async stop(): Promise<readonly number[]> {
    this.#stopping.abort()
    await this.#watching
    return this.#samples
  }

  async #watch(): Promise<void> {
    try {
      for await (const _ of every(INTERVAL_MS, undefined, { signal: this.#stopping.signal })) {
        const megabytes = residentMegabytes(this.#pid)
        if (megabytes !== undefined) this.#samples.push(megabytes)
      }
    } catch (error) {
      if (!this.#stopping.signal.aborted) throw error
    }
  }
}

/** Resident memory of a process in MB; undefined if it has ended, or where /proc does not tell. */
function residentMegabytes(pid: number): number | undefined {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kilobytes === undefined ? undefined : (Number(kilobytes) * 1024) / 1e6
  } catch {
    return undefined
  }
}
