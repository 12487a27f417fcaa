import { DIGEST_BYTES, isDigest } from '../core/digest.ts'
import type { Digest } from '../core/digest.ts'
import { MAX_FRAME_BYTES } from '../core/manifest.ts'
import type { MessageLimits } from '../core/message.ts'
import type { Priority } from './transfer.ts'

/**
 * Many requests on one stream, answered in any order. Ids are chosen by the asker, each used once.
 *
 * Asked: `{want: id}` with a body of n digests (32 bytes each), which take the ids from `id` to `id + n - 1`,
 * and with `background: true` if no job waits for them;
 * `{cancel: true}` with a body of ids (u32, big endian); `{have: id}` with a body of digests, and with
 * `watch: manifest` for what is fetched of that manifest, and `grows: true` if more of it is to come;
 * `{manifest: digest, id}`; `{rest: id}` to end the conversation and keep the stream for the next one;
 * `{taken: bytes}` for frames that came with `paced: true`.
 *
 * Answered: `{id}` with a frame as body, and `paced: true` from a peer that sends no more until it hears of what was
 * taken; `{id, missing: true}`; `{cancelled: true}` with a body of ids;
 * `{id, have: true}` with one bit for each digest, lowest bit first; `{id, manifestBytes}` with a piece of the
 * manifest, until it is complete; `{busy: true}`, then the end, from a peer that serves too many already.
 * A rest takes back whatever waits for its answer; `{id, rested: true}` comes when nothing else is to come.
 *
 * The answer to a watch also names others that watch the same manifest (`readers`), and tells whether the peer
 * is fetching it itself (`fetching`). What it gets of the digests from then on it tells unasked, as
 * `{id, gained: true}` with a body of positions in the list (u32), until the next watch of the conversation.
 */
export const TRANSFER_PROTOCOL = '/swarmcache/transfer/1'

/** Digests in one message at most. */
export const MAX_DIGESTS = 4096
/** Peers named in the answer to a watch at most. */
export const MAX_READERS = 12
/** Wanted chunks that may wait for their answer on one stream. */
export const MAX_OUTSTANDING = 2048

export const REQUEST_LIMITS: MessageLimits = {
  headerBytes: 1024,
  bodyBytes: MAX_DIGESTS * DIGEST_BYTES,
}
export const RESPONSE_LIMITS: MessageLimits = { headerBytes: 1024, bodyBytes: MAX_FRAME_BYTES }

/** What a peer may ask. */
export type TransferRequest =
  | {
      readonly kind: 'want'
      readonly id: number
      readonly digests: readonly Digest[]
      readonly priority: Priority
    }
  | { readonly kind: 'cancel'; readonly ids: readonly number[] }
  | {
      readonly kind: 'have'
      readonly id: number
      readonly digests: readonly Digest[]
      readonly watch: Digest | undefined
      /** More of what is watched is to come. */
      readonly grows: boolean
    }
  | { readonly kind: 'manifest'; readonly id: number; readonly digest: Digest }
  | { readonly kind: 'taken'; readonly bytes: number }
  | { readonly kind: 'rest'; readonly id: number }

type Header = Readonly<Record<string, unknown>>

/** The request in a message, or undefined if it is malformed. */
export function parseRequest(header: Header, body: Uint8Array): TransferRequest | undefined {
  const { want, background, cancel, have, watch, grows, manifest, taken, rest, id } = header
  if (isId(want)) {
    const digests = decodeDigests(body)
    if (digests === undefined || (background !== undefined && background !== true)) return undefined
    return { kind: 'want', id: want, digests, priority: background ? 'background' : 'usual' }
  }
  if (isId(have)) {
    const digests = decodeDigests(body)
    if (digests === undefined || (watch !== undefined && !isDigest(watch))) return undefined
    if (grows !== undefined && grows !== true) return undefined
    return { kind: 'have', id: have, digests, watch, grows: grows === true }
  }
  if (cancel === true) {
    const ids = decodeIds(body)
    return ids === undefined ? undefined : { kind: 'cancel', ids }
  }
  if (isId(taken)) return body.length === 0 ? { kind: 'taken', bytes: taken } : undefined
  if (isId(rest)) return body.length === 0 ? { kind: 'rest', id: rest } : undefined
  if (!isDigest(manifest) || !isId(id)) return undefined
  return { kind: 'manifest', id, digest: manifest }
}

/** True if `value` can be the id of a request. */
export function isId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32
}

/** Digests as bytes, one after the other. */
export function encodeDigests(digests: readonly Digest[]): Uint8Array {
  const bytes = Buffer.allocUnsafe(digests.length * DIGEST_BYTES)
  for (const [index, digest] of digests.entries()) bytes.write(digest, index * DIGEST_BYTES, 'hex')
  return bytes
}

function decodeDigests(body: Uint8Array): Digest[] | undefined {
  if (body.length === 0 || body.length % DIGEST_BYTES !== 0) return undefined
  const hex = Buffer.from(body.buffer, body.byteOffset, body.length).toString('hex')
  const digests: Digest[] = []
  for (let at = 0; at < hex.length; at += DIGEST_BYTES * 2) {
    digests.push(hex.slice(at, at + DIGEST_BYTES * 2))
  }
  return digests
}

/** Ids or positions, four bytes each, the highest first. */
export function encodeIds(ids: readonly number[]): Uint8Array {
  const bytes = Buffer.allocUnsafe(ids.length * 4)
  for (const [index, id] of ids.entries()) bytes.writeUInt32BE(id, index * 4)
  return bytes
}

/** Ids or positions, or undefined if it is no list of them. */
export function decodeIds(body: Uint8Array): number[] | undefined {
  if (body.length === 0 || body.length % 4 !== 0) return undefined
  const view = new DataView(body.buffer, body.byteOffset, body.length)
  return Array.from({ length: body.length / 4 }, (_, index) => view.getUint32(index * 4))
}

/** Bits, eight a byte, the first one lowest. */
export function encodeBits(bits: readonly boolean[]): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(bits.length / 8))
  for (const [index, bit] of bits.entries()) {
    if (bit) bytes[index >> 3]! |= 1 << (index & 7)
  }
  return bytes
}

/** `count` bits, or undefined if there are not as many. */
export function decodeBits(bytes: Uint8Array, count: number): boolean[] | undefined {
  if (bytes.length !== Math.ceil(count / 8)) return undefined
  return Array.from(
    { length: count },
    (_, index) => (bytes[index >> 3]! & (1 << (index & 7))) !== 0,
  )
}
