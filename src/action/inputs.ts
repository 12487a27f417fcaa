import { assertKeys } from '../core/cache-key.ts'
import { inputError } from '../core/errors.ts'

/** Variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>

/** What a step does: `cache` restores now and saves at the end of the job, `serve` only takes part. */
export type Mode = 'cache' | 'restore' | 'save' | 'serve'

/** The inputs of a step, as action.yml declares them. */
export interface Inputs {
  readonly mode: Mode
  /** Empty in mode `serve`. */
  readonly paths: readonly string[]
  /** Empty in mode `serve`. */
  readonly key: string
  readonly restoreKeys: readonly string[]
  readonly crossOs: boolean
  readonly failOnCacheMiss: boolean
  readonly lookupOnly: boolean
  readonly saveAlways: boolean
  /** `success`, `failure` or `cancelled`, as of now; empty if the runner does not say. */
  readonly jobStatus: string
}

const MODES: readonly string[] = ['cache', 'restore', 'save', 'serve'] satisfies Mode[]

/** Inputs that are settings, and the variable that each one wins over. */
const SETTINGS: Readonly<Record<string, string>> = {
  'swarm-key': 'SWARMCACHE_KEY',
  auth: 'SWARMCACHE_AUTH',
  swarm: 'SWARMCACHE_SWARM',
  registry: 'SWARMCACHE_REGISTRY',
  bootstrap: 'SWARMCACHE_BOOTSTRAP',
  listen: 'SWARMCACHE_LISTEN',
  upstream: 'SWARMCACHE_UPSTREAM',
  token: 'GITHUB_TOKEN',
}

/** The variables of this process. */
export function processEnvironment(): Environment {
  return process.env
}

/**
 * Reads and checks the inputs of a step.
 *
 * @throws ERR_INPUT naming the input.
 */
export function readInputs(env: Environment): Inputs {
  const mode = input(env, 'mode') || 'cache'
  if (!MODES.includes(mode)) {
    throw inputError(`The input mode is "${mode}", but must be one of ${MODES.join(', ')}.`)
  }
  const inputs: Inputs = {
    mode: mode as Mode,
    paths: lines(env, 'path'),
    key: input(env, 'key'),
    restoreKeys: lines(env, 'restore-keys'),
    crossOs: isTrue(env, 'enableCrossOsArchive'),
    failOnCacheMiss: isTrue(env, 'fail-on-cache-miss'),
    lookupOnly: isTrue(env, 'lookup-only'),
    saveAlways: isTrue(env, 'save-always'),
    jobStatus: input(env, 'job-status'),
  }
  if (mode === 'serve') return inputs
  for (const name of ['path', 'key']) {
    if (input(env, name) === '') throw inputError(`Input required and not supplied: ${name}`)
  }
  assertKeys(inputs.key, inputs.restoreKeys)
  return inputs
}

/** The environment with the inputs that are settings in place of the variables they win over. */
export function settingsEnvironment(env: Environment): Environment {
  const settings: Record<string, string | undefined> = { ...env }
  for (const [name, variable] of Object.entries(SETTINGS)) {
    const value = lines(env, name).join(',')
    if (value !== '') settings[variable] = value
  }
  return settings
}

/** True if the run belongs to a branch or tag, which entries are scoped by. */
export function hasRef(env: Environment): boolean {
  return (env['GITHUB_REF'] ?? '') !== ''
}

// The runner passes the input `lookup-only` as INPUT_LOOKUP-ONLY.
function input(env: Environment, name: string): string {
  return (env[`INPUT_${name.replaceAll(' ', '_').toUpperCase()}`] ?? '').trim()
}

function lines(env: Environment, name: string): string[] {
  return input(env, name)
    .split('\n')
    .map((line) => line.replace(/^!\s+/, '!').trim())
    .filter((line) => line !== '')
}

function isTrue(env: Environment, name: string): boolean {
  return input(env, name).toLowerCase() === 'true'
}
