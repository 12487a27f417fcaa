import { mkdirSync, watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

// Many peers renew their records all the time; each look at the folder reads all of them.
const MIN_INTERVAL_MS = 250
// Network file systems and some containers deliver no notifications about what others write.
const POLL_MS = 3_000

/**
 * Calls `onChange` soon after a file whose name passes `isWanted` appeared, changed or went,
 * until the returned function is called. The folder is made if it does not exist.
 */
export function watchFolder(
  folder: string,
  isWanted: (name: string) => boolean,
  onChange: () => void,
): () => void {
  let watcher: FSWatcher | undefined
  let pending: NodeJS.Timeout | undefined
  let lastMs = 0
  let stopped = false

  const notify = (): void => {
    if (pending !== undefined || stopped) return
    const waitMs = Math.max(0, lastMs + MIN_INTERVAL_MS - performance.now())
    pending = setTimeout(() => {
      pending = undefined
      lastMs = performance.now()
      onChange()
    }, waitMs)
    pending.unref()
  }

  const attach = (): void => {
    try {
      mkdirSync(folder, { recursive: true })
      watcher = watch(folder, { persistent: false }, (_event, name) => {
        if (name === null || isWanted(name)) notify()
      })
      watcher.on('error', () => {
        watcher?.close()
        watcher = undefined
      })
    } catch {
      // No inotify slots left, or no right to make the folder: the poll goes on alone.
      watcher = undefined
    }
  }

  let seen: string | undefined
  const poll = async (): Promise<void> => {
    const now = await fingerprint(folder, isWanted)
    if (seen !== undefined && now !== seen) notify()
    seen = now
    if (stopped) return
    if (watcher === undefined) attach()
    timer = setTimeout(() => void poll(), POLL_MS)
    timer.unref()
  }

  attach()
  let timer: NodeJS.Timeout | undefined
  void poll()
  return () => {
    stopped = true
    clearTimeout(timer)
    clearTimeout(pending)
    watcher?.close()
  }
}

/** Something that changes whenever a wanted file does; empty if the folder cannot be read. */
async function fingerprint(folder: string, isWanted: (name: string) => boolean): Promise<string> {
  try {
    const names = (await readdir(folder)).filter(isWanted).sort()
    const times = await Promise.all(
      names.map(async (name) => (await stat(join(folder, name)).catch(() => undefined))?.mtimeMs),
    )
    return names.map((name, index) => `${name} ${times[index]}`).join('\n')
  } catch {
    return ''
  }
}
