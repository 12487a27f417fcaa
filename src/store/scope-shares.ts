import type { Digest } from '../core/digest.ts'
import type { ScopeClass } from '../core/scope-rules.ts'
import type { EvictableEntry, RepositorySurvey } from './eviction-plan.ts'

/*
 * What a scope may take of a full home, so that none pushes the others out: pull requests and tags are many, short
 * of life, and not to be trusted with the space of the default branch, whose entries every run reads.
 */

/** Of the limit, what one scope may take; who has more gives first. */
const SCOPE_SHARE: Readonly<Record<ScopeClass, number>> = { default: 1, branch: 0.25, other: 0.25 }
/** Of the limit, what all scopes of a class may take together. */
const CLASS_SHARE: Readonly<Record<ScopeClass, number>> = { default: 1, branch: 0.5, other: 0.4 }
/** Of the limit, what the default branches keep while others have something to give. */
const PROTECTED_SHARE = 0.5

// A content that several classes need counts to the first of them that needs it.
const RANK: Readonly<Record<ScopeClass, number>> = { default: 0, branch: 1, other: 2 }

/** Entries of one scope in the index at most; small ones would fill it long before the disk. */
export const MAX_SCOPE_ENTRIES: Readonly<Record<ScopeClass, number>> = {
  default: 20_000,
  branch: 5000,
  other: 1000,
}

/** Follows how much each scope and class has while entries are dropped. */
export class ScopeShares {
  readonly #limitBytes: number
  readonly #surveys: ReadonlyMap<string, RepositorySurvey>
  /** The class that each content counts to, by repository. */
  readonly #owners = new Map<string, Map<Digest, ScopeClass>>()
  readonly #scopes = new Map<string, Usage>()
  readonly #classes = new Map<string, Usage>()

  constructor(
    surveys: ReadonlyMap<string, RepositorySurvey>,
    entries: readonly EvictableEntry[],
    limitBytes: number,
  ) {
    this.#limitBytes = limitBytes
    this.#surveys = surveys
    for (const entry of entries) {
      const owners = this.#owners.get(entry.tag) ?? new Map<Digest, ScopeClass>()
      this.#owners.set(entry.tag, owners)
      for (const digest of entry.needs) {
        const owner = owners.get(digest)
        if (owner === undefined || RANK[entry.scopeClass] < RANK[owner]) {
          owners.set(digest, entry.scopeClass)
        }
      }
    }
    for (const entry of entries) this.#count(entry, 1)
  }

  /** True if the entry's scope, or all scopes of its class together, have more than their share. */
  isOver({ tag, scope, scopeClass }: EvictableEntry, what: 'scope' | 'class'): boolean {
    if (what === 'class') return this.isClassOver(scopeClass)
    const bytes = this.#scopes.get(scopeName(tag, scope))?.bytes ?? 0
    return bytes > SCOPE_SHARE[scopeClass] * this.#limitBytes
  }

  isClassOver(scopeClass: ScopeClass): boolean {
    return this.#bytesOf(scopeClass) > CLASS_SHARE[scopeClass] * this.#limitBytes
  }

  /** True while the default branches have no more than what is theirs in any case. */
  get isDefaultProtected(): boolean {
    return this.#bytesOf('default') <= PROTECTED_SHARE * this.#limitBytes
  }

  drop(entry: EvictableEntry): void {
    this.#count(entry, -1)
  }

  #bytesOf(scopeClass: ScopeClass): number {
    let bytes = 0
    for (const tag of this.#surveys.keys()) {
      bytes += this.#classes.get(scopeName(tag, scopeClass))?.bytes ?? 0
    }
    return bytes
  }

  #count({ tag, scope, scopeClass, needs }: EvictableEntry, change: 1 | -1): void {
    const survey = this.#surveys.get(tag)
    const owners = this.#owners.get(tag)
    const usages = [
      usageIn(this.#scopes, scopeName(tag, scope)),
      usageIn(this.#classes, scopeName(tag, scopeClass)),
    ]
    for (const digest of needs) {
      if (owners?.get(digest) !== scopeClass) continue
      const bytes = (survey?.chunks.get(digest) ?? survey?.manifests.get(digest))?.bytes ?? 0
      for (const usage of usages) usage.count(digest, bytes, change)
    }
  }
}

/** Bytes of contents that are needed at least once. */
class Usage {
  bytes = 0
  readonly #needed = new Map<Digest, number>()

  count(digest: Digest, bytes: number, change: 1 | -1): void {
    const before = this.#needed.get(digest) ?? 0
    this.#needed.set(digest, before + change)
    if (change === 1 && before === 0) this.bytes += bytes
    if (change === -1 && before === 1) this.bytes -= bytes
  }
}

function usageIn(usages: Map<string, Usage>, name: string): Usage {
  const usage = usages.get(name) ?? new Usage()
  usages.set(name, usage)
  return usage
}

function scopeName(tag: string, scope: string): string {
  return `${tag} ${scope}`
}
