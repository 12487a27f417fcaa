import type { Socket } from 'node:net'
import { Limit } from '../async/limit.ts'
import { MessageStream } from '../core/message.ts'
import type { Message } from '../core/message.ts'
import { SocketByteStream } from '../core/socket-byte-stream.ts'
import { VERSION } from '../core/version.ts'
import { CONTROL_LIMITS, HELLO, PROTOCOL } from './control-protocol.ts'

/** One connection of the control socket, on which any number of writers take turns. */
export class ControlChannel {
  readonly #messages: MessageStream
  readonly #turn = new Limit(1)

  constructor(socket: Socket) {
    this.#messages = new MessageStream(new SocketByteStream(socket), CONTROL_LIMITS)
  }

  /** Says who we are; the first thing either side sends. */
  async greet(): Promise<void> {
    await this.write({ hello: HELLO, protocol: PROTOCOL, version: VERSION, pid: process.pid })
  }

  async write(header: Record<string, unknown>, body?: Uint8Array): Promise<void> {
    using _turn = await this.#turn.acquire()
    await this.#messages.write(header, body)
  }

  /** The next message, or undefined at the end; one reader at a time. */
  async read(): Promise<Message | undefined> {
    return await this.#messages.read()
  }

  /** Ends the connection at once. */
  abort(error?: Error): void {
    this.#messages.abort(error)
  }

  /** Ends the connection after what was written has been sent. */
  async close(): Promise<void> {
    await this.#messages.closeWrite()
  }
}
