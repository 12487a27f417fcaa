import fc from 'fast-check'
import {
  encodePart,
  encodePieces,
  parsePart,
  partVersion,
  PIECE_BYTES,
} from '../../../src/core/archive-part.ts'
import type { ArchivePart } from '../../../src/core/archive-part.ts'
import { digestOf, isDigest } from '../../../src/core/digest.ts'
import type { SignedEntry } from '../../../src/core/entry.ts'
import { totalBytes } from '../../../src/core/manifest.ts'
import {
  parseHolderMessage,
  parseLineMessage,
  parseRequest as parseLeaseRequest,
  parseState,
} from '../../../src/lease/lease-wire.ts'
import { parseKeeper, parseLeavingMessage } from '../../../src/node/hand-over-wire.ts'
import { parseAnswer, parseQuestion } from '../../../src/router/query-wire.ts'
import type { Answer, Question } from '../../../src/router/query-wire.ts'
import { PendingAnswers } from '../../../src/transfer/pending-answers.ts'
import { parseLaneOffer } from '../../../src/transfer/lane-offer.ts'
import {
  decodeBits,
  decodeIds,
  encodeBits,
  encodeIds,
  parseRequest as parseTransferRequest,
} from '../../../src/transfer/transfer-wire.ts'
import {
  bytesOf,
  COUNT,
  DIGEST,
  HEX,
  ID,
  NAME,
  PEER_ID,
  plain,
  SIGNED_ENTRY,
} from '../arbitraries.ts'
import { Finding } from '../decoder.ts'
import type { Decoder, Json } from '../decoder.ts'

type Header = Readonly<Record<string, unknown>>

// The largest manifest that is asked for, and room for the inputs themselves.
const MAX_ANSWER_COST_BYTES = 64 * 1024
const BITS = 20

/** What is read first of every message: an object. */
function headerOf(value: Json): Header {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Header)
    : {}
}

/** A decoder of a header, which gives undefined for what it refuses. */
function ofHeader(
  name: string,
  valid: fc.Arbitrary<unknown>,
  parse: (header: Header) => unknown,
  encode?: (value: never) => unknown,
): Decoder {
  return {
    name,
    valid: valid.map(plain),
    refuses: [],
    decode: (value: Json) => parse(headerOf(value)),
    ...(encode !== undefined && { encode: (value: never) => plain(encode(value)) }),
  }
}

const NEAR_MISSES = fc.array(
  fc.record({ reason: fc.constantFrom('other-version', 'other-scope'), key: NAME, scope: NAME }),
  { maxLength: 10 },
)
const QUERY = fc.record({
  repository: NAME,
  scopes: fc.array(NAME, { minLength: 1, maxLength: 10 }),
  key: NAME,
  restoreKeys: fc.array(NAME, { maxLength: 9 }),
  version: DIGEST,
})
const ENTRY_NAME = fc.record({ repository: NAME, scope: NAME, key: NAME, version: DIGEST })
const WORK = digestOf('work')
const PART = fc
  .record({ entry: SIGNED_ENTRY, first: fc.nat(3), count: fc.integer({ min: 1, max: 4 }) })
  .map(({ entry, first, count }) => {
    const archiveBytes = 5 * PIECE_BYTES + 7
    const pieces = Array.from({ length: Math.min(count, 6 - first) }, (_, index) => ({
      digest: digestOf(`${first + index}`),
      bytes: Math.min(PIECE_BYTES, archiveBytes - (first + index) * PIECE_BYTES),
    }))
    const manifest = encodePieces(pieces)
    const own = {
      ...(entry as unknown as SignedEntry),
      origin: 'upstream' as const,
      version: partVersion(WORK, archiveBytes, first),
      manifest: digestOf(manifest),
      manifestBytes: manifest.length,
      contentBytes: totalBytes(pieces),
    }
    return messageOf({ entry: own, archiveBytes, first, pieces })
  })

function messageOf(part: ArchivePart): Json {
  const { header, body } = encodePart(part)
  return plain({ work: WORK, header, body: Buffer.from(body).toString('hex') })
}

const DIGESTS = HEX({ min: 32, max: 32 })
const OFFER = fc.record({
  hosts: fc.array(fc.constantFrom('127.0.0.1', '::1', 'host.example'), { maxLength: 4 }),
  port: fc.integer({ min: 0, max: 65_535 }),
  fingerprint: DIGEST,
  ticket: fc.oneof(DIGEST, fc.constant('')),
})

