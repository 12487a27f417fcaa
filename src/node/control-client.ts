import { resolve } from 'node:path'
import type { Tiers } from '../cache/cache.ts'
import { SwarmCacheError, isSwarmCacheError } from '../core/errors.ts'
import type { StoreReport } from '../store/store.ts'
import type { ControlChannel } from './control-channel.ts'
import { ControlConnection, openChannel } from './control-connection.ts'
import { controlPath, isPrivate } from './control-path.ts'
import { decodeJson } from './control-protocol.ts'
import type { CallName } from './control-protocol.ts'
import type { LoggedEntry, Node, NodeAnswers, NodeStatus, PeerStatus } from './node.ts'
import { RemoteTiers } from './remote-tiers.ts'
import type { RemoteCalls } from './remote-tiers.ts'

// A node answers on the same machine: what takes longer hangs, and the caller starts a node of its own.
const CONNECT_DEADLINE_MS = 300
// A node that is in use is waited for: it may be busy with what it was asked to do.
const REOPEN_DEADLINE_MS = 10_000
// A frozen node is left after half a minute, which no busy one is silent for.
const PING_MS = 5000
const PING_DEADLINE_MS = 10_000
// One question may have missed its answer because this process itself was suspended.
const MAX_MISSED_PINGS = 2

/** Tunables of the way to a node. */
export interface RemoteNodeOptions {
  /** While a call waits, the node is asked for a sign of life this often. */
  readonly pingMs?: number
  /** The time it has to give one. */
  readonly pingDeadlineMs?: number
}

/**
 * The node that runs in `home`, or undefined if none answers soon.
 *
 * @throws ERR_CONTROL if one answers that speaks another version.
 */
export async function connectToNode(
  home: string,
  options: RemoteNodeOptions & { readonly signal?: AbortSignal } = {},
): Promise<RemoteNode | undefined> {
  const { signal } = options
  const path = controlPath(home)
  if (!(await isPrivate(path))) return undefined
  try {
    const channel = await openChannel(path, CONNECT_DEADLINE_MS, signal)
    return new RemoteNode({ path, channel, home: resolve(home) }, options)
  } catch (error) {
    signal?.throwIfAborted()
    if (isSwarmCacheError(error, 'ERR_CONTROL')) throw error
    return undefined
  }
}

/**
 * A node of another process of this machine, behind its control socket.
 *
 * Small calls share one connection, bodies another, and each read of chunks has its own, so that none
 * waits behind the other. A connection that was lost is opened again by the next call.
 */
export class RemoteNode implements Node, RemoteCalls {
  readonly #path: string
  readonly #home: string
  readonly #pingMs: number
  readonly #pingDeadlineMs: number
  readonly #channels = new Set<ControlChannel>()
  #small: Promise<ControlConnection>
  #bulk: Promise<ControlConnection> | undefined
  #waiting = 0
  #pings: NodeJS.Timeout | undefined
  #pinging = false
  #missedPings = 0
  #stopped = false

  /** `channel` is a first connection to `path`, where the node of `home` listens. */
  constructor(
    parts: { readonly path: string; readonly channel: ControlChannel; readonly home: string },
    options: RemoteNodeOptions = {},
  ) {
    this.#path = parts.path
    this.#home = parts.home
    this.#pingMs = options.pingMs ?? PING_MS
    this.#pingDeadlineMs = options.pingDeadlineMs ?? PING_DEADLINE_MS
    this.#small = Promise.resolve(new ControlConnection(parts.channel))
  }

