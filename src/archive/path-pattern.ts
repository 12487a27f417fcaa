import { homedir } from 'node:os'
import { resolve } from 'node:path'
import { inputError } from '../core/errors.ts'
import { bytePath, textOf } from './byte-path.ts'
import type { BytePath } from './byte-path.ts'

/** One component of a pattern: a name, names that match, or any number of folders. */
type Segment =
  | { readonly kind: 'name'; readonly name: BytePath }
  | { readonly kind: 'glob'; readonly expression: RegExp }
  | { readonly kind: 'any' }

/** One declared path, resolved on this machine. */
export interface PathPattern {
  /** As declared, without the `!`. */
  readonly text: string
  readonly negate: boolean
  /** Declared with a slash at the end: does not match plain files. */
  readonly foldersOnly: boolean
  /** False if the whole pattern is a literal path. */
  readonly isGlob: boolean
  /** The literal path before the first component with a wildcard. */
  readonly root: BytePath
  readonly segments: readonly Segment[]
}

/**
 * How far a path has come through a pattern: positions of the components that may match next.
 * `COVERED` once the path or a folder above it has matched, `DEAD` when nothing below can.
 */
export type MatchState = readonly number[]

export const DEAD: MatchState = []
export const COVERED: MatchState = [-1]
export const START: MatchState = [0]

const IS_WINDOWS = process.platform === 'win32'

/**
 * Compiles a declared path with the rules of @actions/glob: `~`, `*`, `?`, `[set]`, `**`, a leading `!`,
 * and `\` as escape except on Windows; dot files match like others, braces mean themselves.
 *
 * @throws ERR_INPUT for `..` and for a pattern without a path.
 */
export function compilePattern(line: string, workingDirectory: string): PathPattern {
  let text = line.trim()
  let negate = false
  while (text.startsWith('!')) {
    negate = !negate
    text = text.slice(1).trim()
  }
  if (text === '') throw inputError(`The path "${line}" is empty. Write a path after the "!".`)
  const slashed = IS_WINDOWS ? text.replaceAll('\\', '/') : text
  const { base, rest } = splitBase(slashed, workingDirectory)
  const segments: Segment[] = literalSegments(base)
  let isGlob = false
  let rootLength = segments.length
  for (const part of rest.split('/')) {
    if (part === '' || part === '.') continue
    if (part === '..') {
      throw inputError(
        `The path "${text}" contains "..", which cannot be cached. Write it as an absolute path.`,
        { path: text },
      )
    }
    const segment = compileSegment(part)
    segments.push(segment)
    if (segment.kind !== 'name') isGlob = true
    if (!isGlob) rootLength = segments.length
  }
  const names = segments.slice(0, rootLength).map((s) => (s.kind === 'name' ? s.name : ''))
  const foldersOnly = slashed.endsWith('/') && rest !== ''
  return { text, negate, foldersOnly, isGlob, root: rootOf(names), segments }
}

function splitBase(text: string, workingDirectory: string): { base: string; rest: string } {
  if (text === '~' || text.startsWith('~/')) return { base: homedir(), rest: text.slice(1) }
  if (text.startsWith('/')) return { base: IS_WINDOWS ? resolve('/') : '/', rest: text }
  if (IS_WINDOWS && /^[a-z]:/i.test(text)) {
    return { base: resolve(text.slice(0, 2), '/'), rest: text.slice(2) }
  }
  return { base: resolve(workingDirectory), rest: text }
}

function literalSegments(path: string): Segment[] {
  const slashed = IS_WINDOWS ? path.replaceAll('\\', '/') : path
  return slashed
    .split('/')
    .filter((name) => name !== '')
    .map((name) => ({ kind: 'name', name: bytePath(name) }))
}

function rootOf(names: readonly BytePath[]): BytePath {
  if (!IS_WINDOWS) return `/${names.join('/')}`
  return names.length === 1 ? `${names[0]}/` : names.join('/')
}

/** The components of an absolute path, as the matcher steps through them. */
export function componentsOf(path: BytePath): BytePath[] {
  return path.split('/').filter((name) => name !== '')
}

/** Steps from a folder to `name` in it. */
export function stepMatch(
  pattern: PathPattern,
  state: MatchState,
  name: BytePath,
  isFolder: boolean,
): MatchState {
  if (state === COVERED || state === DEAD) return state
  const { segments } = pattern
  const next: number[] = []
  for (const position of withSkippedFolders(segments, state)) {
    const segment = segments[position]
    if (segment === undefined) continue
    if (segment.kind === 'any') addOnce(next, position)
    else if (matchesName(segment, name)) addOnce(next, position + 1)
  }
  return settle(pattern, next, isFolder)
}

