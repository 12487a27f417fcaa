import { digestOf, isDigest } from './digest.ts'
import type { Digest } from './digest.ts'

/** An immutable statement that (repository, scope, key, version) holds the content of a manifest. */
export interface Entry {
  /** owner/name, as GitHub writes it. */
  readonly repository: string
  /** The full ref that the entry belongs to, `refs/heads/main`. */
  readonly scope: string
  readonly key: string
  readonly version: Digest
  readonly manifest: Digest
  /** Size of the encoded manifest, so that a reader can bound what it accepts. */
  readonly manifestBytes: number
  /** Plain bytes of content that the manifest describes. */
  readonly contentBytes: number
  /** Milliseconds since the epoch, by the writer's clock. */
  readonly created: number
  /**
   * `save`: a run saved it under this key. `upstream`: a copy of what the upstream restored under
   * this key; it answers exact keys only, because the upstream's own entry may belong to another
   * scope, and a prefix match on the copy would shadow newer entries of that scope.
   */
  readonly origin: 'save' | 'upstream'
  /** Peer id of the writer, whose key made `signature`. */
  readonly writer: string
}

/** An entry with its writer's signature over `entryBytes` (base64url). */
export interface SignedEntry extends Entry {
  readonly signature: string
}

/** What names an entry; at most one entry exists for each. */
export type EntryName = Pick<Entry, 'repository' | 'scope' | 'key' | 'version'>

/** What a restore asks for, in GitHub's order of precedence. */
export interface EntryQuery {
  readonly repository: string
  /** Own scope, base branch, default branch: the scopes that may be read, first match wins. */
  readonly scopes: readonly string[]
  readonly key: string
  readonly restoreKeys: readonly string[]
  readonly version: Digest
}

/** Why a key that exists somewhere was no answer. */
export interface NearMiss {
  readonly reason: 'other-version' | 'other-scope'
  readonly key: string
  readonly scope: string
}

/** The digest under which holders of an entry are found in the DHT. */
export function entryDigest(name: EntryName): Digest {
  return digestOf(JSON.stringify(['entry', name.repository, name.scope, name.version, name.key]))
}

/** The bytes that the writer signs: every field, in a fixed order, with a label for this use. */
export function entryBytes(entry: Entry): Uint8Array {
  return new TextEncoder().encode(
    JSON.stringify([
      'swarmcache entry 1',
      entry.repository,
      entry.scope,
      entry.key,
      entry.version,
      entry.manifest,
      entry.manifestBytes,
      entry.contentBytes,
      entry.created,
      entry.origin,
      entry.writer,
    ]),
  )
}

const MAX_NAME_LENGTH = 1024

/** The entry that `value` (parsed JSON from a peer or the disk) describes, or undefined if it is malformed. */
export function parseSignedEntry(value: unknown): SignedEntry | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const v = value as Record<string, unknown>
  if (!isName(v['repository']) || !isName(v['scope']) || !isName(v['key'])) return undefined
  if (!isName(v['writer']) || !isName(v['signature'])) return undefined
  if (!isDigest(v['version']) || !isDigest(v['manifest'])) return undefined
  if (!isCount(v['manifestBytes']) || !isCount(v['contentBytes']) || !isCount(v['created'])) {
    return undefined
  }
  if (v['origin'] !== 'save' && v['origin'] !== 'upstream') return undefined
  return {
    repository: v['repository'],
    scope: v['scope'],
    key: v['key'],
    version: v['version'],
    manifest: v['manifest'],
    manifestBytes: v['manifestBytes'],
    contentBytes: v['contentBytes'],
    created: v['created'],
    origin: v['origin'],
    writer: v['writer'],
    signature: v['signature'],
  }
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_NAME_LENGTH
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
