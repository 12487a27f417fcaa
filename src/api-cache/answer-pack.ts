import type { Tier } from '../core/chunk.ts'
import { decodeAnswer, encodeAnswer } from './answer-wire.ts'
import type { FoundAnswer } from './api-cache.ts'

// Before each answer: u32 header bytes, u32 body bytes, both big endian; then the header as JSON, and the body.
const PREFIX_BYTES = 8
const TIERS: readonly unknown[] = ['memory', 'disk', 'shared', 'peers', 'upstream']

/** Answers one behind the other, with the tier that had each; those that do not fit into `maxBytes` are left out. */
export function packAnswers(found: readonly FoundAnswer[], maxBytes: number = Infinity): Buffer {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for (const { answer, tier } of found) {
    const { header, body } = encodeAnswer(answer)
    const head = Buffer.from(JSON.stringify({ ...header, tier }))
    const more = PREFIX_BYTES + head.length + body.length
    if (bytes + more > maxBytes) continue
    const prefix = Buffer.allocUnsafe(PREFIX_BYTES)
    prefix.writeUInt32BE(head.length, 0)
    prefix.writeUInt32BE(body.length, 4)
    pieces.push(prefix, head, body)
    bytes += more
  }
  return Buffer.concat(pieces, bytes)
}

/** What `packAnswers` made, each body in memory of its own; undefined if anything of it is damaged. */
export function unpackAnswers(packed: Uint8Array): FoundAnswer[] | undefined {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.length)
  const found: FoundAnswer[] = []
  let at = 0
  while (at < bytes.length) {
    if (at + PREFIX_BYTES > bytes.length) return undefined
    const bodyAt = at + PREFIX_BYTES + bytes.readUInt32BE(at)
    const end = bodyAt + bytes.readUInt32BE(at + 4)
    if (end > bytes.length) return undefined
    const header = parsed(bytes.subarray(at + PREFIX_BYTES, bodyAt))
    const answer = decodeAnswer(header, Uint8Array.from(bytes.subarray(bodyAt, end)))
    const tier = (header as { readonly tier?: unknown } | undefined)?.tier
    if (answer === undefined || !TIERS.includes(tier)) return undefined
    found.push({ answer, tier: tier as Tier })
    at = end
  }
  return found
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}
