import { setImmediate } from 'node:timers/promises'
import { SwarmCacheError } from '../core/errors.ts'
import { textOf } from './byte-path.ts'
import { KIND, MAX_PATH_BYTES, isFolderKind } from './catalog.ts'
import type { CatalogColumns } from './catalog.ts'
import type { CatalogPaths } from './catalog-paths.ts'
import type { PathSelection, PathStanding } from './path-selection.ts'
import { BLOCK_ROWS, ON_DISK, PROGRESS, RowComparison } from './row-comparison.ts'
import type { ComparisonState } from './row-comparison.ts'

const TURN_MS = 10
// How long another thread may take for its block, half a millisecond of work: then it has died, or its disk hangs.
const STALLED_MS = 500

/** Threads that may help with a comparison. */
export interface ComparisonHelp {
  compare(state: ComparisonState): void
}

/**
 * Compares a catalog with the disk, after it has checked that each row is selected by the declared paths.
 *
 * Returns one of ON_DISK for each row, in memory that threads share.
 *
 * @throws ERR_PATH naming a row outside the declared paths, or a path that cannot be looked at.
 */
export async function compareTree(
  columns: CatalogColumns,
  paths: CatalogPaths,
  selection: PathSelection,
  help: ComparisonHelp | undefined,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const turns = new Turns(signal)
  await assertDeclared(columns, paths, selection, turns)
  const state: ComparisonState = {
    columns,
    roots: selection.patterns.map(({ root }) => root),
    followed: selection.patterns.map(({ isGlob }) => isGlob),
    onDisk: new Uint8Array(new SharedArrayBuffer(columns.count)).fill(ON_DISK.UNKNOWN),
    progress: new Int32Array(new SharedArrayBuffer(8)),
  }
  const comparison = new RowComparison(state, paths)
  if (columns.count > BLOCK_ROWS) help?.compare(state)
  while (comparison.compareBlock()) await turns.next()
  await othersDone(state, turns)
  for (let i = 0; i < columns.count; i += 1) comparison.compareRow(i)
  return state.onDisk
}

/** Waits for the blocks that other threads have taken, unless one of them has stopped. */
async function othersDone({ columns, progress }: ComparisonState, turns: Turns): Promise<void> {
  const blocks = Math.ceil(columns.count / BLOCK_ROWS)
  const late = performance.now() + STALLED_MS
  for (;;) {
    const done = Atomics.load(progress, PROGRESS.BLOCKS_DONE)
    if (done >= blocks || performance.now() > late) return
    Atomics.wait(progress, PROGRESS.BLOCKS_DONE, done, TURN_MS)
    await turns.next()
  }
}

/** Lets other work of this thread go on from time to time. */
class Turns {
  readonly #signal: AbortSignal | undefined
  #endsAt = performance.now() + TURN_MS

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal
  }

  async next(): Promise<void> {
    if (performance.now() < this.#endsAt) return
    await setImmediate()
    this.#signal?.throwIfAborted()
    this.#endsAt = performance.now() + TURN_MS
  }
}

/** @throws ERR_PATH naming a row that is not selected, or whose path is longer than can be. */
async function assertDeclared(
  columns: CatalogColumns,
  paths: CatalogPaths,
  selection: PathSelection,
  turns: Turns,
): Promise<void> {
  const { parents, kinds, nameEnds, count } = columns
  const pathBytes = new Uint16Array(count)
  /** The pattern of a folder under which everything is selected, plus one. */
  const whole = new Uint8Array(count)
  const open = new Map<number, { readonly at: PathStanding; readonly pattern: number }>()
  for (let i = 0; i < count; i += 1) {
    if (i % BLOCK_ROWS === 0) await turns.next()
    const parent = parents[i]!
    const name = nameEnds[i]! - (i === 0 ? 0 : nameEnds[i - 1]!)
    const above = parent < 0 ? selection.patterns[-1 - parent]!.root.length : pathBytes[parent]! + 1
    if (above + name >= MAX_PATH_BYTES) throw tooLong(above + name)
    pathBytes[i] = above + name
    if (parent >= 0 && whole[parent] === 1) {
      whole[i] = 1
      continue
    }
    const folder = open.get(parent)
    const pattern = folder?.pattern ?? -1 - parent
    const kind = kinds[i]!
    const mayBeFolder = isFolderKind(kind) || kind === KIND.SYMLINK
    const at =
      folder === undefined
        ? selection.standingOf(selection.patterns[pattern]!.root, mayBeFolder)
        : selection.step(folder.at, paths.nameOf(i), mayBeFolder)
    const isSelected =
      !selection.patterns[pattern]!.negate &&
      selection.covers(at, pattern) &&
      selection.includes(at)
    const isOnTheWay = kind === KIND.ANCESTOR && !selection.patterns[pattern]!.negate
    if (!isSelected && !isOnTheWay) throw undeclared(paths, i)
    if (isSelected && at.settled) whole[i] = 1
    else if (isFolderKind(kind)) open.set(i, { at, pattern })
  }
}

function tooLong(bytes: number): SwarmCacheError {
  return new SwarmCacheError(
    'ERR_PATH',
    `The cache holds a path of ${bytes} bytes, but at most ${MAX_PATH_BYTES - 1} are possible here. Restore it below a shorter folder.`,
  )
}

function undeclared(paths: CatalogPaths, index: number): SwarmCacheError {
  const path = textOf(paths.pathOf(index))
  return new SwarmCacheError(
    'ERR_PATH',
    `The cache entry names ${path}, which is not one of the declared paths. Nothing was restored.`,
    { facts: { path, undeclared: true } },
  )
}
