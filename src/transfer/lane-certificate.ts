import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'

/** A key and a self-signed certificate, whose fingerprint is what the other side pins. */
export interface LaneCertificate {
  readonly keyPem: string
  readonly certificatePem: string
  /** SHA-256 of the certificate's DER, 64 lower-case hex digits. */
  readonly fingerprint: string
}

// The names and dates in the certificate mean nothing: only its fingerprint is trusted, so it never expires.
const NOT_BEFORE = '20240101000000Z'
const NOT_AFTER = '99991231235959Z' // RFC 5280 4.1.2.5: no well-defined expiration
const COMMON_NAME = 'swarmcache lane'

const OID_ECDSA_SHA256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]
const OID_COMMON_NAME = [0x55, 0x04, 0x03]

/**
 * Makes a fresh P-256 key and an X.509 v3 certificate for it.
 *
 * node:crypto reads certificates but makes none; this is the smallest one that TLS 1.3 accepts.
 * https://www.rfc-editor.org/rfc/rfc5280#section-4.1
 */
export function createLaneCertificate(): LaneCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const algorithm = sequence(tlv(0x06, Buffer.from(OID_ECDSA_SHA256)))
  const name = sequence(
    tlv(
      0x31,
      sequence(tlv(0x06, Buffer.from(OID_COMMON_NAME)), tlv(0x0c, Buffer.from(COMMON_NAME))),
    ),
  )
  const body = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))), // version 3
    tlv(0x02, serialNumber()),
    algorithm,
    name,
    sequence(tlv(0x18, Buffer.from(NOT_BEFORE)), tlv(0x18, Buffer.from(NOT_AFTER))),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
  )
  const signature = sign('sha256', body, privateKey)
  const certificate = sequence(body, algorithm, tlv(0x03, Buffer.concat([ZERO, signature])))
  return {
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certificatePem: pem(certificate),
    fingerprint: createHash('sha256').update(certificate).digest('hex'),
  }
}

const ZERO = Buffer.from([0])

/** Sixteen random bytes, positive and in the shortest form, as DER integers must be. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0]! & 0x3f) | 0x40
  return bytes
}

function sequence(...parts: Buffer[]): Buffer {
  return tlv(0x30, Buffer.concat(parts))
}

/** Tag, length, value. */
function tlv(tag: number, value: Buffer): Buffer {
  const { length } = value
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from(head), value])
}

function pem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}
