import { connect } from 'node:net'
import { abortable, withDeadline } from '../async/deadline.ts'
import { SwarmCacheError } from '../core/errors.ts'
import type { Message } from '../core/message.ts'
import { VERSION } from '../core/version.ts'
import { ControlChannel } from './control-channel.ts'
import { decodeError, protocolMismatch } from './control-protocol.ts'
import type { CallName } from './control-protocol.ts'

interface Pending {
  readonly onWaiting?: (progress: number) => void
  readonly resolve: (body: Uint8Array) => void
  readonly reject: (error: unknown) => void
}

/**
 * Connects to a node and exchanges greetings.
 *
 * @throws ERR_CONTROL if the node speaks another version; ERR_CLOSED or ERR_TIMEOUT if nobody answers.
 */
export async function openChannel(
  path: string,
  deadlineMs: number,
  signal?: AbortSignal,
): Promise<ControlChannel> {
  const socket = connect(path)
  const channel = new ControlChannel(socket)
  try {
    await withDeadline(deadlineMs, 'Connecting to the node', signal, async () => {
      await channel.greet()
      const greeting = await channel.read()
      if (greeting === undefined) throw nodeGone()
      const { header } = greeting
      const mismatch = protocolMismatch(header, {
        node: header['version'],
        client: VERSION,
      })
      if (mismatch !== undefined) throw mismatch
    })
    return channel
  } catch (error) {
    channel.abort()
    throw error
  }
}

/** A connection on which any number of calls wait for their answers at once. */
export class ControlConnection {
  readonly #channel: ControlChannel
  readonly #pending = new Map<number, Pending>()
  #lastId = 0
  #error: Error | undefined

  constructor(channel: ControlChannel) {
    this.#channel = channel
    void this.#readAnswers()
  }

  get closed(): boolean {
    return this.#error !== undefined
  }

  /**
   * The body of the answer.
   *
   * @throws what the node rejected with, ERR_CLOSED if it goes away, or the signal's reason; the call is
   * then taken back.
   */
  async call(
    call: CallName,
    args: Record<string, unknown>,
    options: {
      readonly body?: Uint8Array
      readonly signal?: AbortSignal
      /** Told what the node says before it answers. */
      readonly onWaiting?: (progress: number) => void
    } = {},
  ): Promise<Uint8Array> {
    const { body, signal, onWaiting } = options
    signal?.throwIfAborted()
    if (this.#error !== undefined) throw this.#error
    const id = (this.#lastId += 1)
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
    this.#pending.set(id, { resolve, reject, onWaiting })
    const answer = signal === undefined ? promise : abortable(promise, signal)
    answer.catch(() => {})
    try {
      await this.#channel.write({ ...args, id, call }, body)
      return await answer
    } catch (error) {
      if (signal?.aborted === true) void this.#channel.write({ cancel: id }).catch(() => {})
      throw this.#error ?? error
    } finally {
      this.#pending.delete(id)
    }
  }

  /** Ends the connection; every call that waits is rejected with `error`. */
  close(error: Error): void {
    if (this.#error !== undefined) return
    this.#error = error
    this.#channel.abort(error)
    for (const { reject } of this.#pending.values()) reject(error)
    this.#pending.clear()
  }

  async #readAnswers(): Promise<void> {
    try {
      for (;;) {
        const message = await this.#channel.read()
        if (message === undefined) break
        this.#settle(message)
      }
      this.close(nodeGone())
    } catch (error) {
      this.close(nodeGone(error))
    }
  }

  /** An answer to a call that was taken back meets nobody. */
  #settle({ header, body }: Message): void {
    const pending = this.#pending.get(Number(header['id']))
    if (typeof header['waiting'] === 'number') {
      pending?.onWaiting?.(header['waiting'])
      return
    }
    if (header['error'] === undefined) pending?.resolve(body)
    else pending?.reject(decodeError(header['error']))
  }
}

/** The node went away in the middle. */
export function nodeGone(cause?: unknown): SwarmCacheError {
  return new SwarmCacheError('ERR_CLOSED', 'The node stopped before it answered.', { cause })
}
