import type { Goal, MeasuredRow } from './scenario.ts'

/** The middle of some numbers, or the mean of the two in the middle. @throws RangeError if there are none. */
export function median(samples: readonly number[]): number {
  if (samples.length === 0) throw new RangeError('There is no median of no samples.')
  const sorted = samples.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** What is known of a distribution of one file: bytes and bytes per second. */
export interface Distribution {
  readonly fileBytes: number
  /** Upload rate of the source. */
  readonly sourceRate: number
  /** Upload and download rate of each receiver. */
  readonly receivers: readonly { readonly up: number; readonly down: number }[]
}

/**
 * The least number of seconds in which every receiver can have the file, if bytes were a fluid.
 *
 * Kumar and Ross, "Peer-Assisted File Distribution: The Minimum Distribution Time" (HotWeb 2006).
 */
export function fluidBoundSeconds(distribution: Distribution): number {
  const { fileBytes, sourceRate, receivers } = distribution
  const slowest = Math.min(...receivers.map(({ down }) => down))
  const upload = receivers.reduce((sum, { up }) => sum + up, sourceRate)
  return Math.max(
    fileBytes / sourceRate,
    fileBytes / slowest,
    (receivers.length * fileBytes) / upload,
  )
}

/** A row's number that its goal speaks of, and whether the goal is reached. */
export interface Verdict {
  readonly value: number
  readonly baseline?: number
  /** Value and baseline put together as the goal has it. */
  readonly compared?: number
  readonly reached?: boolean
}

/** Medians of a row and what they say about its goal. @throws TypeError if the goal needs a missing baseline. */
export function judge(row: MeasuredRow): Verdict {
  const value = median(row.samples)
  const baseline = row.baseline === undefined ? undefined : median(row.baseline.samples)
  if (row.goal === undefined) return { value, baseline }
  if (row.goal.kind === 'value') return { value, baseline, reached: value <= row.goal.atMost }
  if (baseline === undefined) throw new TypeError(`"${row.what}" has a goal but no baseline.`)
  const compared = compare(row.goal, value, baseline)
  const reached = 'atLeast' in row.goal ? compared >= row.goal.atLeast : compared <= row.goal.atMost
  return { value, baseline, compared, reached }
}

function compare(goal: Exclude<Goal, { kind: 'value' }>, value: number, baseline: number): number {
  switch (goal.kind) {
    case 'times-as-fast':
      return baseline / value
    case 'share-of':
    case 'within':
      return value / baseline
    case 'more-than':
      return value - baseline
  }
}
