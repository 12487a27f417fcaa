import type { SignedEntry } from '../core/entry.ts'
import type { PeerId, PeerRecord } from '../core/peer.ts'

/** The Ed25519 key that is a peer's identity. */
export interface PeerKey {
  readonly peerId: PeerId
  /** The 32 secret bytes, for the swarm's handshake; they never leave the process or the home. */
  readonly seed: Uint8Array
  /** Signature over `bytes`, base64url. */
  sign(bytes: Uint8Array): string
}

/** A record and when its peer announced it, in milliseconds since the epoch. */
export interface DatedRecord {
  readonly record: PeerRecord
  readonly announced: number
}

/** What a member of a swarm derives, for one repository or owner: from the swarm key, or without one from the id. */
export interface SwarmKeys {
  /** Goes into every Noise handshake: strangers do not get past its first stage. */
  readonly prologue: Uint8Array
  /** Names the swarm's place in a registry; reveals neither the key nor the repository. */
  readonly place: string
  /** A name for a peer's record in that place that tells outsiders nothing. */
  recordName(peerId: PeerId): string
  /** The record encrypted and authenticated (JWE compact, dir + A256GCM). */
  seal(record: PeerRecord): Promise<string>
  /** The record in `sealed`; undefined if it was not sealed by a member for this place, or is malformed. */
  open(sealed: string): Promise<PeerRecord | undefined>
  /**
   * The record signed by its peer and sealed, `SHORT_SEALED_LENGTH` characters of base64url, for places that hold
   * no more; addresses that do not fit are left out, the last ones first. It opens in `context` alone.
   */
  sealShort(dated: DatedRecord, context: string, sign: PeerKey['sign']): string
  /** The record in `sealed`; undefined if it was not sealed for this place and context and signed by its peer. */
  openShort(sealed: string, context: string): DatedRecord | undefined
}

/**
 * What an issuer attested about the run behind a peer; strings are empty where the issuer says nothing,
 * and what is empty attests nothing.
 */
export interface Attestation {
  /** The issuer's URL, one of those that are trusted. */
  readonly issuer: string
  /** owner/name, in lower case; the ids below outlive a rename. */
  readonly repository: string
  readonly repositoryId: string
  readonly ownerId: string
  /** The full ref of the run, `refs/heads/main` or `refs/pull/7/merge`. */
  readonly ref: string
  /** Name of the event that started the run, `push`. */
  readonly event: string
  /** Path and ref of the workflow, `octocat/hello/.github/workflows/ci.yml@refs/heads/main`. */
  readonly workflow: string
  readonly runId: string
  readonly runAttempt: string
  readonly sha: string
  readonly actor: string
  /** The branch that a pull request is to be merged into, without `refs/heads/`. */
  readonly baseRef: string
  /** `public`, `private` or `internal`. */
  readonly visibility: string
  /** Milliseconds since the epoch, as `expires`. */
  readonly issuedAt: number
  readonly expires: number
  /** The peer that the token was made for: its audience is `swarmcache:<peer id>`. */
  readonly peerId: PeerId
}

/** What a token must hold to be accepted. */
export interface ExpectedProof {
  readonly peerId: PeerId
  /** The moment at which it must be valid, in milliseconds since the epoch: now, or when a record was made. */
  readonly at?: number
  readonly signal?: AbortSignal
}

/** Checks ID tokens of trusted issuers. */
export interface TokenVerifier {
  /**
   * @throws ERR_PROOF that says why the token proves nothing, with the fact `unchecked: true` if the keys of its
   * issuer cannot be had; never with the token itself.
   */
  verify(token: string, expected: ExpectedProof): Promise<Attestation>
}

/** Has this node's own ID tokens. */
export interface TokenSource {
  /**
   * A token whose audience is `swarmcache:<peerId>`, with at least half of its lifetime left if a fresh one can be had.
   *
   * @throws ERR_PROOF if there is none.
   */
  token(peerId: PeerId, options?: { readonly signal?: AbortSignal }): Promise<string>
}

/** Whether an entry may be used. */
export type EntryVerdict =
  | { readonly trusted: true; readonly attestation?: Attestation }
  | {
      readonly trusted: false
      /**
       * `forged`: no honest peer would have passed it on; `unattested`: it has no token where one is needed;
       * `forbidden`: its run was not allowed to write its scope; `unchecked`: it may be good, but for now nobody
       * here can tell.
       */
      readonly why: 'forged' | 'unattested' | 'forbidden' | 'unchecked'
      /** The end of a sentence about the entry. */
      readonly reason: string
    }

/** A wait that can be ended. */
export interface TrustOptions {
  readonly signal?: AbortSignal
}

/** By what a swarm requires: the writer's signature, and a token unless the swarm key alone counts. */
export type CheckEntry = (entry: SignedEntry, options?: TrustOptions) => Promise<EntryVerdict>

/** Decides which entries are used, at every door through which they come. */
export interface EntryTrust {
  readonly check: CheckEntry
  /** The same, with a token required in any case: who GitHub says has written the entry. */
  readonly attest: CheckEntry
}

export { tokenAudience } from './token-claims.ts'
export { createPeerKey, loadPeerKey, verifySignature } from './peer-key.ts'
export { SHORT_SEALED_LENGTH } from './short-record.ts'
export { assertSwarmKey, deriveOpenKeys, deriveSwarmKeys } from './swarm-keys.ts'
export type { SwarmOf } from './swarm-verifier.ts'
export { attestEntry, readGrants } from './token-payload.ts'
export { checkSignature, signEntry, verifyEntry } from './entry-signature.ts'
