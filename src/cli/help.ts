import { flagsOf } from './arguments.ts'
import { COMMANDS } from './command-list.ts'
import type { Command } from './command.ts'

/** What `swarmcache --help` prints. */
export function generalHelp(): string {
  const rows = Object.entries(COMMANDS).map(([name, { usage, summary }]) => [
    `${name} ${usage}`.trim(),
    summary,
  ])
  return [
    'swarmcache: runners share their caches with each other',
    '',
    'Usage: swarmcache COMMAND [FLAGS]',
    '',
    ...columns(rows),
    '',
    'swarmcache COMMAND --help tells the flags of a command; --version the version.',
    'Exit codes: 0 done (a miss is not a failure), 1 failed, 2 wrong usage.',
    'The swarm key comes from SWARMCACHE_KEY only, since others can read the arguments of a process.',
  ].join('\n')
}

/** What `swarmcache COMMAND --help` prints. */
export function commandHelp(name: string, command: Command): string {
  const { usage, summary } = COMMANDS[name]!
  const rows = Object.entries(flagsOf(command)).map(([flag, { value, many, help }]) => [
    `--${flag}${value === undefined ? '' : ` ${value}`}${many === true ? '…' : ''}`,
    help,
  ])
  return [`Usage: swarmcache ${name} ${usage}`.trimEnd(), '', summary, '', ...columns(rows)].join(
    '\n',
  )
}

/** Rows of cells as lines with aligned columns. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const row of rows) {
    for (const [index, text] of row.entries()) {
      widths[index] = Math.max(widths[index] ?? 0, text.length)
    }
  }
  return rows.map((row) =>
    `  ${row.map((text, index) => text.padEnd(widths[index]!)).join('  ')}`.trimEnd(),
  )
}
