import { createPrivateKey, createPublicKey, randomBytes, sign, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { chmod, link, mkdir, open, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errnoOf, SwarmCacheError } from '../core/errors.ts'
import { isPeerId } from '../core/peer.ts'
import type { PeerId } from '../core/peer.ts'
import { decodeBase58, encodeBase58 } from './base58.ts'
import type { PeerKey } from './identity.ts'

const SEED_BYTES = 32
const SIGNATURE_BYTES = 64
// A peer id is the multihash "identity" (code 0, 36 bytes) of the protobuf { type: Ed25519, data: key }.
// https://github.com/libp2p/specs/blob/master/peer-ids/peer-ids.md
const PEER_ID_PREFIX = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20)
// What PKCS #8 writes before the seed of an Ed25519 key (RFC 8410).
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const FILE_NAME = 'peer-key'
const FILE_HEADER = 'swarmcache peer key 1'
const MAX_FILE_BYTES = 256

/** A new identity that lives as long as the process. */
export function createPeerKey(): PeerKey {
  return peerKeyOf(randomBytes(SEED_BYTES))
}

/**
 * The identity kept in `home`, made on first use; processes that start at once get the same one.
 *
 * @throws ERR_STORE if the file is damaged or cannot be read or written.
 */
export async function loadPeerKey(home: string): Promise<PeerKey> {
  const path = join(home, FILE_NAME)
  try {
    const existing = await readSeed(path)
    return peerKeyOf(existing ?? (await createSeedFile(home, path)))
  } catch (cause) {
    if (cause instanceof SwarmCacheError) throw cause
    throw new SwarmCacheError(
      'ERR_STORE',
      `The peer key ${path} cannot be used (${errnoOf(cause) ?? String(cause)}). Check the owner and the permissions of the folder.`,
      { cause, facts: { path } },
    )
  }
}

/** True if `signature` (base64url) over `bytes` was made by the key of `peerId`; false for anything malformed. */
export function verifySignature(peerId: PeerId, bytes: Uint8Array, signature: string): boolean {
  const key = publicKeyOf(peerId)
  const raw = Buffer.from(signature, 'base64url')
  // One spelling for one signature, so that it cannot be altered and still pass.
  if (key === undefined || raw.length !== SIGNATURE_BYTES) return false
  if (raw.toString('base64url') !== signature) return false
  return verify(null, bytes, key, raw)
}

function peerKeyOf(seed: Uint8Array): PeerKey {
  const privateKey = createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, seed]),
    format: 'der',
    type: 'pkcs8',
  })
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' })
  const publicBytes = Buffer.from(x!, 'base64url')
  return {
    peerId: peerIdOf(publicBytes),
    seed: Uint8Array.from(seed),
    sign: (bytes) => sign(null, bytes, privateKey).toString('base64url'),
  }
}

/** The peer id of an Ed25519 public key of 32 bytes. */
export function peerIdOf(publicBytes: Uint8Array): PeerId {
  return encodeBase58(Buffer.concat([PEER_ID_PREFIX, publicBytes]))
}

/** The 32 bytes of the Ed25519 public key that `peerId` names, or undefined if it names none. */
export function publicBytesOf(peerId: PeerId): Uint8Array | undefined {
  if (!isPeerId(peerId)) return undefined
  const bytes = decodeBase58(peerId)
  if (bytes === undefined || bytes.length !== PEER_ID_PREFIX.length + SEED_BYTES) return undefined
  if (!PEER_ID_PREFIX.every((byte, index) => bytes[index] === byte)) return undefined
  return bytes.subarray(PEER_ID_PREFIX.length)
}

function publicKeyOf(peerId: PeerId): KeyObject | undefined {
  const bytes = publicBytesOf(peerId)
  if (bytes === undefined) return undefined
  const x = Buffer.from(bytes).toString('base64url')
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
}

async function readSeed(path: string): Promise<Uint8Array | undefined> {
  let text: string
  try {
    await using file = await open(path)
    const { bytesRead, buffer } = await file.read({ buffer: Buffer.alloc(MAX_FILE_BYTES + 1) })
    text = buffer.toString('utf8', 0, bytesRead)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
  const [header, body, ...rest] = text.split('\n')
  const seed = Buffer.from(body ?? '', 'base64url')
  if (header !== FILE_HEADER || seed.length !== SEED_BYTES || rest.join('') !== '') {
    throw new SwarmCacheError(
      'ERR_STORE',
      `The peer key ${path} is damaged. Put back a copy of it, or remove the file to start under a new peer id.`,
      { facts: { path } },
    )
  }
  return seed
}

async function createSeedFile(home: string, path: string): Promise<Uint8Array> {
  await mkdir(home, { recursive: true })
  const seed = randomBytes(SEED_BYTES)
  const draft = `${path}.${randomBytes(6).toString('hex')}.tmp`
  const text = `${FILE_HEADER}\n${seed.toString('base64url')}\n`
  await writeFile(draft, text, { mode: 0o600, flag: 'wx' })
  try {
    // The umask may have taken rights of the owner too.
    await chmod(draft, 0o600)
    // Unlike a rename, a link never replaces the key that another process made a moment earlier.
    await link(draft, path)
    return seed
  } catch (error) {
    const winner = errnoOf(error) === 'EEXIST' ? await readSeed(path) : undefined
    if (winner === undefined) throw error
    return winner
  } finally {
    await rm(draft, { force: true })
  }
}
