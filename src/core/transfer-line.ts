import { formatSize } from './sizes.ts'

/** What a line of progress is made of. */
export interface TransferState {
  readonly phase: 'lookup' | 'transfer' | 'upstream' | 'pack'
  readonly bytes: number
  readonly totalBytes?: number
  readonly peers: number
}

// Long enough that a stalled second does not read as a stop, short enough to follow a change.
const WINDOW_MS = 3000
// States come with every chunk; more samples than these make no rate better.
const SAMPLE_MS = 50

const VERBS = { lookup: 'Looking up', transfer: 'Moved', upstream: 'Upstream', pack: 'Packed' }

/** Turns the states of one request into lines for people: bytes, rate over the last seconds, peers. */
export class TransferLine {
  #samples: { readonly atMs: number; readonly bytes: number }[] = []
  #phase: TransferState['phase'] | undefined

  /** Counts a state, seen at `nowMs` (milliseconds of a clock that never goes back), into the rate. */
  note(state: TransferState, nowMs: number): void {
    if (state.phase !== this.#phase) {
      this.#phase = state.phase
      this.#samples = []
    }
    const last = this.#samples.at(-1)
    if (last !== undefined && nowMs - last.atMs < SAMPLE_MS) return
    this.#samples.push({ atMs: nowMs, bytes: state.bytes })
    while (this.#samples.length > 2 && nowMs - this.#samples[1]!.atMs > WINDOW_MS) {
      this.#samples.shift()
    }
  }

  /** The line for `state`, which counts as well. */
  describe(state: TransferState, nowMs: number): string {
    this.note(state, nowMs)
    if (state.phase === 'lookup') return `${VERBS.lookup} (${countPeers(state.peers)})`
    const parts = [`${VERBS[state.phase]} ${formatSize(state.bytes)}${ofTotal(state)}`]
    const rate = this.#bytesPerSecond()
    if (rate !== undefined) parts.push(`${formatSize(rate)}/s`)
    if (state.peers > 0) parts.push(countPeers(state.peers))
    return parts.join(', ')
  }

  #bytesPerSecond(): number | undefined {
    const first = this.#samples[0]!
    const last = this.#samples.at(-1)!
    const elapsedMs = last.atMs - first.atMs
    return elapsedMs <= 0 ? undefined : ((last.bytes - first.bytes) * 1000) / elapsedMs
  }
}

/** `1 peer`, `3 peers`. */
export function countPeers(peers: number): string {
  return peers === 1 ? '1 peer' : `${peers} peers`
}

function ofTotal({ bytes, totalBytes }: TransferState): string {
  if (totalBytes === undefined || totalBytes <= 0) return ''
  const percent = Math.min(100, Math.floor((bytes / totalBytes) * 100))
  return ` of ${formatSize(totalBytes)} (${percent}%)`
}
