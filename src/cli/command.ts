import type { Terminal } from './terminal.ts'

/** A flag of a command; `value` is the placeholder of what it takes, none for a switch. */
export interface Flag {
  readonly value?: string
  readonly many?: boolean
  /** One letter that means the same after a single dash. */
  readonly short?: string
  readonly help: string
}

/** What a command is called with. */
export interface Call {
  /** The last value of each flag that takes one. */
  readonly values: Readonly<Record<string, string | undefined>>
  /** Every value of the flags that may be given more than once. */
  readonly lists: Readonly<Record<string, readonly string[] | undefined>>
  readonly switches: ReadonlySet<string>
  readonly paths: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly terminal: Terminal
  /** Aborts when the user interrupts. */
  readonly signal: AbortSignal
}

/** One command of the CLI. */
export interface Command {
  readonly flags: Readonly<Record<string, Flag>>
  /** True if it works on paths, at least one. */
  readonly takesPaths: boolean
  /** True if it may be given keys in their place. */
  readonly takesKeys?: boolean
  /** Resolves with the exit code. */
  run(call: Call): Promise<number>
}

/** How a command ends: 0 done, 1 failed, 2 wrong usage. */
export const EXIT: { readonly done: 0; readonly failed: 1; readonly usage: 2 } = {
  done: 0,
  failed: 1,
  usage: 2,
}
