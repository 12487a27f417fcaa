import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { parsePeerRecord } from '../../../src/core/peer.ts'
import type { PeerRecord } from '../../../src/core/peer.ts'
import {
  deriveSwarmKeys,
  loadPeerKey,
  readGrants,
  verifySignature,
} from '../../../src/identity/identity.ts'
import { decodeBase58, encodeBase58 } from '../../../src/identity/base58.ts'
import { parseKeys, safeAlgorithms, signingKeys } from '../../../src/identity/kept-keys.ts'
import { decodeShortRecord, encodeShortRecord } from '../../../src/identity/short-record.ts'
import { attestationOf } from '../../../src/identity/token-claims.ts'
import { LISTED_ENTRIES, parseEntries } from '../../../src/registry/github-listing.ts'
import { parseProof } from '../../../src/swarm/token-gate.ts'
import { COUNT, NAME, PEER_ID, plain, SIGNATURE } from '../arbitraries.ts'
import { Finding } from '../decoder.ts'
import type { Decoder, Json } from '../decoder.ts'

type Header = Readonly<Record<string, unknown>>

const KEYS = deriveSwarmKeys('a swarm key of the fuzzer', 'octo/app')
const MAX_BASE58_LENGTH = 128
// More than are read at once.
const MAX_HOMES = 1024

const RECORD = fc.record({
  peerId: PEER_ID,
  addresses: fc.array(fc.constantFrom('/ip4/10.0.0.1/tcp/4001', '/dns/h/tcp/1'), { maxLength: 5 }),
  role: fc.constantFrom('seeder', 'runner', 'reader'),
  expires: COUNT,
})

const JWK = fc.record(
  {
    kty: fc.constantFrom('RSA', 'EC', 'OKP'),
    kid: NAME,
    use: fc.constant('sig'),
    alg: fc.constantFrom('RS256', 'none', 'HS256'),
    n: NAME,
    e: fc.constant('AQAB'),
  },
  { requiredKeys: ['kty', 'kid'] },
)
const ALGORITHMS = fc.array(fc.constantFrom('RS256', 'ES256', 'none', 'HS256'), { maxLength: 4 })

const CLAIMS = fc.record({
  iss: NAME,
  repository: NAME,
  repository_id: NAME,
  repository_owner_id: NAME,
  ref: NAME,
  event_name: NAME,
  workflow_ref: NAME,
  run_id: NAME,
  run_attempt: NAME,
  sha: NAME,
  actor: NAME,
  base_ref: NAME,
  repository_visibility: NAME,
  iat: fc.nat(),
  exp: fc.nat(),
})

function headerOf(value: Json): Header {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Header)
    : {}
}

/** Key files in a folder that goes with the process; reads at the same time have homes of their own. */
class KeyFolder {
  #folder: string | undefined
  #count = 0

  async read(bytes: Uint8Array): Promise<unknown> {
    this.#folder ??= this.#make()
    const home = join(this.#folder, String(this.#count++ % MAX_HOMES))
    mkdirSync(home, { recursive: true })
    writeFileSync(join(home, 'peer-key'), bytes)
    return (await loadPeerKey(home)).peerId
  }

  #make(): string {
    const folder = mkdtempSync(join(tmpdir(), 'swarmcache-fuzz-'))
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
    return folder
  }
}

const keyFolder = new KeyFolder()

/** The record with addresses that end as those of every peer do. */
function ownAddresses(record: PeerRecord): PeerRecord {
  const addresses = record.addresses.map((address) => `${address}/p2p/${record.peerId}`)
  // Times have 48 bits.
  return { ...record, addresses, expires: record.expires % 2 ** 48 }
}

