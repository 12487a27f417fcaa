import { randomBytes } from 'node:crypto'
import type { PeerId } from '../core/peer.ts'

/** Bytes of a ticket as it crosses a lane. */
export const TICKET_BYTES = 32

// A ticket is used within a round trip; this also covers a machine that is busy.
const TICKET_LIFE_MS = 10_000
const MAX_TICKETS = 1024
// A peer opens a few lanes at once; who asks for more takes from nobody but itself.
const MAX_TICKETS_PER_PEER = 32

/** What a ticket admits: one connection, of one peer, with one certificate. */
export interface TicketGrant {
  readonly peerId: PeerId
  /** SHA-256 of the certificate that the peer said it would show. */
  readonly fingerprint: string
  /** Set if the connection was asked for from here, and is handed to who asked. */
  readonly expected: boolean
}

/** One-time tickets for lanes, handed out over the authenticated connection of a swarm. */
export class LaneTickets {
  readonly #now: () => number
  readonly #grants = new Map<string, TicketGrant & { expires: number }>()

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** A fresh ticket, 64 hex digits. */
  issue(grant: TicketGrant): string {
    this.#sweep()
    this.#makeRoomFor(grant.peerId)
    const ticket = randomBytes(TICKET_BYTES).toString('hex')
    this.#grants.set(ticket, { ...grant, expires: this.#now() + TICKET_LIFE_MS })
    return ticket
  }

  /** What the ticket admits, once: undefined if it is unknown, used, too old, or shown with another certificate. */
  redeem(ticket: string, fingerprint: string | undefined): TicketGrant | undefined {
    const grant = this.#grants.get(ticket)
    this.#grants.delete(ticket)
    if (grant === undefined || grant.expires < this.#now()) return undefined
    return grant.fingerprint === fingerprint ? grant : undefined
  }

  /** Takes a ticket back. */
  revoke(ticket: string): void {
    this.#grants.delete(ticket)
  }

  #makeRoomFor(peerId: PeerId): void {
    const own = [...this.#grants].filter(([, grant]) => grant.peerId === peerId)
    const [oldest] = own
    if (own.length >= MAX_TICKETS_PER_PEER && oldest !== undefined) this.#grants.delete(oldest[0])
  }

  #sweep(): void {
    const now = this.#now()
    for (const [ticket, grant] of this.#grants) {
      // In order of age: the first one that is good ends the search, unless there are too many.
      if (grant.expires >= now && this.#grants.size < MAX_TICKETS) break
      this.#grants.delete(ticket)
    }
  }
}