  async tiers(repository: string, options: { readonly signal?: AbortSignal } = {}): Promise<Tiers> {
    await this.call('tiers', { repository }, options)
    return new RemoteTiers(this, repository, this.#home)
  }

  async answers(
    repository: string,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<NodeAnswers> {
    await this.call('tiers', { repository }, options)
    const { RemoteAnswers } = await import('./remote-answers.ts')
    return new RemoteAnswers(this, repository)
  }

  async status(): Promise<NodeStatus> {
    return decodeJson(await this.call('status', {})) as NodeStatus
  }

  async peers(repository: string): Promise<PeerStatus[]> {
    return decodeJson(await this.call('peers', { repository })) as PeerStatus[]
  }

  async entries(repository: string): Promise<LoggedEntry[]> {
    return decodeJson(await this.call('entries', { repository })) as LoggedEntry[]
  }

  async verify(
    repository: string,
    options: { readonly deep?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<StoreReport> {
    const { deep, signal } = options
    return decodeJson(await this.call('verify', { repository, deep }, { signal })) as StoreReport
  }

  /** Disconnects; the node goes on. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#closeAll(stopped())
  }

  async call(
    name: CallName,
    args: Record<string, unknown>,
    options: {
      readonly body?: Uint8Array
      readonly signal?: AbortSignal
      readonly bulk?: boolean
      readonly onWaiting?: (progress: number) => void
    } = {},
  ): Promise<Uint8Array> {
    using _watched = this.#watchNode()
    const connection = options.bulk === true ? await this.#bulkCalls() : await this.#smallCalls()
    return await connection.call(name, args, options)
  }

  async *stream<T>(
    use: (channel: ControlChannel) => AsyncGenerator<T>,
    signal?: AbortSignal,
  ): AsyncGenerator<T> {
    signal?.throwIfAborted()
    if (this.#stopped) throw stopped()
    using _watched = this.#watchNode()
    const channel = await this.#open(signal)
    const onAbort = (): void => channel.abort(signal?.reason as Error)
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#channels.add(channel)
    try {
      for await (const item of use(channel)) {
        signal?.throwIfAborted()
        yield item
      }
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    } finally {
      this.#channels.delete(channel)
      signal?.removeEventListener('abort', onAbort)
      channel.abort()
    }
  }

  async #smallCalls(): Promise<ControlConnection> {
    this.#small = this.#openIfClosed(this.#small)
    return await this.#small
  }

  async #bulkCalls(): Promise<ControlConnection> {
    this.#bulk = this.#openIfClosed(this.#bulk)
    return await this.#bulk
  }

  async #openIfClosed(current?: Promise<ControlConnection>): Promise<ControlConnection> {
    if (this.#stopped) throw stopped()
    const connection = await current?.catch(() => undefined)
    if (connection !== undefined && !connection.closed) return connection
    const opened = new ControlConnection(await this.#open())
    if (this.#stopped) opened.close(stopped())
    return opened
  }

  async #open(signal?: AbortSignal): Promise<ControlChannel> {
    try {
      return await openChannel(this.#path, REOPEN_DEADLINE_MS, signal)
    } catch (cause) {
      signal?.throwIfAborted()
      if (isSwarmCacheError(cause, 'ERR_CONTROL')) throw cause
      throw new SwarmCacheError(
        'ERR_CLOSED',
        `The node behind ${this.#path} is gone. Start it again, or run the command again without it.`,
        { cause, facts: { path: this.#path } },
      )
    }
  }

  /** Asks for signs of life until disposed; a frozen node must not keep its callers waiting for ever. */
  #watchNode(): Disposable {
    this.#waiting += 1
    this.#pings ??= setInterval(() => void this.#ping(), this.#pingMs).unref()
    return {
      [Symbol.dispose]: () => {
        this.#waiting -= 1
        if (this.#waiting > 0) return
        clearInterval(this.#pings)
        this.#pings = undefined
      },
    }
  }

  async #ping(): Promise<void> {
    if (this.#pinging) return
    this.#pinging = true
    const signal = AbortSignal.timeout(this.#pingDeadlineMs)
    try {
      const connection = await this.#smallCalls()
      await connection.call('ping', {}, { signal })
      this.#missedPings = 0
    } catch {
      if (signal.aborted) this.#missedPings += 1
    } finally {
      this.#pinging = false
    }
    if (this.#missedPings < MAX_MISSED_PINGS) return
    this.#missedPings = 0
    await this.#closeAll(
      new SwarmCacheError(
        'ERR_CONTROL',
        `The node behind ${this.#path} gives no sign of life. Check that process, and restart it.`,
      ),
    )
  }

  async #closeAll(error: Error): Promise<void> {
    for (const channel of this.#channels) channel.abort(error)
    const connections = await Promise.allSettled([this.#small, this.#bulk])
    for (const connection of connections) {
      if (connection.status === 'fulfilled') connection.value?.close(error)
    }
  }
}

function stopped(): SwarmCacheError {
  return new SwarmCacheError('ERR_CLOSED', 'The connection to the node has been closed.')
}
