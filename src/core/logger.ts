/** Severity of a log line, lowest first. */
export type LogLevel = 'debug' | 'info' | 'notice' | 'warning' | 'error'

/** Where log lines go; `fields` are facts for people, never secrets. */
export interface Logger {
  log(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void
  /** The same destination under a scope name, shown before each line. */
  scoped(scope: string): Logger
}

/** A logger that hands every line of at least `least` to `write`. */
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
      write(level, `${prefix}${message}${facts}`)
    },
    scoped(name) {
      return createLogger(write, least, scope === '' ? name : `${scope}.${name}`)
    },
  }
}

/** A logger that drops everything. */
export const silentLogger: Logger = createLogger(() => {}, 'error')

function formatFields(fields: Readonly<Record<string, unknown>>): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ')
}
