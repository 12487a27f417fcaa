import type { SeededRandom } from './seeded-random.ts'

/*
 * GitHub's matching rules, written from its documentation alone and as plainly as possible, to check the
 * real thing against: https://docs.github.com/actions/reference/workflows-and-actions/dependency-caching
 */

/** One cache in the service. */
export interface ModelCache {
  readonly branch: string
  readonly key: string
  readonly version: string
  readonly createdAt: number
  /** Copies of what the service restored answer to their very key only. */
  readonly isCopy: boolean
}

/** What a restore asks the service. */
export interface ModelQuestion {
  readonly key: string
  readonly restoreKeys: readonly string[]
  readonly version: string
  /** The run's own branch, then those it may fall back to. */
  readonly branches: readonly string[]
}

/** Every cache that would be a right answer: more than one only if they were created in the same instant. */
export function rightAnswers(
  caches: readonly ModelCache[],
  question: ModelQuestion,
): { caches: readonly ModelCache[]; isExact: boolean } {
  for (const branch of question.branches) {
    const inBranch = caches.filter(
      (cache) => cache.branch === branch && cache.version === question.version,
    )
    const wanted = [question.key].concat(question.restoreKeys)
    for (const key of wanted) {
      const exact = inBranch.filter((cache) => isSameText(cache.key, key))
      if (exact.length > 0) return { caches: exact, isExact: isSameText(key, question.key) }
      const partial = inBranch.filter(
        (cache) => !cache.isCopy && isSameText(cache.key.slice(0, key.length), key),
      )
      if (partial.length > 0) {
        const newest = Math.max(...partial.map((cache) => cache.createdAt))
        return { caches: partial.filter((cache) => cache.createdAt === newest), isExact: false }
      }
    }
  }
  return { caches: [], isExact: false }
}

/** False if the service has a cache of that name already. */
export function mayCreate(caches: readonly ModelCache[], cache: ModelCache): boolean {
  return !caches.some(
    (other) =>
      other.branch === cache.branch &&
      other.version === cache.version &&
      isSameText(other.key, cache.key),
  )
}

const BRANCHES = ['refs/pull/7/merge', 'refs/heads/topic', 'refs/heads/main', 'refs/heads/other']

/** A cache among names that are alike enough to meet often. */
export function randomCache(random: SeededRandom, versions: readonly string[]): ModelCache {
  return {
    branch: random.pick(BRANCHES),
    key: randomKey(random),
    version: random.pick(versions),
    createdAt: random.below(12),
    isCopy: random.below(5) === 0,
  }
}

/** A question with a good chance of an answer. */
export function randomQuestion(random: SeededRandom, versions: readonly string[]): ModelQuestion {
  const branches = BRANCHES.slice(random.below(3)).slice(0, 1 + random.below(3))
  const restoreKeys = Array.from({ length: random.below(4) }, () => randomKey(random))
  return { key: randomKey(random), restoreKeys, version: random.pick(versions), branches }
}

function randomKey(random: SeededRandom): string {
  const letters = ['a', 'A', 'b', '-', '%', '_', 'é', '😀']
  return Array.from({ length: 1 + random.below(4) }, () =>
    random.pick(random.below(4) === 0 ? letters : ['a', 'A', 'b']),
  ).join('')
}

function isSameText(a: string, b: string): boolean {
  return a.length === b.length && a.toUpperCase() === b.toUpperCase()
}
