import fc from 'fast-check'
import type { ChunkRef } from '../../../src/core/manifest.ts'
import { MAX_CHUNK_BYTES } from '../../../src/core/manifest.ts'
import * as control from '../../../src/node/control-protocol.ts'
import { readPlaces } from '../../../src/node/place-messages.ts'
import { bytesOf, COUNT, DIGEST, HEX, NAME, plain, SIGNED_ENTRY } from '../arbitraries.ts'
import { Finding } from '../decoder.ts'
import type { Decoder, Json } from '../decoder.ts'

type Header = Readonly<Record<string, unknown>>

const HOME = '/home/octo/.cache/swarmcache'
const PLACED: readonly ChunkRef[] = [0, 1, 2].map((index) => ({
  digest: `${index}`.repeat(64),
  bytes: 1000,
}))
const CHUNKS = fc.uniqueArray(
  fc.record({ digest: DIGEST, bytes: fc.integer({ min: 1, max: MAX_CHUNK_BYTES }) }),
  { maxLength: 20, selector: ({ digest }) => digest },
)
const CALL = fc.record({
  repository: fc.constantFrom('octo/app', 'a.b-c_d/e'),
  query: fc.record({
    repository: NAME,
    scopes: fc.array(NAME, { maxLength: 5 }),
    key: NAME,
    restoreKeys: fc.array(NAME, { maxLength: 5 }),
    version: DIGEST,
  }),
  entry: SIGNED_ENTRY,
  digest: DIGEST,
  bytes: fc.integer({ min: 1, max: MAX_CHUNK_BYTES }),
  turn: fc.string({ minLength: 1, maxLength: 64 }),
})

function headerOf(value: Json): Header {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Header)
    : {}
}

/** Everything that a call's header may be read for. */
const READERS = [
  control.readRepository,
  control.readQuery,
  control.readSignedEntry,
  control.readCommittedEntry,
  control.readDigest,
  control.readTurnName,
] as const

export const CONTROL: readonly Decoder[] = [
  ...READERS.map((read): Decoder => ({
    name: `control-${read.name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
    valid: CALL.map(plain),
    refuses: ['ERR_FRAME', 'ERR_INPUT'],
    decode: (value: Json) => read(headerOf(value)),
  })),
  {
    name: 'control-frame',
    valid: fc.record({ header: CALL, body: HEX({ min: 1, max: 100 }) }).map(plain),
    refuses: ['ERR_FRAME'],
    decode(value: Json) {
      const { header, body } = headerOf(value)
      return control.readFrame({ header: headerOf((header ?? null) as Json), body: bytesOf(body) })
    },
  },
  {
    name: 'control-digests',
    valid: fc.array(DIGEST, { maxLength: 20 }).map(control.encodeDigests),
    refuses: ['ERR_FRAME'],
    isCanonical: true,
    decode: control.decodeDigests,
    encode: (digests: string[]) => control.encodeDigests(digests),
  },
  {
    name: 'control-refs',
    valid: CHUNKS.map(control.encodeRefs),
    refuses: ['ERR_FRAME'],
    isCanonical: true,
    decode: control.decodeRefs,
    encode: (chunks: ChunkRef[]) => control.encodeRefs(chunks),
  },
  {
    name: 'control-places',
    valid: fc
      .array(
        fc.record({
          frame: fc.nat(PLACED.length - 1),
          path: fc.constantFrom('v1/chunks/ab', 'aside/1'),
          position: COUNT,
          bytes: fc.nat(MAX_CHUNK_BYTES),
          tier: fc.constantFrom('disk', 'peers'),
          unopened: COUNT,
        }),
        { maxLength: 3 },
      )
      .map(plain),
    refuses: ['ERR_FRAME'],
    decode(value: Json) {
      const places = readPlaces(control.encodeJson(value), PLACED, HOME)
      for (const { frame } of places) {
        const { path } = frame.place!
        if (path !== HOME && !path.startsWith(`${HOME}/`)) throw new Finding(`it leads to ${path}`)
      }
      return places
    },
  },
  {
    name: 'control-json',
    valid: fc.json().map((text) => Buffer.from(text)),
    refuses: ['ERR_FRAME'],
    decode: control.decodeJson,
  },
  {
    name: 'control-error',
    valid: fc
      .record({
        code: fc.constantFrom('ERR_PATH', 'ERR_STORE'),
        message: NAME,
        facts: fc.dictionary(NAME, fc.oneof(NAME, COUNT), { maxKeys: 3 }),
      })
      .map(plain),
    refuses: [],
    decode(value: Json) {
      const { code, message, facts } = control.decodeError(value)
      return { code, message, facts }
    },
  },
  {
    name: 'control-greeting',
    valid: fc
      .record({ hello: fc.constant(control.HELLO), protocol: fc.nat(3), version: NAME })
      .map(plain),
    refuses: [],
    decode(value: Json) {
      const theirs = headerOf(value)
      return control.protocolMismatch(theirs, { node: theirs['version'], client: '0' }) ?? {}
    },
  },
]
