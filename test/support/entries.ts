import { digestOf } from '../../src/core/digest.ts'
import type { EntryQuery, NearMiss, SignedEntry } from '../../src/core/entry.ts'
import { bestMatch } from '../../src/core/entry-match.ts'
import type { LocalAnswer, LocalAnswers } from '../../src/router/router.ts'

export const MAIN = 'refs/heads/main'
export const PULL = 'refs/pull/7/merge'
export const GOOD_SIGNATURE = 'good'

/** A query for `key` in the scopes of a pull request, unless told otherwise. */
export function queryFor(key: string, overrides: Partial<EntryQuery> = {}): EntryQuery {
  return {
    repository: 'acme/app',
    scopes: [PULL, MAIN],
    key,
    restoreKeys: [],
    version: digestOf('version'),
    ...overrides,
  }
}

/** An entry that `queryFor(key)` finds. */
export function entryFor(key: string, overrides: Partial<SignedEntry> = {}): SignedEntry {
  return {
    repository: 'acme/app',
    scope: MAIN,
    key,
    version: digestOf('version'),
    manifest: digestOf(`manifest of ${key}`),
    manifestBytes: 1000,
    contentBytes: 5000,
    created: 1000,
    origin: 'save',
    writer: 'writer',
    signature: GOOD_SIGNATURE,
    ...overrides,
  }
}

/** Answers as an index over `entries` gives them. */
export class AnswersFrom implements LocalAnswers {
  readonly entries: SignedEntry[]
  readonly nearMisses: NearMiss[]
  asked = 0

  constructor(entries: SignedEntry[] = [], nearMisses: NearMiss[] = []) {
    this.entries = entries
    this.nearMisses = nearMisses
  }

  async find(query: EntryQuery): Promise<LocalAnswer> {
    this.asked += 1
    const entry = bestMatch(this.entries, query)?.entry
    return { entry, nearMisses: entry === undefined ? this.nearMisses : [] }
  }

  async holds(manifest: string): Promise<boolean> {
    return this.entries.some((entry) => entry.manifest === manifest)
  }
}
