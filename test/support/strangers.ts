import type { PeerKey } from '../../src/identity/identity.ts'
import { showToken } from '../../src/swarm/token-gate.ts'
import { StrangerSocket } from './stranger-socket.ts'

/** Whom strangers try, and what they have. */
export interface StrangersOptions {
  readonly address: string
  readonly peerId: string
  readonly peerKey: PeerKey
  /** A token of a trusted issuer that is not good for this swarm: the dearest one to refuse. */
  readonly token: string
}

const HANDSHAKE = '/swarmcache/tokens/1.0.0'
const HELLO_BYTES = 96

/** Strangers who try a node one after the other, each in another way, and come again. */
export class Strangers {
  /** Those who got further than the hello. */
  admitted = 0
  /** Those whose sealed token the node had to look at. */
  proved = 0
  /** Those who were let go of, whatever for. */
  ended = 0
  readonly #options: StrangersOptions
  readonly #open = new Set<StrangerSocket>()
  #stopped = false

  constructor(options: StrangersOptions) {
    this.#options = options
  }

  /** Makes so many attempts, some at once; `from` tells which way comes first. */
  async attempt(
    count: number,
    { atOnce, from = 0 }: { atOnce: number; from?: number },
  ): Promise<void> {
    let next = from
    const one = async (): Promise<void> => {
      while (next < from + count && !this.#stopped) await this.#try(next++)
    }
    await Promise.all(Array.from({ length: atOnce }, one))
  }

  stop(): void {
    this.#stopped = true
    for (const { socket } of this.#open) socket.destroy()
  }

  async #try(number: number): Promise<void> {
    const stranger = new StrangerSocket(this.#options.address)
    this.#open.add(stranger)
    try {
      await this.#act(stranger, number)
    } catch {
      // Turned away at the door, which is as good.
    } finally {
      this.#open.delete(stranger)
      stranger.socket.destroy()
      this.ended += 1
    }
  }

  async #act(stranger: StrangerSocket, number: number): Promise<void> {
    const { socket } = stranger
    if (number % 4 === 0) {
      socket.write(Buffer.alloc(4096, number))
      await stranger.closed
      return
    }
    const taken = await stranger.choose(HANDSHAKE)
    if (number % 4 === 1) {
      // Leaves in the middle.
      await stranger.receives(taken + HELLO_BYTES)
      return
    }
    const { peerId, peerKey, token } = this.#options
    const verifier = { verify: async () => await Promise.reject(new Error('never asked')) }
    const tokens = { source: { token: async () => token }, verifier, required: true }
    await showToken(stranger.messages(taken), peerId, { peerKey, tokens })
    this.proved += 1
    // What Noise would begin with.
    socket.write(Buffer.concat([Buffer.from([0, 32]), Buffer.alloc(32, 9)]))
    await stranger.closed
    if (stranger.received.length > taken + HELLO_BYTES) this.admitted += 1
  }
}
