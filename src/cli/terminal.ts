import type { Writable } from 'node:stream'
import { createLogger } from '../core/logger.ts'
import type { Logger, LogLevel } from '../core/logger.ts'

/** Where a terminal writes to. */
export interface TerminalStreams {
  readonly stdout: Writable
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number }
}

/** Options of a terminal. */
export interface TerminalOptions {
  /** Answers are one JSON object instead of text. */
  readonly json: boolean
  readonly least: LogLevel
}

const CLEAR_LINE = '\r\u001B[K'
const DEFAULT_COLUMNS = 80

/** What a command prints: its one answer on stdout, everything else on stderr. */
export class Terminal {
  readonly logger: Logger
  readonly #streams: TerminalStreams
  readonly #json: boolean
  #status = ''
  #answered = false

  constructor(streams: TerminalStreams, options: TerminalOptions) {
    this.#streams = streams
    this.#json = options.json
    this.logger = createLogger((level, line) => {
      this.note(level === 'info' ? line : `${level}: ${line}`)
    }, options.least)
  }

  /** True if a person watches and a line can be rewritten in place. */
  get isLive(): boolean {
    return this.#streams.stderr.isTTY === true
  }

  /** Prints the answer of the command, `value` as JSON or `text`; there is only one. */
  answer(value: unknown, text: string): void {
    if (this.#answered) return
    this.#answered = true
    this.status('')
    this.#streams.stdout.write(`${this.#json ? JSON.stringify(value) : text}\n`)
  }

  /** Prints a line for people. */
  note(line: string): void {
    const { stderr } = this.#streams
    stderr.write(this.#status === '' ? `${line}\n` : `${CLEAR_LINE}${line}\n${this.#status}`)
  }

  /** Rewrites the line at the bottom of a live terminal; empty removes it. */
  status(line: string): void {
    if (!this.isLive || line === this.#status) return
    const { stderr } = this.#streams
    // A terminal that does not know its width says 0.
    this.#status = line.slice(0, (stderr.columns || DEFAULT_COLUMNS) - 1)
    stderr.write(`${CLEAR_LINE}${this.#status}`)
  }
}
