import assert from 'node:assert/strict'
import { chownSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import type { RestoreResult, SaveResult } from '../../src/cache/cache.ts'
import type { PeerStatus } from '../../src/node/node.ts'
import { startCommand } from './command-run.ts'
import type { CommandContext, CommandResult, RunningCommand } from './command-run.ts'
import { eventually } from './eventually.ts'
import { temporaryFolder } from './file-tree.ts'

/** The swarm key that the machines of a fleet share unless they are told another one. */
export const FLEET_KEY = 'the swarm key of a fleet in the tests'
/** Settings of a machine that takes part in no swarm; its commands start faster. */
export const ALONE: Readonly<Record<string, string>> = { SWARMCACHE_KEY: '' }
/** The repository whose cache the machines of a fleet share. */
export const FLEET_REPOSITORY = 'octo/fleet'

// The traditional "nobody".
const ORDINARY_USER = 65_534

/** Machines that share a registry and a swarm key; whatever runs on them ends with the test. */
export class Fleet {
  readonly folder: string
  readonly registry: string
  readonly #running = new Set<RunningCommand>()

  constructor(t: TestContext) {
    t.after(() => this.#endAll())
    this.folder = temporaryFolder(t)
    this.registry = join(this.folder, 'registry')
  }

  /** A machine with a home and a folder to work in; `env` adds to its settings or, if empty, takes one away. */
  machine(name: string, env: Readonly<Record<string, string>> = {}): Machine {
    const folder = join(this.folder, name)
    return new Machine(join(folder, 'work'), this.#track, {
      HOME: folder,
      SWARMCACHE_HOME: join(folder, 'home'),
      SWARMCACHE_KEY: FLEET_KEY,
      SWARMCACHE_REPOSITORY: FLEET_REPOSITORY,
      SWARMCACHE_REGISTRY: `dir:${this.registry}`,
      SWARMCACHE_LISTEN: '/ip4/127.0.0.1/tcp/0',
      ...env,
    })
  }

  readonly #track = (command: RunningCommand): void => {
    this.#running.add(command)
    void command.done.finally(() => this.#running.delete(command))
  }

  async #endAll(): Promise<void> {
    for (const { child } of this.#running) child.kill('SIGKILL')
    await Promise.all([...this.#running].map(({ done }) => done))
  }
}

/** One machine: a home, a folder to work in, and its settings. */
export class Machine {
  readonly work: string
  readonly #context: CommandContext
  readonly #track: (command: RunningCommand) => void

  constructor(
    work: string,
    track: (command: RunningCommand) => void,
    env: Readonly<Record<string, string>>,
    uid?: number,
  ) {
    this.work = work
    mkdirSync(work, { recursive: true })
    this.#track = track
    this.#context = { cwd: work, env, uid }
  }

  get home(): string {
    return this.#context.env['SWARMCACHE_HOME']!
  }

  /** The same home and settings with another folder to work in. */
  workspace(name: string): Machine {
    return new Machine(`${this.work}-${name}`, this.#track, this.#context.env)
  }

  /** The same, without the rights of root, which this process may have. */
  asOrdinaryUser(): Machine {
    if (process.getuid?.() !== 0) return this
    const machine = dirname(this.work)
    for (const folder of [this.work, machine, dirname(machine)]) {
      chownSync(folder, ORDINARY_USER, ORDINARY_USER)
    }
    return new Machine(this.work, this.#track, this.#context.env, ORDINARY_USER)
  }

  path(...names: string[]): string {
    return join(this.work, ...names)
  }

  start(...args: string[]): RunningCommand {
    const command = startCommand(args, this.#context)
    this.#track(command)
    return command
  }

  async run(...args: string[]): Promise<CommandResult> {
    return await this.start(...args).done
  }

  /** What a command that succeeds prints with --json. */
  async ask<T = Record<string, unknown>>(...args: string[]): Promise<T> {
    return answerOf<T>(await this.run(...args, '--json'))
  }

  async save(key: string, ...paths: string[]): Promise<SaveResult> {
    return await this.ask<SaveResult>('save', '--key', key, ...paths)
  }

  async restore(key: string, ...rest: string[]): Promise<RestoreResult> {
    return await this.ask<RestoreResult>('restore', '--key', key, ...rest)
  }

  async peers(): Promise<PeerStatus[]> {
    return (await this.ask<{ peers: PeerStatus[] }>('peers')).peers
  }

  /** Starts a node that stays, and waits until it takes part. */
  async serve(...args: string[]): Promise<ServingNode> {
    const command = this.start('serve', '--json', ...args)
    const { peerId, addresses, http } = JSON.parse(await command.firstLine) as ServingNode
    return { ...command, peerId, addresses, http }
  }

  /** Waits until the running node has `count` peers. */
  async meets(count: number): Promise<PeerStatus[]> {
    let peers: PeerStatus[] = []
    await eventually(`a connection to ${count} peers`, async () => {
      peers = await this.peers()
      return peers.length === count
    })
    return peers
  }
}

/** A node that runs, as it introduced itself. */
export interface ServingNode extends RunningCommand {
  readonly peerId: string
  readonly addresses: readonly string[]
  /** The HTTP door, if it has one. */
  readonly http?: string
}

/** The one object on stdout of a command that succeeded. */
export function answerOf<T>(result: CommandResult): T {
  assert.equal(result.code, 0, result.stderr)
  assert.match(result.stdout, /^\{.*\}\n$/, result.stderr)
  return JSON.parse(result.stdout) as T
}

/** Nothing on stderr looks like the stack of an error. */
export function assertNoStack({ stderr }: CommandResult): void {
  assert.doesNotMatch(stderr, /^\s+at .*:\d+/m)
}
