import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'

// A process that waits for nothing but its timers uses far less.
const QUIET_SHARE = 0.05
const LOOK_MS = 500
const DEADLINE_MS = 10_000
// The unit of times in /proc/PID/stat, on every Linux that Node runs on.
const MS_PER_TICK = 10

/**
 * Waits until processes have ended what their start set off, or ten seconds.
 *
 * On machines of their own it would not stand in anybody's way.
 */
export async function settled(pids: readonly number[], signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS
  let before = usedMs(pids)
  while (performance.now() < deadline) {
    await wait(LOOK_MS, undefined, { signal })
    const now = usedMs(pids)
    if (now - before < QUIET_SHARE * LOOK_MS * pids.length) return
    before = now
  }
}

/** Tells how much of all cores was used since, from 0 to 1, by whatever ran. */
export function watchCores(): () => number {
  const started = performance.now()
  const before = idleMs()
  return () => {
    const wholeMs = (performance.now() - started) * cpus().length
    return Math.max(0, 1 - (idleMs() - before) / wholeMs)
  }
}

function idleMs(): number {
  return cpus().reduce((sum, { times }) => sum + times.idle, 0)
}

/** Milliseconds of processor time of processes that live. */
function usedMs(pids: readonly number[]): number {
  let ticks = 0
  for (const pid of pids) {
    try {
      // The name, which may hold anything, ends at the last bracket; user and system time are fields 14 and 15.
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')
      ticks += Number(fields[11]) + Number(fields[12])
    } catch {
      // It has ended.
    }
  }
  return ticks * MS_PER_TICK
}
