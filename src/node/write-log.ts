import type { RunFacts } from '../core/entry.ts'
import type { Attestation, CheckEntry } from '../identity/identity.ts'
import type { IndexedEntry } from '../store/store.ts'

/** Who wrote an entry, as far as anybody knows. */
export interface WriteRecord extends RunFacts {
  /** True if GitHub's signature says so; false if it is the writer's word. */
  readonly attested: boolean
  /** Why it is not attested. */
  readonly reason?: string
  readonly issuer?: string
  readonly repository: string
  readonly repositoryId?: string
  /** The peer id of the key that signed the entry. */
  readonly writer: string
  /** Milliseconds since the epoch. */
  readonly created: number
}

/** An entry with the record of its writing; its ID token stays where it is. */
export interface LoggedEntry extends Omit<IndexedEntry, 'token' | 'run'> {
  readonly written: WriteRecord
}

/** The log of writes: every entry with what its ID token attests, or else what its writer claims. */
export async function logWrites(
  entries: readonly IndexedEntry[],
  attest: CheckEntry | undefined,
): Promise<LoggedEntry[]> {
  const logged: LoggedEntry[] = []
  for (const indexed of entries) {
    const { lastUsed: _lastUsed, uses: _uses, ...signed } = indexed
    const verdict = await attest?.(signed)
    const attestation = verdict?.trusted === true ? verdict.attestation : undefined
    const reason = verdict?.trusted === false ? verdict.reason : undefined
    const { token: _token, run, ...entry } = indexed
    const { repository, repositoryId, writer, created } = entry
    const facts = attestation === undefined ? run : factsOf(attestation)
    const base = { repository, repositoryId, writer, created, ...facts }
    const written: WriteRecord =
      attestation === undefined
        ? { attested: false, reason, ...base }
        : { attested: true, issuer: attestation.issuer, ...base }
    logged.push({ ...entry, written })
  }
  return logged
}

function factsOf(attestation: Attestation): RunFacts {
  const { event, ref, workflow, runId, runAttempt, sha, actor } = attestation
  return { event, ref, workflow, runId, runAttempt, sha, actor }
}
