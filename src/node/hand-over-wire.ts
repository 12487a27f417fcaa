import { isDigest } from '../core/digest.ts'
import type { Digest } from '../core/digest.ts'
import { parseSignedEntry } from '../core/entry.ts'
import type { EntryName, SignedEntry } from '../core/entry.ts'
import type { MessageLimits } from '../core/message.ts'
import { isRole } from '../core/peer.ts'
import type { Role } from '../core/peer.ts'

/**
 * How a peer that leaves asks another to keep what it has; messages without bodies, one answer to each.
 *
 * `{leaving: true}` is answered with `{role, uptimeSeconds, accepts}`; `{holds: name, manifest,
 * attested}` with `{held: boolean}`; `{offer: entry}` with `{taken: true}` once all of it is stored there, or `{refused: why}`.
 * The bytes come from the peer that leaves, or from any other, as for every other fetch.
 */
export const HAND_OVER_PROTOCOL = '/swarmcache/hand-over/1'

/** An entry, with its ID token and names of at most 1024 characters, and room for escapes. */
export const HAND_OVER_LIMITS: MessageLimits = { headerBytes: 64 * 1024, bodyBytes: 0 }

/** What a peer that leaves may say. */
export type LeavingMessage =
  | { readonly leaving: true }
  | { readonly holds: EntryName; readonly manifest: Digest; readonly attested: boolean }
  | { readonly offer: SignedEntry }

/** What the other says of itself. */
export interface Keeper {
  readonly role: Role
  readonly uptimeSeconds: number
  readonly accepts: boolean
}

type Header = Readonly<Record<string, unknown>>

const MAX_NAME_LENGTH = 1024

/** What a leaving peer says in a header, or undefined if it is malformed. */
export function parseLeavingMessage(header: Header): LeavingMessage | undefined {
  if (header['leaving'] === true) return { leaving: true }
  const { holds, manifest, attested } = header
  if (holds !== undefined) {
    const name = parseName(holds)
    return name !== undefined && isDigest(manifest)
      ? { holds: name, manifest, attested: attested === true }
      : undefined
  }
  const offer = parseSignedEntry(header['offer'])
  return offer === undefined ? undefined : { offer }
}

/** What a keeper says of itself, or undefined if it is malformed. */
export function parseKeeper({ role, uptimeSeconds, accepts }: Header): Keeper | undefined {
  if (!isRole(role) || typeof accepts !== 'boolean') return undefined
  if (typeof uptimeSeconds !== 'number' || !(uptimeSeconds >= 0)) return undefined
  return { role, uptimeSeconds, accepts }
}

function parseName(value: unknown): EntryName | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { repository, scope, key, version } = value as Record<string, unknown>
  if (!isName(repository) || !isName(scope) || !isName(key) || !isDigest(version)) return undefined
  return { repository, scope, key, version }
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_NAME_LENGTH
}
