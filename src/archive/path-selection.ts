import { SwarmCacheError, inputError } from '../core/errors.ts'
import { COVERED, DEAD, START, compilePattern, componentsOf, stepMatch } from './path-pattern.ts'
import type { MatchState, PathPattern } from './path-pattern.ts'
import type { BytePath } from './byte-path.ts'

/** How one path stands to every declared pattern. */
export interface PathStanding {
  readonly states: readonly MatchState[]
  /** True if everything below stands exactly as this path does. */
  readonly settled: boolean
}

/**
 * The declared paths, resolved on this machine.
 *
 * As in @actions/glob, patterns apply in their order and the last that matches decides. Unlike in
 * @actions/cache, where `tar` takes matched folders whole, a `!exclusion` also takes effect below
 * matched folders, and covers everything below what it matches.
 *
 * A path belongs to the first pattern that covers it. Catalogs name paths relative to that pattern's
 * root, so that they find their place on a machine with another home or workspace.
 */
export class PathSelection {
  readonly patterns: readonly PathPattern[]

  private constructor(patterns: readonly PathPattern[]) {
    this.patterns = patterns
  }

  /**
   * The selection of some declared paths; empty lines and lines that start with `#` are ignored.
   *
   * @throws ERR_INPUT if a pattern is malformed or there is none that selects something.
   */
  static of(paths: readonly string[], workingDirectory: string): PathSelection {
    const lines = paths
      .flatMap((path) => path.split(/\r?\n/))
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#'))
    const patterns = lines.map((line) => compilePattern(line, workingDirectory))
    if (patterns.every((pattern) => pattern.negate)) {
      throw inputError('No path was given. Name at least one path that is not an exclusion.')
    }
    return new PathSelection(patterns)
  }

  /** Where an absolute path stands. */
  standingOf(path: BytePath, isFolder: boolean): PathStanding {
    const names = componentsOf(path)
    // `/**` covers the root of the file system too.
    let states: readonly MatchState[] = this.patterns.map((pattern) =>
      pattern.segments.every((segment) => segment.kind === 'any') ? COVERED : START,
    )
    for (const [i, name] of names.entries()) {
      states = this.#step(states, name, i < names.length - 1 || isFolder)
    }
    return standing(states)
  }

  /** Where `name` in a folder stands. */
  step(folder: PathStanding, name: BytePath, isFolder: boolean): PathStanding {
    if (folder.settled) return folder
    return standing(this.#step(folder.states, name, isFolder))
  }

  /** True if the path is selected: the last pattern that covers it is no exclusion. */
  includes(at: PathStanding): boolean {
    for (let i = this.patterns.length - 1; i >= 0; i -= 1) {
      if (at.states[i] === COVERED) return !this.patterns[i]!.negate
    }
    return false
  }

  /** True if the pattern at `index` matches the path or a folder above it. */
  covers(at: PathStanding, index: number): boolean {
    return at.states[index] === COVERED
  }

  /** True if the path belongs to the pattern at `index`. */
  belongs(at: PathStanding, index: number): boolean {
    return this.covers(at, index) && !this.isTaken(at, index)
  }

  /** True if the path and all below it belong to a pattern before the one at `index`. */
  isTaken(at: PathStanding, index: number): boolean {
    for (let i = 0; i < index; i += 1) {
      if (at.states[i] === COVERED && !this.patterns[i]!.negate) return true
    }
    return false
  }

  /** True if something below a folder may be selected through the pattern at `index`. */
  reaches(at: PathStanding, index: number): boolean {
    if (at.states[index] === DEAD) return false
    return !at.settled || this.includes(at)
  }

  #step(states: readonly MatchState[], name: BytePath, isFolder: boolean): MatchState[] {
    return states.map((state, i) => stepMatch(this.patterns[i]!, state, name, isFolder))
  }

  /** ERR_PATH that says that nothing was found. */
  nothingFound(): SwarmCacheError {
    const texts = this.patterns.map((p) => (p.negate ? `!${p.text}` : p.text))
    return new SwarmCacheError(
      'ERR_PATH',
      `Nothing that can be saved was found at ${texts.join(', ')}. Check that the paths exist at this point of the job.`,
      { facts: { paths: texts } },
    )
  }
}

function standing(states: readonly MatchState[]): PathStanding {
  return { states, settled: states.every((state) => state === COVERED || state === DEAD) }
}
