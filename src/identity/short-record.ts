import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { inputError } from '../core/errors.ts'
import { MAX_PEER_ADDRESSES, parsePeerRecord } from '../core/peer.ts'
import type { PeerId, Role } from '../core/peer.ts'
import type { DatedRecord, PeerKey } from './identity.ts'
import { peerIdOf, publicBytesOf, verifySignature } from './peer-key.ts'

// Content, big endian, always CONTENT_BYTES long so that the length tells nothing:
//   u8 format, u8 role, u48 announced, u48 expires, 32 bytes public key, u8 count, addresses, zeros
// An address, without the /p2p/<own id> at its end:
//   u8 kind: HOST_IP4 or HOST_TEXT, plus RELAYED
//   HOST_IP4: 4 bytes address, u16 TCP port. HOST_TEXT: u8 length, ASCII. RELAYED: then 32 bytes of the relay's key
// Plain: content, 64 bytes of the peer's signature over SIGNED_AS, the context and the content.
// Sealed: 12 bytes of nonce, AES-256-GCM of the plain bytes with the context as associated data, 16 bytes of tag.
// The seal keeps strangers out; where they can make one, as in a swarm without a key, the signature still
// keeps everybody from speaking for another peer.
const FORMAT = 1
const CONTENT_BYTES = 216
const SIGNATURE_BYTES = 64
const PLAIN_BYTES = CONTENT_BYTES + SIGNATURE_BYTES
const SIGNED_AS = 'swarmcache short record 1\0'
const NONCE_BYTES = 12
const TAG_BYTES = 16
const KEY_BYTES = 32
const ROLES: readonly Role[] = ['seeder', 'runner', 'reader']
const HOST_IP4 = 1
const HOST_TEXT = 2
const RELAYED = 0x10
const CIPHER = 'aes-256-gcm'

const RELAY_PATTERN = /^(.+)\/p2p\/([1-9A-HJ-NP-Za-km-z]+)\/p2p-circuit$/
const IP4_PATTERN = /^\/ip4\/(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/tcp\/(\d{1,5})$/
const TEXT_PATTERN = /^[\x21-\x7e]{1,200}$/

/** Characters of a sealed short record; anything of another length is none. */
export const SHORT_SEALED_LENGTH: number = Math.ceil(
  ((NONCE_BYTES + PLAIN_BYTES + TAG_BYTES) * 8) / 6,
)

/** Signs and seals a record for `context`. @throws ERR_INPUT if the peer id is not that of an Ed25519 key. */
export function sealShortRecord(
  key: Uint8Array,
  dated: DatedRecord,
  context: string,
  sign: PeerKey['sign'],
): string {
  const content = encodeShortRecord(dated)
  const signature = Buffer.from(sign(signedBytes(content, context)), 'base64url')
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, key, nonce).setAAD(Buffer.from(context))
  const plain = Buffer.concat([content, signature], PLAIN_BYTES)
  const sealed = [nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]
  return Buffer.concat(sealed).toString('base64url')
}

/** The record in `sealed`, or undefined if it was not sealed with this key and signed by its peer for this context. */
export function openShortRecord(
  key: Uint8Array,
  sealed: string,
  context: string,
): DatedRecord | undefined {
  if (sealed.length !== SHORT_SEALED_LENGTH) return undefined
  const bytes = Buffer.from(sealed, 'base64url')
  if (bytes.toString('base64url') !== sealed) return undefined
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES))
  decipher.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(-TAG_BYTES))
  try {
    const opened = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES))
    const plain = Buffer.concat([opened, decipher.final()])
    const content = plain.subarray(0, CONTENT_BYTES)
    const dated = decodeShortRecord(content)
    const signature = plain.subarray(CONTENT_BYTES).toString('base64url')
    if (dated === undefined) return undefined
    const signed = signedBytes(content, context)
    return verifySignature(dated.record.peerId, signed, signature) ? dated : undefined
  } catch {
    // Foreign, forged or damaged: whoever reads a public place meets all three.
    return undefined
  }
}

function signedBytes(content: Uint8Array, context: string): Uint8Array {
  return Buffer.concat([Buffer.from(`${SIGNED_AS}${context}\0`), content])
}

