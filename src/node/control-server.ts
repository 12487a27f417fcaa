import { rm, stat, writeFile } from 'node:fs/promises'
import { createServer, connect } from 'node:net'
import type { Server, Socket } from 'node:net'
import { SwarmCacheError, errnoOf, errorMessage } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { ControlChannel } from './control-channel.ts'
import { controlPath, prepareControlFolder, protectSocket } from './control-path.ts'
import { ControlSession } from './control-session.ts'
import type { Node } from './node.ts'

/** What a control server works with. */
export interface ControlServerParts {
  readonly node: Node
  readonly logger: Logger
}

/** Where a control server listens. */
export interface ControlServerOptions {
  readonly home: string
}

// A command takes up to four connections; beyond this something is wrong, and more are refused.
const MAX_CONNECTIONS = 256
// A local connect needs no network: what takes longer is a process that hangs.
const PROBE_MS = 300
// The lock is held for milliseconds: an older one belongs to a process that was killed.
const LOCK_MS = 10_000

/** Lets other processes of this user use the node, through a Unix socket in its home. */
export class ControlServer {
  /** Where clients connect. */
  readonly path: string
  readonly #node: Node
  readonly #logger: Logger
  readonly #home: string
  readonly #sessions = new Set<ControlSession>()
  #server: Server | undefined

  constructor(parts: ControlServerParts, options: ControlServerOptions) {
    this.#node = parts.node
    this.#logger = parts.logger
    this.#home = options.home
    this.path = controlPath(options.home)
  }

  /** @throws ERR_CONTROL if a node of the same home runs already, or the socket cannot be put there. */
  async start(): Promise<void> {
    await prepareControlFolder(this.path)
    this.#server = (await this.#tryListen()) ?? (await this.#listenInsteadOfTheDead())
    this.#server.on('error', (error) => {
      this.#logger.log('warning', 'The control socket failed.', { reason: errorMessage(error) })
    })
  }

  /** Ends every connection, and takes the socket away. */
  async stop(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    for (const session of this.#sessions) session.stop()
    await closed
  }

  /** The listening server, or undefined if a socket file is in the way. */
  async #tryListen(): Promise<Server | undefined> {
    const server = createServer((socket) => this.#serve(socket))
    server.maxConnections = MAX_CONNECTIONS
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(this.path, resolve)
      })
      await protectSocket(this.path)
      return server
    } catch (cause) {
      server.close()
      if (errnoOf(cause) === 'EADDRINUSE') return undefined
      throw new SwarmCacheError(
        'ERR_CONTROL',
        `The control socket ${this.path} cannot be opened: ${errorMessage(cause)}. Check that the folder can be written, or choose another SWARMCACHE_HOME.`,
        { cause, facts: { path: this.path } },
      )
    }
  }

  /**
   * Takes the place of a dead process's socket.
   *
   * Of several processes that come for it at once only the holder of the lock may remove the file, since
   * it could be the fresh one of another by then.
   */
  async #listenInsteadOfTheDead(): Promise<Server> {
    if (await answers(this.path)) throw this.#taken()
    const lock = `${this.path}.lock`
    if (!(await takeLock(lock))) throw this.#taken()
    try {
      if (await answers(this.path)) throw this.#taken()
      await rm(this.path, { force: true })
      const server = await this.#tryListen()
      if (server === undefined) throw this.#taken()
      return server
    } finally {
      await rm(lock, { force: true })
    }
  }

  #serve(socket: Socket): void {
    const channel = new ControlChannel(socket)
    const parts = { node: this.#node, channel, logger: this.#logger, home: this.#home }
    const session = new ControlSession(parts)
    this.#sessions.add(session)
    void session.run().finally(() => this.#sessions.delete(session))
  }

  #taken(): SwarmCacheError {
    return new SwarmCacheError(
      'ERR_CONTROL',
      `A node of the home ${this.#home} runs already. Use that one, stop it, or give this one a SWARMCACHE_HOME of its own.`,
      { facts: { home: this.#home, path: this.path } },
    )
  }
}

/** False if another process holds the lock; one that was left behind by a crash is removed. */
async function takeLock(path: string): Promise<boolean> {
  const held = await stat(path).catch(() => undefined)
  if (held !== undefined && Date.now() - held.mtimeMs > LOCK_MS) await rm(path, { force: true })
  try {
    await writeFile(path, '', { flag: 'wx' })
    return true
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false
    throw error
  }
}

/** True if a process listens there; one that hangs counts, as it holds the socket. */
async function answers(path: string): Promise<boolean> {
  const socket = connect(path)
  try {
    return await new Promise<boolean>((resolve) => {
      socket.setTimeout(PROBE_MS, () => resolve(true))
      socket.once('connect', () => resolve(true))
      socket.once('error', (error) => {
        const errno = errnoOf(error)
        resolve(errno !== 'ECONNREFUSED' && errno !== 'ENOENT')
      })
    })
  } finally {
    socket.destroy()
  }
}
