import { createHmac, hkdfSync } from 'node:crypto'
import { inputError } from '../core/errors.ts'
import { parsePeerRecord } from '../core/peer.ts'
import type { PeerId, PeerRecord } from '../core/peer.ts'
import type { SwarmKeys } from './identity.ts'
import { openShortRecord, sealShortRecord } from './short-record.ts'
import type { SwarmOf } from './swarm-verifier.ts'

// Noise's prologue can be tested offline against a recorded handshake, so a guessable key is no key.
const MIN_KEY_BYTES = 16
const DERIVED_BYTES = 32
const SALT = 'swarmcache/1'
// 16 addresses of 512 characters would not fit, but no real record comes near half of this.
const MAX_SEALED_LENGTH = 8 * 1024
// Sealed records have few distinct lengths, so that a length does not tell how many addresses a peer has.
const PADDING_BYTES = 512
const MAX_RECORD_BYTES = 5 * 1024

/**
 * Checks that a swarm key can be one.
 *
 * @throws ERR_INPUT without the key itself: shorter than 16 bytes of UTF-8, or a GITHUB_TOKEN (`ghs_…`).
 */
export function assertSwarmKey(key: string): void {
  if (key.startsWith('ghs_')) {
    throw inputError(
      'The swarm key is a GITHUB_TOKEN (it starts with ghs_). That token differs from job to job, so every job would be alone in its own swarm. ' +
        "Use a secret of the repository or organisation as the swarm key, or give the job the permission id-token: write, so that runners prove themselves with GitHub's OIDC identity.",
    )
  }
  const bytes = Buffer.byteLength(key, 'utf8')
  if (bytes < MIN_KEY_BYTES) {
    throw inputError(
      `The swarm key has ${bytes} bytes, but at least ${MIN_KEY_BYTES} are needed. Make one with: openssl rand -base64 32`,
      { bytes },
    )
  }
}

/**
 * Derives what the members of one repository's swarm share: one label for each use, so that nothing
 * learnt about one use helps with another, and nothing of one repository opens another's.
 *
 * @throws ERR_INPUT as `assertSwarmKey` does.
 */
export function deriveSwarmKeys(key: string, repository: string): SwarmKeys {
  assertSwarmKey(key)
  return deriveKeys(key, repository)
}

/**
 * The same for a swarm whose members prove themselves by ID tokens alone. They share no secret, so everything here
 * can be derived by anybody who knows the id: who may read the registry can read its records, and the handshake is
 * what keeps strangers out.
 */
export function deriveOpenKeys(members: SwarmOf): SwarmKeys {
  return 'ownerId' in members
    ? deriveKeys('swarmcache open to an owner', members.ownerId)
    : deriveKeys('swarmcache open to a repository', members.repositoryId)
}

function deriveKeys(key: string, repository: string): SwarmKeys {
  const derive = (use: string): Uint8Array => {
    const info = `swarmcache/1/${use}\0${repository.toLowerCase()}`
    return new Uint8Array(hkdfSync('sha256', key, SALT, info, DERIVED_BYTES))
  }
  const nameKey = derive('record-name')
  const sealKey = derive('registry-seal')
  const shortSealKey = derive('registry-short-seal')
  return {
    prologue: derive('prologue'),
    place: Buffer.from(derive('registry-place')).toString('hex'),
    recordName: (peerId) => recordName(nameKey, peerId),
    seal: (record) => seal(sealKey, record),
    open: (sealed) => open(sealKey, sealed),
    sealShort: (dated, context, sign) => sealShortRecord(shortSealKey, dated, context, sign),
    openShort: (sealed, context) => openShortRecord(shortSealKey, sealed, context),
  }
}

function recordName(nameKey: Uint8Array, peerId: PeerId): string {
  return createHmac('sha256', nameKey).update(peerId).digest('hex')
}

async function seal(sealKey: Uint8Array, record: PeerRecord): Promise<string> {
  const { peerId, addresses, role, expires } = record
  const json = Buffer.from(JSON.stringify({ peerId, addresses, role, expires }))
  if (json.length > MAX_RECORD_BYTES) {
    throw inputError(
      `The peer record has ${json.length} bytes, but at most ${MAX_RECORD_BYTES} are allowed. Listen on or announce fewer addresses.`,
      { bytes: json.length },
    )
  }
  const padded = Buffer.alloc(Math.ceil(json.length / PADDING_BYTES) * PADDING_BYTES, ' ')
  padded.set(json)
  // Loaded late: a command that joins no swarm need not wait for it.
  const { CompactEncrypt } = await import('jose')
  return await new CompactEncrypt(padded)
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
    .encrypt(sealKey)
}

async function open(sealKey: Uint8Array, sealed: string): Promise<PeerRecord | undefined> {
  if (sealed.length > MAX_SEALED_LENGTH || !isCanonical(sealed)) return undefined
  const { compactDecrypt } = await import('jose')
  try {
    const { plaintext } = await compactDecrypt(sealed, sealKey, {
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: ['A256GCM'],
    })
    return parsePeerRecord(JSON.parse(Buffer.from(plaintext).toString('utf8')))
  } catch {
    // Foreign, forged or damaged: whoever reads a public place meets all three.
    return undefined
  }
}

/** True if no other text decodes to the same bytes: base64 leaves bits over that decoders do not look at. */
function isCanonical(sealed: string): boolean {
  return sealed
    .split('.')
    .every((part) => Buffer.from(part, 'base64url').toString('base64url') === part)
}
