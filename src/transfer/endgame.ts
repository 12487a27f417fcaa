import type { Task } from './chunk-picker.ts'
import type { FetchSource } from './fetch-source.ts'

/** Chunks that an idle source should be asked for although another owes them. */
export interface Rescue {
  /** Asked of both: the first copy wins. */
  readonly copied: readonly Task[]
  /** Withdrawn from the other, that has not begun with them. */
  readonly moved: readonly Task[]
}

/** What the choice depends on. */
export interface RescueOptions {
  readonly now: number
  readonly taskOf: (digest: string) => Task | undefined
  /** How much sooner than the other the idle source must be expected to deliver. */
  readonly gainMs: number
  /** False if only those that have fallen silent are worth asking somebody else for the same. */
  readonly mayCopy: boolean
}

// What an idle source takes over at a time, of chunks that another was asked for at least so long ago.
const RESCUE_BYTES = 512 * 1024
const RESCUE_AFTER_MS = 100
// An estimate of rates is rough: the other must be taken to need so many times as long.
const SLOWER_FACTOR = 2
const MAX_COPIES = 2
// Below the time after which a silent source is left.
const SILENT_MS = 500

/**
 * What a source without anything left to do should fetch of what others still owe.
 *
 * The tail of a fetch is as slow as its slowest source. What a source has not begun with moves to one that is
 * done sooner; what it is sending now is asked for twice, and the second copy cancelled when the first arrives.
 */
export function chunksToRescue(
  idle: FetchSource,
  others: Iterable<FetchSource>,
  { now, taskOf, gainMs, mayCopy }: RescueOptions,
): Rescue {
  const copied: Task[] = []
  const moved: Task[] = []
  let bytes = idle.outstandingBytes
  for (const other of others) {
    if (other === idle) continue
    let owedBytes = other.outstandingBytes
    const oldest = other.outstanding.keys().next().value
    // The newest first: a source answers in order, so these would come last.
    for (const { chunk, askedAt } of [...other.outstanding.values()].reverse()) {
      if (bytes - idle.outstandingBytes >= RESCUE_BYTES) return { copied, moved }
      const otherMs = Math.max(other.expectedMs(owedBytes), other.silentMs(now))
      owedBytes -= chunk.bytes
      const task = taskOf(chunk.digest)
      if (task?.state !== 'asked' || now - askedAt < RESCUE_AFTER_MS) continue
      if (task.from.has(idle) || task.from.size >= MAX_COPIES || !idle.holds(chunk.digest)) continue
      const idleMs = idle.possibleMs(bytes + chunk.bytes)
      if (otherMs < SLOWER_FACTOR * idleMs + gainMs) continue
      if (copied.includes(task) || moved.includes(task)) continue
      const isBegun = chunk.digest === oldest || task.from.size > 1
      if (isBegun && !mayCopy && other.silentMs(now) < SILENT_MS) continue
      bytes += chunk.bytes
      if (isBegun) copied.push(task)
      else moved.push(task)
    }
  }
  return { copied, moved }
}
