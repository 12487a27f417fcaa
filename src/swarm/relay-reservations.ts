import type { IdentifyResult, Libp2pEvents, PeerId, TypedEventTarget } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { errorMessage } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { isRelayed } from './address-order.ts'
import { RELAYS_WANTED, RELAY_CHECK_MS } from './libp2p-settings.ts'

/** What libp2p gives to a service, as far as it is needed here. */
export interface ReservationComponents {
  readonly events: TypedEventTarget<Libp2pEvents>
  readonly transportManager: {
    listen(addresses: Multiaddr[]): Promise<void>
    getAddrs(): Multiaddr[]
  }
}

const HOP_PROTOCOL = '/libp2p/circuit/relay/0.2.0/hop'
const MAX_KNOWN_RELAYS = 64

/** Keeps slots reserved at a few connected seeders, so that this node is reached through them where it cannot be dialled. */
export class RelayReservations {
  readonly #components: ReservationComponents
  readonly #logger: Logger
  /** Connected peers that relay, with the address that we dialled. */
  readonly #relays = new Map<string, Multiaddr>()
  #timer: NodeJS.Timeout | undefined
  #reserving = false
  #again = false

  constructor(components: ReservationComponents, parts: { readonly logger: Logger }) {
    this.#components = components
    this.#logger = parts.logger
  }

  start(): void {
    this.#components.events.addEventListener('peer:identify', this.#onIdentify)
    this.#components.events.addEventListener('peer:disconnect', this.#onDisconnect)
    this.#timer = setInterval(() => void this.#reserve(), RELAY_CHECK_MS)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#components.events.removeEventListener('peer:identify', this.#onIdentify)
    this.#components.events.removeEventListener('peer:disconnect', this.#onDisconnect)
    this.#relays.clear()
  }

  readonly #onIdentify = ({ detail }: CustomEvent<IdentifyResult>): void => {
    const { peerId, protocols, connection } = detail
    if (!protocols.includes(HOP_PROTOCOL)) return
    // Only the address that we dialled is known to lead to the relay; who dialled us needs no relay to do so.
    const address = connection.remoteAddr
    if (connection.direction !== 'outbound' || isRelayed(address.toString())) return
    if (this.#relays.size >= MAX_KNOWN_RELAYS) return
    this.#relays.set(peerId.toString(), address)
    void this.#reserve()
  }

  readonly #onDisconnect = ({ detail }: CustomEvent<PeerId>): void => {
    if (this.#relays.delete(detail.toString())) void this.#reserve()
  }

  async #reserve(): Promise<void> {
    if (this.#reserving) {
      this.#again = true
      return
    }
    this.#reserving = true
    do {
      this.#again = false
      await this.#reserveMissing()
    } while (this.#again)
    this.#reserving = false
  }

  async #reserveMissing(): Promise<void> {
    const { transportManager } = this.#components
    const reserved = new Set(
      transportManager.getAddrs().map((address) => relayOf(address.toString())),
    )
    reserved.delete(undefined)
    for (const [peerId, address] of this.#relays) {
      if (reserved.size >= RELAYS_WANTED) return
      if (reserved.has(peerId)) continue
      try {
        await transportManager.listen([address.encapsulate('/p2p-circuit')])
        reserved.add(peerId)
      } catch (error) {
        this.#logger.log('debug', 'A relay gave no slot.', {
          peerId,
          reason: errorMessage(error),
        })
      }
    }
  }
}

function relayOf(address: string): string | undefined {
  return /\/p2p\/([^/]+)\/p2p-circuit/.exec(address)?.[1]
}