export const WIRE: readonly Decoder[] = [
  ofHeader(
    'question',
    fc.oneof(fc.record({ query: QUERY }), fc.record({ manifest: DIGEST })),
    parseQuestion,
    (question: Question) => question,
  ),
  ofHeader(
    'answer',
    fc.oneof(
      fc.record({ entry: SIGNED_ENTRY, nearMisses: NEAR_MISSES }),
      fc.record({ nearMisses: NEAR_MISSES }),
      fc.record({ holds: fc.boolean() }),
      fc.constant({ busy: true }),
    ),
    parseAnswer,
    (answer: Answer) => answer,
  ),
  ofHeader(
    'lease-request',
    fc.oneof(
      fc.record({ ask: fc.constant('state'), name: DIGEST }),
      fc.record({ ask: fc.constant('parts'), name: DIGEST, first: COUNT }),
      fc.record({ ask: fc.constant('turn'), name: DIGEST, holding: fc.boolean(), holder: PEER_ID }),
    ),
    parseLeaseRequest,
  ),
  {
    name: 'archive-part',
    valid: PART,
    refuses: [],
    decode(value: Json) {
      const { work, header, body } = headerOf(value)
      return parsePart(isDigest(work) ? work : WORK, headerOf(header as Json), bytesOf(body))
    },
    encode: (part: ArchivePart) => messageOf(part),
  },
  ofHeader(
    'lease-holder',
    fc.oneof(fc.record({ renew: COUNT }), fc.record({ finish: fc.boolean() })),
    parseHolderMessage,
    (said: unknown) => said,
  ),
  ofHeader(
    'lease-state',
    fc.oneof(
      fc.constant({ state: 'held' }),
      fc.record({ state: fc.constant('done'), by: PEER_ID }),
      fc.record({ state: fc.constant('none'), holder: PEER_ID }),
    ),
    parseState,
  ),
  ofHeader(
    'lease-line',
    fc.oneof(
      fc.record({ waiting: COUNT, holder: PEER_ID }),
      fc.record({ done: PEER_ID }),
      fc.record({ noted: fc.constant(true), others: COUNT }),
      fc.constantFrom({ granted: true }, { lapsed: true }, { busy: true }),
    ),
    parseLineMessage,
  ),
  ofHeader(
    'leaving',
    fc.oneof(
      fc.constant({ leaving: true }),
      fc.record({ holds: ENTRY_NAME, manifest: DIGEST }),
      fc.record({ offer: SIGNED_ENTRY }),
    ),
    parseLeavingMessage,
    (said: unknown) => said,
  ),
  ofHeader(
    'keeper',
    fc.record({
      role: fc.constantFrom('seeder', 'runner', 'reader'),
      uptimeSeconds: COUNT,
      accepts: fc.boolean(),
    }),
    parseKeeper,
    (keeper: unknown) => keeper,
  ),
  ofHeader('lane-offer', OFFER, parseLaneOffer, (offer: unknown) => offer),
  {
    name: 'transfer-request',
    valid: fc
      .oneof(
        fc.record({
          header: fc.record(
            { want: ID, background: fc.constant(true) },
            { requiredKeys: ['want'] },
          ),
          body: DIGESTS,
        }),
        fc.record({ header: fc.record({ have: ID, watch: DIGEST }), body: DIGESTS }),
        fc.record({
          header: fc.record({ have: ID, watch: DIGEST, grows: fc.constant(true) }),
          body: DIGESTS,
        }),
        fc.record({ header: fc.record({ have: ID }), body: DIGESTS }),
        fc.record({ header: fc.record({ rest: ID }), body: fc.constant('') }),
        fc.record({ header: fc.record({ taken: ID }), body: fc.constant('') }),
        fc.record({ header: fc.constant({ cancel: true }), body: HEX({ min: 8, max: 8 }) }),
        fc.record({ header: fc.record({ manifest: DIGEST, id: ID }), body: fc.constant('') }),
      )
      .map(plain),
    refuses: [],
    decode(value: Json) {
      const { header, body } = headerOf(value)
      const request = parseTransferRequest(headerOf((header ?? null) as Json), bytesOf(body))
      if (request !== undefined && 'digests' in request && !request.digests.every(isDigest)) {
        throw new Finding('a digest has another form')
      }
      return request
    },
  },
  {
    name: 'transfer-ids',
    valid: fc.array(ID, { minLength: 1, maxLength: 30 }).map(encodeIds),
    refuses: [],
    isCanonical: true,
    decode: decodeIds,
    encode: (ids: number[]) => encodeIds(ids),
  },
  {
    name: 'transfer-bits',
    valid: fc.array(fc.boolean(), { minLength: BITS, maxLength: BITS }).map(encodeBits),
    refuses: [],
    decode: (bytes: Uint8Array) => decodeBits(bytes, BITS),
    encode: (bits: boolean[]) => encodeBits(bits),
  },
  {
    name: 'transfer-answer',
    valid: fc
      .oneof(
        fc.record({ header: fc.constant({ id: 0 }), body: HEX({ min: 1, max: 40 }) }),
        fc.record({ header: fc.constant({ id: 1, missing: true }), body: fc.constant('') }),
        fc.record({
          header: fc.record({
            id: fc.constant(2),
            have: fc.constant(true),
            readers: fc.array(PEER_ID, { maxLength: 2 }),
          }),
          body: fc.constant('00'),
        }),
        fc.record({
          header: fc.constant({ id: 3, manifestBytes: 40 }),
          body: HEX({ min: 1, max: 40 }),
        }),
      )
      .map(plain),
    refuses: ['ERR_FRAME', 'ERR_LIMIT'],
    allocates: () => MAX_ANSWER_COST_BYTES,
    decode(value: Json) {
      const { header, body } = headerOf(value)
      const pending = new PendingAnswers({ frame() {}, missing() {}, gained() {} })
      pending.addChunks(
        0,
        [0, 1].map((n) => ({ digest: String(n).repeat(64), bytes: 100 })),
      )
      pending.addWatch(2, ['a'.repeat(64)]).catch(() => {})
      pending.addManifest(3, 1000).catch(() => {})
      pending.take({
        header: headerOf((header ?? null) as Json),
        body: bytesOf(body) ?? new Uint8Array(),
      })
      return {}
    },
  },
]
