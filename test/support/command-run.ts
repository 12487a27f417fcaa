import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { resolve } from 'node:path'
import { compileCache } from './compile-cache.ts'

const PROGRAM = resolve(import.meta.dirname, '../../src/cli/swarmcache.ts')
const DEADLINE_MS = 60_000

/** How a command ended. */
export interface CommandResult {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** Where and with what a command runs; nothing else of this process's environment reaches it. */
export interface CommandContext {
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** The user and group it runs as; this process's own by default. */
  readonly uid?: number
}

/** A command that runs. */
export interface RunningCommand {
  readonly child: ChildProcess
  readonly done: Promise<CommandResult>
  /** The first line on stdout; rejects if the command ends without one. */
  readonly firstLine: Promise<string>
}

/** Starts the CLI from source, as a user would. */
export function startCommand(args: readonly string[], context: CommandContext): RunningCommand {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    cwd: context.cwd,
    uid: context.uid,
    gid: context.uid,
    env: { PATH: process.env['PATH'] ?? '', ...compileCache(), ...context.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: DEADLINE_MS,
    killSignal: 'SIGKILL',
  })
  let stdout = ''
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const firstLine = new Promise<string>((found, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
      if (stdout.includes('\n')) found(stdout.slice(0, stdout.indexOf('\n')))
    })
    child.once('close', () => reject(new Error(`No line was printed. ${stderr}`)))
  })
  firstLine.catch(() => {})
  const done = new Promise<CommandResult>((ended, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => ended({ code, signal, stdout, stderr }))
  })
  return { child, done, firstLine }
}

/** Runs the CLI to its end. */
export async function runCommand(
  args: readonly string[],
  context: CommandContext,
): Promise<CommandResult> {
  return await startCommand(args, context).done
}
