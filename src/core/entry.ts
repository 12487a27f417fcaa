import { digestOf, isDigest } from './digest.ts'
import type { Digest } from './digest.ts'

/** What a job says of the run that it belongs to; what it does not know is left out. */
export interface RunFacts {
  readonly event?: string
  readonly ref?: string
  /** Path and ref of the workflow, `octocat/hello/.github/workflows/ci.yml@refs/heads/main`. */
  readonly workflow?: string
  readonly runId?: string
  readonly runAttempt?: string
  readonly sha?: string
  readonly actor?: string
}

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
  /** GitHub's number of the repository, which nobody can take over with its name; unset outside of GitHub. */
  readonly repositoryId?: string
  /** The run that wrote it, in the writer's own words. */
  readonly run?: RunFacts
  /** GitHub's ID token for the writer's peer id, which attests the run; it may be shown to peers. */
  readonly token?: string
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
  /** Only entries with an ID token will do. */
  readonly attested?: boolean
  /** Manifests that turned out to be of no use. */
  readonly except?: readonly Digest[]
}

/** Manifests that one query may except. */
export const MAX_EXCEPTED = 8

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
  const { run = {} } = entry
  return new TextEncoder().encode(
    JSON.stringify([
      'swarmcache entry 2',
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
      entry.repositoryId ?? null,
      RUN_FIELDS.map((name) => run[name] ?? null),
      entry.token ?? null,
    ]),
  )
}

const MAX_NAME_LENGTH = 1024
// GitHub's ID tokens have 1.5 to 3 KB, and more where an organisation adds properties.
const MAX_TOKEN_LENGTH: number = 16 * 1024
const RUN_FIELDS = [
  'event',
  'ref',
  'workflow',
  'runId',
  'runAttempt',
  'sha',
  'actor',
] as const satisfies (keyof RunFacts)[]

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
  const { repositoryId, token } = v
  if (repositoryId !== undefined && !isName(repositoryId)) return undefined
  if (token !== undefined && !isName(token, MAX_TOKEN_LENGTH)) return undefined
  const run = v['run'] === undefined ? undefined : parseRunFacts(v['run'])
  if (v['run'] !== undefined && run === undefined) return undefined
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
    ...(repositoryId !== undefined && { repositoryId }),
    ...(run !== undefined && { run }),
    ...(token !== undefined && { token }),
  }
}

/** The facts in `value` (parsed JSON from elsewhere), or undefined if one is malformed. */
function parseRunFacts(value: unknown): RunFacts | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const facts: Partial<Record<keyof RunFacts, string>> = {}
  for (const name of RUN_FIELDS) {
    const fact = (value as Record<string, unknown>)[name]
    if (fact === undefined) continue
    if (!isName(fact)) return undefined
    facts[name] = fact
  }
  return facts
}

function isName(value: unknown, maxLength: number = MAX_NAME_LENGTH): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= maxLength
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
