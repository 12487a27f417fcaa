/** Variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>

/** A value without the space around it; undefined if nothing is left. */
export function presence(value: string | undefined): string | undefined {
  const trimmed = value?.trim()
  return trimmed === undefined || trimmed === '' ? undefined : trimmed
}

/** True inside a job of GitHub Actions. */
export function insideActions(env: Environment): boolean {
  return env['GITHUB_ACTIONS'] === 'true'
}