function settle(pattern: PathPattern, next: number[], isFolder: boolean): MatchState {
  if (next.length === 0) return DEAD
  const end = pattern.segments.length
  const matched = withSkippedFolders(pattern.segments, next).includes(end)
  if (matched && (isFolder || !pattern.foldersOnly)) return COVERED
  return isFolder ? next : DEAD
}

/** `**` matches no folder too, so the component after it may match at once. */
function withSkippedFolders(segments: readonly Segment[], state: MatchState): readonly number[] {
  let all: number[] | undefined
  for (let i = 0; i < (all ?? state).length; i += 1) {
    const position = (all ?? state)[i]!
    if (segments[position]?.kind !== 'any') continue
    all ??= [...state]
    addOnce(all, position + 1)
  }
  return all ?? state
}

function addOnce(list: number[], position: number): void {
  if (!list.includes(position)) list.push(position)
}

function matchesName(segment: Segment, name: BytePath): boolean {
  if (segment.kind === 'glob') return segment.expression.test(textOf(name))
  if (segment.kind === 'any') return true
  return segment.name === name || (IS_WINDOWS && foldCase(segment.name) === foldCase(name))
}

function foldCase(name: BytePath): string {
  return textOf(name).toLowerCase()
}

function compileSegment(part: string): Segment {
  if (part === '**') return { kind: 'any' }
  let source = ''
  let literal: string | undefined = ''
  for (let i = 0; i < part.length;) {
    const token = readToken(part, i)
    source += token.source
    literal =
      token.literal === undefined || literal === undefined ? undefined : literal + token.literal
    i = token.end
  }
  if (literal !== undefined) return { kind: 'name', name: bytePath(literal) }
  return { kind: 'glob', expression: new RegExp(`^${source}$`, IS_WINDOWS ? 'isu' : 'su') }
}

interface Token {
  readonly source: string
  /** The characters that the token stands for, or undefined if it is a wildcard. */
  readonly literal?: string
  readonly end: number
}

function readToken(part: string, start: number): Token {
  const character = String.fromCodePoint(part.codePointAt(start)!)
  const end = start + character.length
  if (character === '\\' && !IS_WINDOWS && end < part.length) {
    const escaped = String.fromCodePoint(part.codePointAt(end)!)
    return { source: quote(escaped), literal: escaped, end: end + escaped.length }
  }
  if (character === '*') {
    let after = end
    while (part[after] === '*') after += 1
    return { source: '[^/]*', end: after }
  }
  if (character === '?') return { source: '[^/]', end }
  if (character === '[') {
    const set = readSet(part, end)
    if (set !== undefined) return set
  }
  return { source: quote(character), literal: character, end }
}

/** A set `[abc]`, `[a-z]`, `[!a]` or `[^a]` whose content starts at `start`; undefined if it is never closed. */
function readSet(part: string, start: number): Token | undefined {
  let i = start
  const negated = part[i] === '!' || part[i] === '^'
  if (negated) i += 1
  const members: string[] = []
  let source = ''
  for (;;) {
    let character = part[i]
    if (character === undefined) return undefined
    // A bracket right at the start stands for itself.
    if (character === ']' && members.length > 0) break
    character = String.fromCodePoint(part.codePointAt(i)!)
    if (character === '\\' && !IS_WINDOWS && i + 1 < part.length) {
      i += 1
      character = String.fromCodePoint(part.codePointAt(i)!)
    } else if (character === '-' && members.length > 0 && part[i + 1] !== ']') {
      const first = members.at(-1)!
      const last = String.fromCodePoint(part.codePointAt(i + 1) ?? 0)
      if (part[i + 1] === undefined) return undefined
      source += first <= last ? `-${quoteInSet(last)}` : ''
      members.push('-', last)
      i += 1 + last.length
      continue
    }
    members.push(character)
    source += quoteInSet(character)
    i += character.length
  }
  const end = i + 1
  const only = members.length === 1 && !negated ? members[0] : undefined
  if (only !== undefined) return { source: quote(only), literal: only, end }
  return { source: negated ? `[^/${source}]` : `[${source}]`, end }
}

function quote(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`)
}

function quoteInSet(text: string): string {
  return text.replaceAll(/[\\^[\]-]/g, String.raw`\$&`)
}
