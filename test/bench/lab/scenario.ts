import type { TreeShelf } from './trees.ts'

/** What a scenario is given. */
export interface BenchContext {
  /** One repeat and smaller sizes. */
  readonly quick: boolean
  /** How often each thing is measured. */
  readonly repeats: number
  /** Of each machine's link in a crowd, in both directions: megabits per second. */
  readonly linkMbit: number
  /** Aborts when the run is to end. */
  readonly signal: AbortSignal
  /** A folder of this scenario alone, on tmpfs where there is one; removed afterwards. */
  readonly folder: string
  /** The trees that are saved and restored. */
  readonly trees: TreeShelf
  /** Tells what goes on, on stderr. */
  readonly say: (text: string) => void
}

/** One thing that the benchmark shows. */
export interface Scenario {
  readonly name: string
  /** Measures; throws if what was moved did not arrive as it was sent. */
  run(context: BenchContext): Promise<Row[]>
}

/** What must hold between a value and its baseline, or of the value alone. */
export type Goal =
  /** The baseline takes at least so many times as long. */
  | { readonly kind: 'times-as-fast'; readonly atLeast: number }
  /** At least this share of the baseline's rate. */
  | { readonly kind: 'share-of'; readonly atLeast: number }
  /** At most so many times the baseline. */
  | { readonly kind: 'within'; readonly atMost: number }
  /** At most so much more than the baseline, in the row's unit. */
  | { readonly kind: 'more-than'; readonly atMost: number }
  /** At most so much, in the row's unit. */
  | { readonly kind: 'value'; readonly atMost: number }

/** Repeats of one measurement. */
export interface Samples {
  readonly what: string
  readonly samples: readonly number[]
}

/** One line of the table: repeats of a measurement, what it is compared with, and what it should reach. */
export interface MeasuredRow extends Samples {
  readonly unit: 's' | 'ms' | 'MiB/s' | 'MB' | 'x' | '%' | 'messages' | 'requests'
  /** In the same unit, from the same run. */
  readonly baseline?: Samples
  readonly goal?: Goal
  readonly note?: string
}

/** A line that says why it has no numbers. */
export interface SkippedRow {
  readonly what: string
  readonly skipped: string
}

export type Row = MeasuredRow | SkippedRow
