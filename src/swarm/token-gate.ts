// Without a swarm key nobody shares a secret beforehand, yet Noise XX would show the responder's peer id to
// whoever asks, and a token sent in clear its claims to whoever listens. So before Noise:
//   responder -> dialler   X25519 key R for this connection, and the responder's Ed25519 signature over it
//   dialler -> responder   X25519 key D; AES-256-GCM under HKDF(R x D): peer id, token, signature over R and D
// The dialler knows whom it means to reach (its address ends in the peer id), so it tells the signature of that
// peer from any other, and seals its token for nobody else. A stranger who dials gets 96 bytes, which tell
// nothing to who does not know the peer id already. The proof holds for R and D only, and Noise's prologue is
// bound to all that was said, so nothing of it can be passed on to another connection.
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
} from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import type { MessageStream } from '@libp2p/interface'
import { isPeerId } from '../core/peer.ts'
import type { PeerId } from '../core/peer.ts'
import { verifySignature } from '../identity/identity.ts'
import type { Attestation, PeerKey } from '../identity/identity.ts'
import { readExactly, readSized, sendSized } from './handshake-bytes.ts'
import { MAX_TOKEN_BYTES } from './token-proofs.ts'
import type { TokenProofs } from './token-proofs.ts'

const KEY_BYTES = 32
const SIGNATURE_BYTES = 64
const TAG_BYTES = 16
// A token with the peer id and the signature in JSON.
const MAX_PROOF_BYTES: number = MAX_TOKEN_BYTES + 1024
const HELLO_LABEL = 'swarmcache/1/token-gate-hello\0'
const PROOF_LABEL = 'swarmcache/1/token-gate-proof\0'
const SEAL_LABEL = 'swarmcache/1/token-gate-seal'
const PROLOGUE_LABEL = 'swarmcache/1/token-gate-prologue\0'
// Every key of this gate seals one message only.
const NONCE: Uint8Array = new Uint8Array(12)

/** What this side proves itself with. */
export interface TokenGateParts {
  readonly peerKey: PeerKey
  readonly tokens: TokenProofs
}

/** What the responder knows of a dialler that has passed. */
export interface GateResult {
  /** For Noise, which fails unless both sides have seen the same gate. */
  readonly prologue: Uint8Array
  readonly attestation: Attestation
}

/** Asks the dialler for its token; rejects with the reason if it proves nothing. */
export async function demandToken(
  connection: MessageStream,
  { peerKey, tokens }: TokenGateParts,
  signal?: AbortSignal,
): Promise<GateResult> {
  const own = generateKeyPairSync('x25519')
  const ownKey = rawKey(own.publicKey)
  const hello = Buffer.concat([
    ownKey,
    Buffer.from(peerKey.sign(labelled(HELLO_LABEL, ownKey)), 'base64url'),
  ])
  connection.send(hello)
  const otherKey = await readExactly(connection, KEY_BYTES, signal)
  const sealed = await readSized(connection, MAX_PROOF_BYTES + TAG_BYTES, signal)
  const keys = Buffer.concat([hello, otherKey])
  const { peerId, token, signature } = parseProof(unseal(own.privateKey, otherKey, keys, sealed))
  if (!verifySignature(peerId, labelled(PROOF_LABEL, keys), signature)) {
    throw new Error('its ID token was shown by somebody else than its peer')
  }
  const attestation = await tokens.verifier.verify(token, { peerId, signal })
  return { prologue: prologueOf(keys, sealed), attestation }
}

/** Shows our token to the peer that is meant, if it is the one who answers; returns the prologue for Noise. */
export async function showToken(
  connection: MessageStream,
  meant: PeerId,
  { peerKey, tokens }: TokenGateParts,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const hello = await readExactly(connection, KEY_BYTES + SIGNATURE_BYTES, signal)
  const otherKey = hello.subarray(0, KEY_BYTES)
  const helloSignature = hello.subarray(KEY_BYTES).toString('base64url')
  if (!verifySignature(meant, labelled(HELLO_LABEL, otherKey), helloSignature)) {
    throw new Error('another peer answers')
  }
  const token = await tokens.source.token(peerKey.peerId, { signal })
  const own = generateKeyPairSync('x25519')
  const ownKey = rawKey(own.publicKey)
  const keys = Buffer.concat([hello, ownKey])
  const signature = peerKey.sign(labelled(PROOF_LABEL, keys))
  const proof = Buffer.from(JSON.stringify({ peerId: peerKey.peerId, signature, token }))
  const sealed = seal(own.privateKey, otherKey, keys, proof)
  connection.send(ownKey)
  sendSized(connection, sealed)
  return prologueOf(keys, sealed)
}

/** What a dialler shows of itself, once it is unsealed; throws if it is malformed. */
export function parseProof(bytes: Uint8Array): {
  peerId: PeerId
  token: string
  signature: string
} {
  try {
    const { peerId, token, signature } = JSON.parse(Buffer.from(bytes).toString('utf8')) as Record<
      string,
      unknown
    >
    if (isPeerId(peerId) && typeof token === 'string' && typeof signature === 'string') {
      return { peerId, token, signature }
    }
  } catch {
    // Told below.
  }
  throw new Error('its proof is malformed')
}

function seal(own: KeyObject, other: Uint8Array, keys: Uint8Array, plain: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-gcm', sealKey(own, other, keys), NONCE)
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

function unseal(own: KeyObject, other: Uint8Array, keys: Uint8Array, sealed: Buffer): Buffer {
  const body = sealed.subarray(0, -TAG_BYTES)
  try {
    const cipher = createDecipheriv('aes-256-gcm', sealKey(own, other, keys), NONCE, {
      authTagLength: TAG_BYTES,
    })
    cipher.setAuthTag(sealed.subarray(body.length))
    return Buffer.concat([cipher.update(body), cipher.final()])
  } catch {
    throw new Error('its proof is not sealed for this connection')
  }
}

function sealKey(own: KeyObject, other: Uint8Array, keys: Uint8Array): Uint8Array {
  const x = Buffer.from(other).toString('base64url')
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' })
  const shared = diffieHellman({ privateKey: own, publicKey })
  return new Uint8Array(hkdfSync('sha256', shared, keys, SEAL_LABEL, 32))
}

function prologueOf(keys: Uint8Array, sealed: Uint8Array): Uint8Array {
  return createHash('sha256').update(PROLOGUE_LABEL).update(keys).update(sealed).digest()
}

function rawKey(key: KeyObject): Buffer {
  return Buffer.from(key.export({ format: 'jwk' }).x!, 'base64url')
}

function labelled(label: string, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(label), bytes])
}
