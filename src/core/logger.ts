/** Severity of a log line, lowest first. */
export type LogLevel = 'debug' | 'info' | 'notice' | 'warning' | 'error'

/** Where log lines go; `fields` are facts for people, never secrets. */
export interface Logger {
  log(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void
  /** The same destination under a scope name, shown before each line. */
  scoped(scope: string): Logger
}

// Keys and names come from peers; no terminal or workflow log may take them for orders.
const CONTROL_CHARACTER = /[^\P{Cc}\n]|[\u2028\u2029]/gu
const WORKFLOW_COMMAND = /\n(?=\s*::)/g
// Older than the other form, and taken from anywhere in a line.
const OLD_WORKFLOW_COMMAND = '##['

/** A logger that hands every line of at least `least` to `write`, as text that gives no orders to who shows it. */
export function createLogger(
  write: (level: LogLevel, line: string) => void,
  least: LogLevel = 'info',
  scope = '',
): Logger {
  const order: LogLevel[] = ['debug', 'info', 'notice', 'warning', 'error']
  const threshold = order.indexOf(least)
  return {
    log(level, message, fields) {
      if (order.indexOf(level) < threshold) return
      const prefix = scope === '' ? '' : `${scope}: `
      const facts = fields === undefined ? '' : ` ${formatFields(fields)}`
      write(level, printable(`${prefix}${message}${facts}`))
    },
    scoped(name) {
      return createLogger(write, least, scope === '' ? name : `${scope}.${name}`)
    },
  }
}

/** A logger that drops everything. */
export const silentLogger: Logger = createLogger(() => {}, 'error')

function printable(line: string): string {
  return line
    .replaceAll(CONTROL_CHARACTER, (character) => {
      return `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`
    })
    .replaceAll(WORKFLOW_COMMAND, '\\n')
    .replaceAll(OLD_WORKFLOW_COMMAND, '## [')
}

function formatFields(fields: Readonly<Record<string, unknown>>): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ')
}
