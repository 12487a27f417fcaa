import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { MessageStream } from '@libp2p/interface'

/** Somebody who speaks to a node by hand: a socket that has chosen a handshake and does as it likes from there. */
export class StrangerSocket {
  readonly socket: Socket
  readonly closed: Promise<unknown>
  #received: Buffer = Buffer.alloc(0)

  constructor(address: string) {
    this.socket = connect(Number(/\/tcp\/(\d+)/.exec(address)![1]), '127.0.0.1')
    this.socket.on('error', () => {})
    this.socket.on('data', (piece: Buffer) => {
      this.#received = Buffer.concat([this.#received, piece])
    })
    this.closed = new Promise((resolve) => this.socket.once('close', resolve))
  }

  /** Everything the node has said so far. */
  get received(): Buffer {
    return this.#received
  }

  /** Agrees on a handshake, and returns how many bytes that took. */
  async choose(protocol: string): Promise<number> {
    const greeting = ['/multistream/1.0.0\n', `${protocol}\n`]
      .map((line) => String.fromCharCode(line.length) + line)
      .join('')
    this.socket.write(greeting)
    await this.receives(greeting.length)
    return greeting.length
  }

  /** Waits until the node has said so many bytes; rejects if it leaves before. */
  async receives(bytes: number): Promise<void> {
    while (this.#received.length < bytes) {
      const more = once(this.socket, 'data')
      more.catch(() => {})
      await Promise.race([more, this.closed])
      if (this.socket.destroyed && this.#received.length < bytes) {
        throw new Error(`the node left after ${this.#received.length} bytes`)
      }
    }
  }

  /** What libp2p hands to a handshake, after the first `offset` bytes; as much of it as handshakes use. */
  messages(offset: number): MessageStream {
    const events = new EventTarget()
    let taken = offset
    const deliver = (): void => {
      const data = this.#received.subarray(taken)
      if (data.length === 0) return
      taken = this.#received.length
      events.dispatchEvent(Object.assign(new Event('message'), { data }))
    }
    this.socket.on('data', deliver)
    this.socket.on('close', () => events.dispatchEvent(new Event('close')))
    const stream = {
      status: 'open',
      send: (bytes: Uint8Array) => this.socket.write(bytes),
      unshift: (bytes: Uint8Array) => (taken -= bytes.length),
      removeEventListener: events.removeEventListener.bind(events),
      addEventListener: (name: string, listener: (event: Event) => void) => {
        events.addEventListener(name, listener)
        if (name === 'message') queueMicrotask(deliver)
      },
    }
    return stream as unknown as MessageStream
  }
}
