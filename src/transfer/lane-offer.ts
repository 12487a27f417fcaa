import { isDigest } from '../core/digest.ts'

/** How to reach one side of a lane. */
export interface LaneOffer {
  readonly hosts: readonly string[]
  readonly port: number
  readonly fingerprint: string
  readonly ticket: string
}

/** Hosts that a peer may name for a lane when it is connected through a relay; more would let it point at strangers. */
export const MAX_OFFERED_HOSTS = 4
const TICKET_PATTERN = /^[0-9a-f]{64}$/

/** The offer that `value` (parsed JSON from a peer) holds, or undefined if it is malformed. */
export function parseLaneOffer(value: unknown): LaneOffer | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { hosts, port, fingerprint, ticket } = value as Record<string, unknown>
  if (!Array.isArray(hosts) || hosts.length > MAX_OFFERED_HOSTS || !isDigest(fingerprint))
    return undefined
  if (!hosts.every((host) => typeof host === 'string' && /^[\w.:-]{1,253}$/.test(host))) {
    return undefined
  }
  if (!Number.isInteger(port) || (port as number) < 0 || (port as number) > 65535) return undefined
  if (typeof ticket !== 'string') return undefined
  // A side that accepts no lanes offers neither port nor ticket, and is still asked to dial back.
  const usable = port !== 0 && TICKET_PATTERN.test(ticket)
  return {
    hosts: hosts as string[],
    port: usable ? (port as number) : 0,
    fingerprint,
    ticket,
  }
}
