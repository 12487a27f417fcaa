import type { Digest } from '../core/digest.ts'
import type { StoredFile } from './digest-folder.ts'
import { worth } from './heat.ts'

/** An entry as a clean-up weighs it. */
export interface EvictableEntry {
  /** The folder of its repository. */
  readonly tag: string
  readonly name: Digest
  /** Its manifest and chunks, no digest twice. */
  readonly needs: readonly Digest[]
  readonly heat: number
  readonly lastUsed: number
  readonly added: number
  /** Never dropped: it has only just come. */
  readonly isSpared: boolean
}

/** The files of one repository by digest. */
export interface RepositorySurvey {
  readonly tag: string
  readonly chunks: ReadonlyMap<Digest, StoredFile>
  readonly manifests: ReadonlyMap<Digest, StoredFile>
}

/** What a clean-up removes. */
export interface EvictionPlan {
  readonly entries: readonly EvictableEntry[]
  /** Per repository, files that no entry needs once those are gone and that are old enough. */
  readonly files: readonly {
    readonly tag: string
    readonly chunks: readonly StoredFile[]
    readonly manifests: readonly StoredFile[]
  }[]
}

/** What a clean-up aims at. */
export interface EvictionGoal {
  readonly now: number
  /** Files that somebody relied on less long ago are spared. */
  readonly graceMs: number
  /** Entries go only while the home holds more. */
  readonly targetBytes: number
}

/**
 * Decides what goes: first all old files that no entry needs, then the coldest entries with what only they
 * need, until the target is reached or only spared entries are left.
 */
export function planEviction(
  surveys: readonly RepositorySurvey[],
  entries: readonly EvictableEntry[],
  goal: EvictionGoal,
): EvictionPlan {
  const uses = new Map(surveys.map(({ tag }) => [tag, new Map<Digest, number>()]))
  const homes = new Map(surveys.map((survey) => [survey.tag, survey]))
  for (const entry of entries) {
    const counts = uses.get(entry.tag)
    for (const digest of entry.needs) counts?.set(digest, (counts.get(digest) ?? 0) + 1)
  }
  const isOld = (file: StoredFile): boolean => goal.now - file.mtimeMs >= goal.graceMs

  let bytes = 0
  for (const { tag, chunks, manifests } of surveys) {
    for (const file of [...chunks.values(), ...manifests.values()]) {
      if (uses.get(tag)?.has(file.digest) === true || !isOld(file)) bytes += file.bytes
    }
  }

  const dropped: EvictableEntry[] = []
  for (const { entry } of coldestFirst(entries, homes, goal.now)) {
    if (bytes <= goal.targetBytes) break
    const survey = homes.get(entry.tag)
    const counts = uses.get(entry.tag)
    if (survey === undefined || counts === undefined) continue
    const files = entry.needs
      .map((digest) => survey.chunks.get(digest) ?? survey.manifests.get(digest))
      .filter((file) => file !== undefined && isOld(file))
    // Everything it has was relied on just before: dropping it would make no room.
    if (files.length === 0) continue
    dropped.push(entry)
    for (const digest of entry.needs) counts.set(digest, (counts.get(digest) ?? 1) - 1)
    for (const file of files) {
      if (file !== undefined && counts.get(file.digest) === 0) bytes -= file.bytes
    }
  }

  const files = surveys.map(({ tag, chunks, manifests }) => {
    const isFree = (file: StoredFile): boolean =>
      (uses.get(tag)?.get(file.digest) ?? 0) === 0 && isOld(file)
    return {
      tag,
      chunks: [...chunks.values()].filter(isFree),
      manifests: [...manifests.values()].filter(isFree),
    }
  })
  return { entries: dropped, files }
}

function coldestFirst(
  entries: readonly EvictableEntry[],
  homes: ReadonlyMap<string, RepositorySurvey>,
  now: number,
): { entry: EvictableEntry; worth: number }[] {
  return entries
    .filter((entry) => !entry.isSpared)
    .map((entry) => {
      let size = 0
      const chunks = homes.get(entry.tag)?.chunks
      for (const digest of entry.needs) size += chunks?.get(digest)?.bytes ?? 0
      return { entry, worth: worth(entry.heat, now - entry.lastUsed, size) }
    })
    .toSorted((a, b) => a.worth - b.worth)
}