/** Sealed bytes always have the full length; shorter ones end early. */
function decodeOrEnd(bytes: Buffer): ReturnType<typeof decodeShortRecord> {
  try {
    return decodeShortRecord(bytes)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

export const IDENTITY: readonly Decoder[] = [
  {
    name: 'token-grants',
    valid: fc
      .array(fc.record({ Scope: NAME, Permission: fc.nat(7) }), { maxLength: 4 })
      .map((grants) => plain({ ac: JSON.stringify(grants) })),
    refuses: [],
    decode(value: Json) {
      const payload = Buffer.from(JSON.stringify(value)).toString('base64url')
      return readGrants(`e30.${payload}.`)
    },
  },
  {
    name: 'base58',
    valid: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(encodeBase58(bytes))),
    refuses: [],
    isCanonical: true,
    decode(bytes: Uint8Array) {
      // Whoever calls it has checked the length of the text.
      const text = Buffer.from(bytes).toString('latin1').slice(0, MAX_BASE58_LENGTH)
      return text.length < bytes.length ? undefined : decodeBase58(text)
    },
    encode: (bytes: Uint8Array) => Buffer.from(encodeBase58(bytes)),
  },
  {
    name: 'signature',
    valid: SIGNATURE,
    refuses: [],
    decode(value: Json) {
      const { peerId, text, signature } = headerOf(value)
      if (typeof peerId !== 'string' || typeof signature !== 'string') return undefined
      if (typeof text !== 'string') return undefined
      return verifySignature(peerId, Buffer.from(text), signature) ? {} : undefined
    },
  },
  {
    name: 'claims',
    valid: CLAIMS.map(plain),
    refuses: ['ERR_PROOF'],
    decode: (value: Json) => attestationOf(headerOf(value), 'a peer'),
  },
  {
    name: 'jwk-set',
    valid: fc
      .record({ keys: fc.array(JWK, { minLength: 1, maxLength: 3 }), algorithms: ALGORITHMS })
      .map(plain),
    refuses: [],
    decode(value: Json) {
      const { keys, algorithms } = headerOf(value)
      const safe = safeAlgorithms(algorithms)
      if (safe.some((name) => /^(?:none|HS)/i.test(name))) throw new Finding('it is not safe')
      const found = signingKeys({ keys })
      return found.length === 0 ? undefined : found
    },
  },
  {
    name: 'kept-keys',
    valid: fc
      .record({
        fetched: COUNT,
        algorithms: ALGORITHMS,
        keys: fc.array(fc.record({ jwk: JWK, seen: COUNT }), { maxLength: 3 }),
      })
      .map(plain),
    refuses: [],
    decode: parseKeys,
  },
  {
    name: 'cache-list',
    valid: fc
      .array(
        fc.record({
          id: COUNT,
          key: NAME,
          ref: NAME,
          created_at: fc.constant('2026-11-21T10:00:00Z'),
        }),
        { minLength: 1, maxLength: 3 },
      )
      .map((caches) => plain({ actions_caches: caches })),
    refuses: [],
    decode(value: Json) {
      const found = parseEntries(value)
      if (found.length > LISTED_ENTRIES) throw new Finding('it has more entries than a page')
      return found.length === 0 ? undefined : found
    },
  },
  {
    name: 'gate-proof',
    valid: fc
      .record({ peerId: PEER_ID, token: NAME, signature: NAME })
      .map((proof) => Buffer.from(JSON.stringify(proof))),
    refuses: [],
    decode(bytes: Uint8Array) {
      try {
        return parseProof(bytes)
      } catch (error) {
        if (error instanceof Error && error.message === 'its proof is malformed') return undefined
        throw error
      }
    },
  },
  {
    name: 'sealed-record',
    valid: fc.record({ record: RECORD, flip: fc.constant(0) }).map(plain),
    refuses: ['ERR_INPUT'],
    /** What a member seals, who can seal anything. */
    async decode(value: Json) {
      const { record, flip } = headerOf(value)
      const given = headerOf((record ?? null) as Json) as unknown as PeerRecord
      const sealed = await KEYS.seal(given)
      const opened = await KEYS.open(sealed)
      if (opened !== undefined && parsePeerRecord(opened) === undefined) {
        throw new Finding('it opened what is no record')
      }
      if (typeof flip !== 'number' || !(flip > 0)) return opened
      const at = Math.floor(flip) % sealed.length
      const other = sealed[at] === 'A' ? 'B' : 'A'
      const damaged = sealed.slice(0, at) + other + sealed.slice(at + 1)
      if ((await KEYS.open(damaged)) !== undefined) throw new Finding('it opened what was changed')
      return opened
    },
  },
  {
    name: 'sealed-text',
    valid: fc.constant(
      Buffer.from(
        await KEYS.seal({ ...fc.sample(RECORD, { numRuns: 1, seed: 1 })[0]! } as PeerRecord),
      ),
    ),
    refuses: [],
    decode: async (bytes: Uint8Array) => await KEYS.open(Buffer.from(bytes).toString('latin1')),
  },
  {
    name: 'short-record',
    valid: fc
      .tuple(RECORD, fc.nat())
      .map(([record, announced]) =>
        encodeShortRecord({ record: ownAddresses(record as PeerRecord), announced }),
      ),
    refuses: [],
    /** What a member seals, who can seal and sign anything. */
    decode(bytes: Uint8Array) {
      const dated = decodeOrEnd(Buffer.from(bytes))
      if (dated === undefined) return undefined
      const again = decodeShortRecord(encodeShortRecord(dated))
      if (!isDeepStrictEqual(again, dated)) throw new Finding('it comes back as another one')
      return dated
    },
  },
  {
    name: 'peer-key-file',
    valid: fc
      .uint8Array({ minLength: 32, maxLength: 32 })
      .map((seed) =>
        Buffer.from(`swarmcache peer key 1\n${Buffer.from(seed).toString('base64url')}\n`),
      ),
    refuses: ['ERR_STORE'],
    decode: async (bytes: Uint8Array) => await keyFolder.read(bytes),
  },
]
