import type { Digest } from '../core/digest.ts'
import type { ScopeClass } from '../core/scope-rules.ts'
import type { StoredFile } from './digest-folder.ts'
import { worth } from './heat.ts'
import { ScopeShares } from './scope-shares.ts'

/** An entry as a clean-up weighs it. */
export interface EvictableEntry {
  /** The folder of its repository. */
  readonly tag: string
  readonly name: Digest
  readonly scope: string
  readonly scopeClass: ScopeClass
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
  /** What is about to be written. */
  readonly neededBytes: number
  /** What a home may hold, of which each scope has a share. */
  readonly limitBytes: number
}

/**
 * Decides what goes: first all old files that no entry needs, then entries with what only they need, until the
 * target is reached or only spared entries are left.
 *
 * The coldest go first, in this order: of scopes that have more than their share, of classes of scopes that have
 * more than theirs, of all scopes but for what is protected of the default branches, of all but the default
 * branches, and at last of these, as far as a save under way needs the room. See `scope-shares.ts`.
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
  let underWayBytes = 0
  for (const { tag, chunks, manifests } of surveys) {
    for (const file of [...chunks.values(), ...manifests.values()]) {
      const isNeeded = uses.get(tag)?.has(file.digest) === true
      if (isNeeded || !isOld(file)) bytes += file.bytes
      if (!isNeeded && !isOld(file)) underWayBytes += file.bytes
    }
  }

  const shares = new ScopeShares(homes, entries, goal.limitBytes)
  const dropped = new Set<EvictableEntry>()
  const drop = (entry: EvictableEntry): void => {
    const survey = homes.get(entry.tag)
    const counts = uses.get(entry.tag)
    if (survey === undefined || counts === undefined) return
    const files = entry.needs
      .map((digest) => survey.chunks.get(digest) ?? survey.manifests.get(digest))
      .filter((file) => file !== undefined && isOld(file))
    // Everything it has was relied on just before: dropping it would make no room.
    if (files.length === 0) return
    dropped.add(entry)
    shares.drop(entry)
    for (const digest of entry.needs) counts.set(digest, (counts.get(digest) ?? 1) - 1)
    for (const file of files) {
      if (file !== undefined && counts.get(file.digest) === 0) bytes -= file.bytes
    }
  }
  const coldest = coldestFirst(entries, homes, goal.now)
  const dropWhere = (isNext: (entry: EvictableEntry) => boolean): void => {
    for (const { entry } of coldest) {
      if (bytes <= goal.targetBytes) return
      if (!dropped.has(entry) && isNext(entry)) drop(entry)
    }
  }
  const isDefault = (entry: EvictableEntry): boolean => entry.scopeClass === 'default'
  dropWhere((entry) => shares.isOver(entry, 'scope'))
  dropWhere((entry) => shares.isOver(entry, 'class'))
  dropWhere((entry) => !isDefault(entry) || !shares.isDefaultProtected)
  dropWhere((entry) => !isDefault(entry))
  // What others have put here a moment ago is no reason to take from the default branches.
  if (!shares.isClassOver('other') && !shares.isClassOver('branch')) {
    const { limitBytes, neededBytes } = goal
    const enough = Math.max(limitBytes - neededBytes, bytes - underWayBytes - neededBytes)
    dropWhere((entry) => isDefault(entry) && bytes > enough)
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
  return { entries: [...dropped], files }
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
