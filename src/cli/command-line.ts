import { errorMessage, inputError, isSwarmCacheError } from '../core/errors.ts'
import { VERSION } from '../core/version.ts'
import { parseArguments } from './arguments.ts'
import { COMMANDS } from './command-list.ts'
import { EXIT } from './command.ts'
import { commandHelp, generalHelp } from './help.ts'
import { Terminal } from './terminal.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Runs the command that the arguments name, then ends the process with its exit code. */
export async function runCommandLine(args: readonly string[], env: Environment): Promise<void> {
  const debug = (env['SWARMCACHE_DEBUG'] ?? '') !== ''
  const streams = { stdout: process.stdout, stderr: process.stderr }
  const terminal = new Terminal(streams, {
    json: args.includes('--json'),
    least: debug ? 'debug' : args[0] === 'serve' ? 'info' : 'notice',
  })
  watchProcess(terminal, debug)
  let code: number
  try {
    code = await runCommand(args, env, terminal, interruption())
  } catch (error) {
    code = report(error, args, terminal, debug)
  }
  // What is still open (a socket, a timer) is of no more use; the answer must be out first.
  process.stdout.write('', (error) => process.exit(error ? unwritten(error, terminal) : code))
}

async function runCommand(
  args: readonly string[],
  env: Environment,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const [name, ...rest] = args
  if (name === '--version') {
    terminal.answer({ version: VERSION }, VERSION)
    return EXIT.done
  }
  if (name === undefined) {
    terminal.note(generalHelp())
    return EXIT.usage
  }
  if (name === '--help' || name === '-h' || name === 'help') {
    terminal.answer({ help: generalHelp() }, generalHelp())
    return EXIT.done
  }
  if (!Object.hasOwn(COMMANDS, name)) throw inputError(`There is no command "${name}".`)
  const command = await COMMANDS[name]!.load()
  const parsed = parseArguments(command, rest)
  if (parsed.switches.has('help')) {
    const help = commandHelp(name, command)
    terminal.answer({ help }, help)
    return EXIT.done
  }
  return await command.run({ ...parsed, env, terminal, signal })
}

/** Says what went wrong, without a stack; returns the exit code. */
function report(
  error: unknown,
  args: readonly string[],
  terminal: Terminal,
  debug: boolean,
): number {
  const code = isSwarmCacheError(error) ? error.code : undefined
  const message = errorMessage(error)
  terminal.status('')
  terminal.note(`error: ${message}`)
  if (code === 'ERR_INPUT') {
    const name = args[0] !== undefined && Object.hasOwn(COMMANDS, args[0]) ? ` ${args[0]}` : ''
    terminal.note(`See "swarmcache${name} --help".`)
  }
  if (debug && error instanceof Error) terminal.note(String(error.stack))
  if (args.includes('--json')) terminal.answer({ error: { code, message } }, '')
  return code === 'ERR_INPUT' ? EXIT.usage : EXIT.failed
}

/** The exit code where the answer could not be written. */
function unwritten(error: NodeJS.ErrnoException, terminal: Terminal): number {
  // Whoever reads our output may stop at any time, as `head` does.
  if (error.code === 'EPIPE') return EXIT.done
  terminal.note(`error: The answer cannot be written: ${error.message}.`)
  return EXIT.failed
}

/** A signal that aborts at the first interrupt; the second one ends the process. */
function interruption(): AbortSignal {
  const controller = new AbortController()
  const interrupt = (name: string): void => {
    if (controller.signal.aborted) process.exit(EXIT.failed)
    controller.abort(new Error(`Interrupted by ${name}.`))
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  return controller.signal
}

function watchProcess(terminal: Terminal, debug: boolean): void {
  const note = (error: unknown): void => {
    terminal.logger.log('warning', errorMessage(error))
    if (debug && error instanceof Error) terminal.note(String(error.stack))
  }
  // A fault outside of the command's own flow (a socket, a timer) leaves the rest as it is.
  process.on('uncaughtException', note)
  process.on('unhandledRejection', note)
  process.removeAllListeners('warning')
  if (debug) process.on('warning', note)
  process.stdout.on('error', (error) => process.exit(unwritten(error, terminal)))
  process.stderr.on('error', () => {})
  process.once('beforeExit', () => {
    terminal.note('error: The command ended without an answer.')
    process.exit(EXIT.failed)
  })
}
