// A use counts half after a day without another, so that yesterday's busy entry yields to today's.
const HALF_LIFE_MS = 24 * 60 * 60 * 1000

const MIB = 1024 * 1024

/** Heat after one more use, `idleMs` after the last one: earlier uses count less the longer ago they were. */
export function warmed(heat: number, idleMs: number): number {
  return heat * 2 ** (-Math.max(0, idleMs) / HALF_LIFE_MS) + 1
}

/**
 * How much an entry is worth keeping; compare only. The coldest goes first.
 *
 * Logarithmic, so that long idle times do not vanish in rounding. Of entries used alike the larger goes
 * first, but weakly: it frees more, and it costs more to fetch again.
 */
export function worth(heat: number, idleMs: number, bytes: number): number {
  return Math.log2(1 + heat) - idleMs / HALF_LIFE_MS - Math.log2(1 + Math.log2(1 + bytes / MIB)) / 4
}
