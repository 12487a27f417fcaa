import fc from 'fast-check'
import { digestOf } from '../../src/core/digest.ts'
import { createPeerKey, signEntry } from '../../src/identity/identity.ts'
import type { Json } from './decoder.ts'

/** 64 hex digits. */
export const DIGEST: fc.Arbitrary<string> = fc.integer().map((value) => digestOf(String(value)))
/** What a key, a scope or a repository may look like. */
export const NAME: fc.Arbitrary<string> = fc.oneof(
  fc.string({ minLength: 1, maxLength: 40 }),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
  fc.constantFrom('refs/heads/main', 'refs/pull/7/merge', 'octo/app', 'linux-npm-1'),
)
/** Sizes and moments. */
export const COUNT: fc.Arbitrary<number> = fc.oneof(fc.nat(1000), fc.maxSafeNat())
/** Numbers of 32 bits. */
export const ID: fc.Arbitrary<number> = fc.oneof(
  fc.nat(300),
  fc.integer({ min: 0, max: 2 ** 32 - 1 }),
)

const WRITERS = Array.from({ length: 4 }, () => createPeerKey())
/** Ids of peers whose keys exist. */
export const PEER_ID: fc.Arbitrary<string> = fc.constantFrom(...WRITERS.map(({ peerId }) => peerId))

const REQUIRED = [
  'repository',
  'scope',
  'key',
  'version',
  'manifest',
  'manifestBytes',
  'contentBytes',
  'created',
  'origin',
] as const
const RUN_FACTS = fc.record({ event: NAME, ref: NAME, runId: NAME }, { requiredKeys: [] })

/** An entry that one of the writers signed. */
export const SIGNED_ENTRY: fc.Arbitrary<Json> = fc
  .record({
    writer: fc.constantFrom(...WRITERS),
    entry: fc.record(
      {
        repository: NAME,
        scope: NAME,
        key: NAME,
        version: DIGEST,
        manifest: DIGEST,
        manifestBytes: COUNT,
        contentBytes: COUNT,
        created: COUNT,
        origin: fc.constantFrom('save' as const, 'upstream' as const),
        repositoryId: NAME,
        run: RUN_FACTS,
        token: NAME,
      },
      { requiredKeys: [...REQUIRED] },
    ),
  })
  .map(({ writer, entry }) => plain(signEntry(entry, writer)))

/** A signature with what it was made over. */
export const SIGNATURE: fc.Arbitrary<Json> = fc
  .record({ writer: fc.constantFrom(...WRITERS), text: NAME })
  .map(({ writer, text }) => ({
    peerId: writer.peerId,
    text,
    signature: writer.sign(Buffer.from(text)),
  }))

/** A value as it comes out of JSON. */
export function plain(value: unknown): Json {
  return JSON.parse(JSON.stringify(value)) as Json
}

/** Bytes as JSON can hold them. */
export const HEX: (options?: { min?: number; max?: number }) => fc.Arbitrary<string> = ({
  min = 0,
  max = 200,
} = {}) =>
  fc
    .uint8Array({ minLength: min, maxLength: max })
    .map((bytes) => Buffer.from(bytes).toString('hex'))

/** The bytes that a text of HEX stands for, as far as it is one. */
export function bytesOf(text: unknown): Buffer {
  return Buffer.from(typeof text === 'string' ? text : '', 'hex')
}
