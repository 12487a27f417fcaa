/** Every failure a caller may want to tell apart; the message says what happened and what to do. */
export type ErrorCode =
  | 'ERR_INPUT'
  | 'ERR_FRAME'
  | 'ERR_INTEGRITY'
  | 'ERR_LIMIT'
  | 'ERR_TIMEOUT'
  | 'ERR_ABORTED'
  | 'ERR_NOT_MEMBER'
  | 'ERR_PROOF'
  | 'ERR_PEER'
  | 'ERR_PATH'
  | 'ERR_STORE'
  | 'ERR_UPSTREAM'
  | 'ERR_CONTROL'
  | 'ERR_CLOSED'

/** The one error class of this package; check `code`, since two copies of the package may be loaded. */
export class SwarmCacheError extends Error {
  override readonly name = 'SwarmCacheError'
  readonly code: ErrorCode
  /** What the message is about (paths, names, sizes), for programs; never a secret. */
  readonly facts: Readonly<Record<string, unknown>>

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; facts?: Record<string, unknown> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.facts = options.facts ?? {}
  }
}

/** Input the user gave is wrong: reported at once, never turned into a miss. */
export function inputError(message: string, facts?: Record<string, unknown>): SwarmCacheError {
  return new SwarmCacheError('ERR_INPUT', message, { facts })
}

/** True for an error of this package, of the given code if one is named. */
export function isSwarmCacheError(error: unknown, code?: ErrorCode): error is SwarmCacheError {
  if (!(error instanceof Error) || error.name !== 'SwarmCacheError') return false
  return code === undefined || (error as SwarmCacheError).code === code
}

/** True if what a writer signed contradicts itself or its content, which no transfer and no disk can bring about. */
export function isMalformed(error: unknown): boolean {
  return isSwarmCacheError(error, 'ERR_INTEGRITY') && error.facts['malformed'] === true
}

/** One line that a person can read, whatever was thrown. */
export function errorMessage(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return error.errors.map(errorMessage).join('; ')
  }
  if (error instanceof Error) return error.message || error.name
  return String(error)
}

/** The errno code (`ENOENT`, …) of a system error, or undefined. */
export function errnoOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : undefined
}
