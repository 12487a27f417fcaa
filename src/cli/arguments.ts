import { parseArgs } from 'node:util'
import { errorMessage, inputError } from '../core/errors.ts'
import type { Call, Command, Flag } from './command.ts'
import { SETTING_FLAGS } from './settings.ts'

/** What the arguments of a command say. */
export type ParsedArguments = Pick<Call, 'values' | 'lists' | 'switches' | 'paths'>

/** Flags that every command has besides its own and the settings. */
const GENERAL_FLAGS: Readonly<Record<string, Flag>> = {
  json: { help: 'print one JSON object on stdout' },
  help: { short: 'h', help: 'say what the command does' },
}

/** Every flag of a command. */
export function flagsOf(command: Command): Record<string, Flag> {
  return { ...command.flags, ...GENERAL_FLAGS, ...SETTING_FLAGS }
}

/**
 * Reads the arguments of a command.
 *
 * @throws ERR_INPUT for an unknown flag, a missing value, a value too many, or missing or unwanted paths.
 */
export function parseArguments(command: Command, args: readonly string[]): ParsedArguments {
  const flags = flagsOf(command)
  const { values: parsed, positionals } = readFlags(flags, args)
  const values: Record<string, string> = {}
  const lists: Record<string, string[]> = {}
  const switches = new Set<string>()
  for (const [name, value] of Object.entries(parsed)) {
    if (typeof value === 'boolean') {
      switches.add(name)
    } else if (flags[name]?.many === true) {
      lists[name] = value
    } else if (value.length > 1) {
      throw inputError(`--${name} is given ${value.length} times, but it takes one value.`)
    } else values[name] = value[0]!
  }
  if (!switches.has('help')) assertPaths(command, positionals)
  return { values, lists, switches, paths: positionals }
}

function readFlags(
  flags: Readonly<Record<string, Flag>>,
  args: readonly string[],
): { values: Record<string, string[] | boolean>; positionals: string[] } {
  const options = Object.entries(flags).map(([name, flag]) => {
    const kind = flag.value === undefined ? { type: 'boolean' } : { type: 'string', multiple: true }
    return [name, flag.short === undefined ? kind : { ...kind, short: flag.short }] as const
  })
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: Object.fromEntries(options) as Record<string, { type: 'string'; multiple: true }>,
      allowPositionals: true,
      strict: true,
    })
    return { values: { ...values } as Record<string, string[] | boolean>, positionals }
  } catch (error) {
    // Node explains at length how to pass a path that starts with a dash; the first sentence is enough.
    const [sentence] = errorMessage(error).split(/\.\s|\n/)
    throw inputError(`${sentence!.replace(/\.$/, '')}.`)
  }
}

function assertPaths(command: Command, paths: readonly string[]): void {
  if (!command.takesPaths && command.takesKeys !== true && paths.length > 0) {
    throw inputError(`"${paths[0]}" is not expected: this command takes no arguments.`)
  }
  if (command.takesPaths && paths.length === 0) {
    throw inputError('No path is given. Name at least one file, folder or pattern.')
  }
  if (paths.some((path) => path.trim() === '')) {
    throw inputError('A path is empty. Name a file, folder or pattern.')
  }
}
