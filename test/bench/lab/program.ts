import { spawn } from 'node:child_process'
import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { setTimeout as wait } from 'node:timers/promises'
import { createInterface } from 'node:readline'
import { bareEnvironment } from '../../../src/config.ts'

/** Where and how a program runs. */
export interface ProgramOptions {
  readonly cwd?: string
  /** All of its environment, beside PATH, HOME and the like; the benchmark's own by default. */
  readonly env?: Readonly<Record<string, string>>
  /** Ends the program. */
  readonly signal?: AbortSignal
  /** A network namespace to run in. */
  readonly namespace?: string
}

/** A program that has ended well. */
export interface ProgramResult {
  readonly output: string
  /** From before it was started until it had ended. */
  readonly seconds: number
}

const TAIL_LENGTH = 4000
const STOP_DEADLINE_MS = 30_000

/** Runs a program to its end. @throws Error with the end of what it said on stderr if it fails. */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  const started = performance.now()
  const running = new RunningProgram(program, args, options)
  let output = ''
  running.child.stdout!.setEncoding('utf8').on('data', (text: string) => (output += text))
  await running.ended()
  return { output, seconds: (performance.now() - started) / 1000 }
}

/** A program that runs beside the benchmark and talks by lines of JSON on its stdin and stdout. */
export class RunningProgram {
  readonly child: ChildProcess
  readonly #name: string
  readonly #signal: AbortSignal | undefined
  readonly #closed: Promise<number | null>
  #stderr = ''
  #killed = false

  constructor(program: string, args: readonly string[], options: ProgramOptions = {}) {
    const { cwd, namespace, signal } = options
    signal?.throwIfAborted()
    this.#signal = signal
    this.#name = [program, ...args].join(' ').slice(0, 200)
    const spawnOptions: SpawnOptions = {
      cwd,
      env: options.env === undefined ? process.env : { ...bareEnvironment(), ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    }
    this.child =
      namespace === undefined
        ? spawn(program, args, spawnOptions)
        : spawn('ip', ['netns', 'exec', namespace, program, ...args], spawnOptions)
    const onAbort = (): void => this.kill()
    signal?.addEventListener('abort', onAbort, { once: true })
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-TAIL_LENGTH)
    })
    // Writing to a program that has just ended is no fault of its own; its end tells.
    this.child.stdin!.on('error', () => {})
    this.#closed = new Promise((resolve, reject) => {
      this.child.once('error', reject)
      this.child.once('close', resolve)
    })
    this.#closed.catch(() => {})
    const forget = (): void => signal?.removeEventListener('abort', onAbort)
    this.#closed.then(forget, forget)
  }

  /** Lines that the program prints; ends when it does. */
  lines(): AsyncIterableIterator<string> {
    return createInterface({ input: this.child.stdout! })[Symbol.asyncIterator]()
  }

  send(message: object): void {
    this.child.stdin!.write(`${JSON.stringify(message)}\n`)
  }

  /** Resolves when it has ended with code 0, or was killed by us. @throws Error otherwise. */
  async ended(): Promise<void> {
    const code = await this.#closed
    this.#signal?.throwIfAborted()
    if (code === 0 || this.#killed) return
    throw this.failure(`ended with ${code ?? this.child.signalCode}`)
  }

  /** Asks it to end, and insists after a while. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    this.#killed = true
    this.child.kill('SIGTERM')
    const insisting = new AbortController()
    const insist = wait(STOP_DEADLINE_MS, undefined, { signal: insisting.signal }).then(
      () => this.child.kill('SIGKILL'),
      () => {},
    )
    await this.#closed
    insisting.abort()
    await insist
  }

  kill(): void {
    this.#killed = true
    this.child.kill('SIGKILL')
  }

  failure(what: string): Error {
    return new Error(`"${this.#name}" ${what}. It said last:\n${this.#stderr.trimEnd()}`)
  }
}