/** The content of a short record: the addresses that fit. @throws ERR_INPUT as `sealShortRecord` does. */
export function encodeShortRecord({ record, announced }: DatedRecord): Buffer {
  const publicBytes = publicBytesOf(record.peerId)
  if (publicBytes === undefined) {
    throw inputError(`"${record.peerId}" is not the peer id of an Ed25519 key (12D3Koo…).`)
  }
  const head = Buffer.alloc(14)
  head.writeUInt8(FORMAT, 0)
  head.writeUInt8(ROLES.indexOf(record.role), 1)
  head.writeUIntBE(announced, 2, 6)
  head.writeUIntBE(record.expires, 8, 6)
  const parts: Uint8Array[] = [head, publicBytes, Uint8Array.of(0)]
  let bytes = head.length + KEY_BYTES + 1
  let count = 0
  for (const address of record.addresses) {
    const encoded = encodeAddress(address, record.peerId)
    if (encoded === undefined || bytes + encoded.length > CONTENT_BYTES) continue
    if (count === MAX_PEER_ADDRESSES) break
    parts.push(encoded)
    bytes += encoded.length
    count += 1
  }
  parts[2] = Uint8Array.of(count)
  parts.push(new Uint8Array(CONTENT_BYTES - bytes))
  return Buffer.concat(parts)
}

function encodeAddress(address: string, peerId: PeerId): Uint8Array | undefined {
  const suffix = `/p2p/${peerId}`
  if (!address.endsWith(suffix)) return undefined
  const way = address.slice(0, -suffix.length)
  const [, relayHost, relayId] = RELAY_PATTERN.exec(way) ?? []
  const relayKey = relayId === undefined ? undefined : publicBytesOf(relayId)
  const relayed = relayHost !== undefined && relayKey !== undefined
  const host = encodeHost(relayed ? relayHost : way, relayed ? RELAYED : 0)
  if (host === undefined || !relayed) return host
  return Buffer.concat([host, relayKey])
}

function encodeHost(host: string, flags: number): Uint8Array | undefined {
  const numbers = IP4_PATTERN.exec(host)?.slice(1).map(Number)
  if (numbers !== undefined) {
    const port = numbers[4]!
    const bytes = Uint8Array.of(HOST_IP4 | flags, ...numbers.slice(0, 4), port >> 8, port & 0xff)
    // Numbers out of range or with leading zeros would come back as another text.
    if (port < 65536 && ip4Host(Buffer.from(bytes.subarray(1))) === host) return bytes
  }
  if (!TEXT_PATTERN.test(host)) return undefined
  return Buffer.concat([Uint8Array.of(HOST_TEXT | flags, host.length), Buffer.from(host, 'ascii')])
}

function ip4Host(bytes: Buffer): string {
  return `/ip4/${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}/tcp/${bytes.readUInt16BE(4)}`
}

/** The record in a content, or undefined if it holds none. @throws RangeError if it ends early. */
export function decodeShortRecord(content: Buffer): DatedRecord | undefined {
  if (content.readUInt8(0) !== FORMAT) return undefined
  let at = 0
  const take = (bytes: number): Buffer => {
    if (at + bytes > content.length) throw new RangeError('the record ends early')
    return content.subarray(at, (at += bytes))
  }
  const head = take(14)
  const peerId = peerIdOf(take(KEY_BYTES))
  const count = take(1).readUInt8()
  if (count > MAX_PEER_ADDRESSES) return undefined
  const addresses: string[] = []
  for (let index = 0; index < count; index += 1) {
    const kind = take(1).readUInt8()
    const host = kind & ~RELAYED
    if (host !== HOST_IP4 && host !== HOST_TEXT) return undefined
    const text = host === HOST_IP4 ? ip4Host(take(6)) : take(take(1).readUInt8()).toString('ascii')
    if (host === HOST_TEXT && !TEXT_PATTERN.test(text)) return undefined
    const relay = (kind & RELAYED) === 0 ? '' : `/p2p/${peerIdOf(take(KEY_BYTES))}/p2p-circuit`
    addresses.push(`${text}${relay}/p2p/${peerId}`)
  }
  if (content.subarray(at).some((byte) => byte !== 0)) return undefined
  const role = ROLES[head.readUInt8(1)]
  const record = parsePeerRecord({ peerId, addresses, role, expires: head.readUIntBE(8, 6) })
  return record === undefined ? undefined : { record, announced: head.readUIntBE(2, 6) }
}
