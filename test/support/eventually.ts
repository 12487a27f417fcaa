import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'

// For a machine that is slow and busy; whoever waits in vain fails either way.
const DEADLINE_MS = 15_000
const STEP_MS = 5

/** Waits until `condition` holds; fails saying `what` did not come about. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const end = performance.now() + DEADLINE_MS
  while (!(await condition())) {
    if (performance.now() > end) assert.fail(`${what} did not come about in ${DEADLINE_MS} ms`)
    await pause(STEP_MS)
  }
}

/** Everything that an iteration yields. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  return await Array.fromAsync(items)
}
