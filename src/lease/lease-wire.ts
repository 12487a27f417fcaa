import { isDigest } from '../core/digest.ts'
import type { Digest } from '../core/digest.ts'
import type { MessageLimits } from '../core/message.ts'
import { isPeerId } from '../core/peer.ts'
import type { PeerId } from '../core/peer.ts'
import { isTurnResult } from './lease.ts'
import type { TurnResult } from './lease.ts'
import type { Claim, Leader, NameState } from './lease-table.ts'

/**
 * One question or one place in a line on a stream of its own, as messages without bodies but for parts.
 *
 * Question: `{ask: 'state', name}`, answered with `{state: 'held'}`, `{state: 'done', by}` or, where the name
 * is not led, `{state: 'none', holder?}`.
 * Place: `{ask: 'turn', name, holding?, holder?}`, answered with any number of `{waiting: progress, holder}`
 * and then `{granted: true}`, or `{done: peerId}`. Who has the turn says `{renew: progress}` twice a second
 * and at last `{finish: result}`, both answered with `{noted: true, others}`: the number of those who wait, and of
 * those who learn of a success; `{lapsed: true}` takes the turn away.
 * `{busy: true}` refuses. Whose stream ends has given its place up.
 * Parts: `{ask: 'parts', name, first}`, answered, as soon as there are some that reach beyond the pieces before
 * `first` or after two seconds, with any number of parts as `encodePart` makes them and the end.
 */
export const LEASE_PROTOCOL = '/swarmcache/lease/1'

/** Digests, peer ids and numbers. */
export const LEASE_LIMITS: MessageLimits = { headerBytes: 1024, bodyBytes: 0 }

/** A part with its writer's ID token. */
export const PART_LIMITS: MessageLimits = { headerBytes: 64 * 1024, bodyBytes: 64 * 1024 }

/** How long a question for parts waits for one. */
export const PARTS_WAIT_MS = 2000

/** What a peer may ask first. */
export type LeaseRequest =
  | { readonly ask: 'state'; readonly name: Digest }
  | { readonly ask: 'parts'; readonly name: Digest; readonly first: number }
  | { readonly ask: 'turn'; readonly name: Digest; readonly claim: Claim }

/** What a holder may say. */
export type HolderMessage = { readonly renew: number } | { readonly finish: TurnResult }

/** What who leads a line may say to one in it. */
export type LineMessage =
  | { readonly kind: 'waiting'; readonly leader: Leader }
  | { readonly kind: 'done'; readonly by: PeerId }
  | { readonly kind: 'noted'; readonly others: number }
  | { readonly kind: 'granted' | 'lapsed' | 'busy' }

type Header = Readonly<Record<string, unknown>>

/** The request in a header from a peer, or undefined if it is malformed. */
export function parseRequest(header: Header): LeaseRequest | undefined {
  const { ask, name, holding, holder } = header
  if (!isDigest(name)) return undefined
  if (ask === 'state') return { ask, name }
  if (ask === 'parts')
    return isCount(header['first']) ? { ask, name, first: header['first'] } : undefined
  if (ask !== 'turn') return undefined
  if (holding !== undefined && typeof holding !== 'boolean') return undefined
  if (holder !== undefined && !isPeerId(holder)) return undefined
  return { ask, name, claim: { holding, holder } }
}

/** What a holder says in a header, or undefined if it is malformed. */
export function parseHolderMessage(header: Header): HolderMessage | undefined {
  const { renew, finish } = header
  if (isCount(renew)) return { renew }
  return isTurnResult(finish) ? { finish } : undefined
}

/** What a leader answers to the question for the state of a name, or undefined if it is malformed. */
export function parseState(header: Header): NameState | undefined {
  const { state, by, holder } = header
  if (state === 'held') return { kind: state }
  if (state === 'none') return isPeerId(holder) ? { kind: state, holder } : { kind: state }
  return state === 'done' && isPeerId(by) ? { kind: 'done', by } : undefined
}

/** What a leader says to one in its line, or undefined if it is malformed. */
export function parseLineMessage(header: Header): LineMessage | undefined {
  const { waiting, holder, done, noted, others } = header
  if (isCount(waiting) && isPeerId(holder)) {
    return { kind: 'waiting', leader: { holder, progress: waiting } }
  }
  if (isPeerId(done)) return { kind: 'done', by: done }
  if (noted === true) return { kind: 'noted', others: isCount(others) ? others : 0 }
  for (const kind of ['granted', 'lapsed', 'busy'] as const) {
    if (header[kind] === true) return { kind }
  }
  return undefined
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
