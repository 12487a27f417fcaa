import { statfsSync } from 'node:fs'
import {
  arch,
  availableParallelism,
  cpus,
  hostname,
  loadavg,
  release,
  tmpdir,
  totalmem,
  type,
} from 'node:os'

/** Where and when numbers were measured. */
export interface Machine {
  readonly name: string
  readonly system: string
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly node: string
  readonly date: string
  /** Processes that wanted a core during the minute before, on average. */
  readonly load: number
  /** The folder that everything measured is in, and whether it is memory. */
  readonly scratch: string
  readonly onTmpfs: boolean
}

// From linux/magic.h.
const TMPFS_MAGIC = 0x01021994
const SHARED_MEMORY = '/dev/shm'

/** Describes this machine. */
export function describeMachine(): Machine {
  const scratch = scratchFolder()
  return {
    name: hostname(),
    system: `${type()} ${release()} ${arch()}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    node: process.version,
    date: new Date().toISOString(),
    load: loadavg()[0]!,
    scratch,
    onTmpfs: isTmpfs(scratch),
  }
}

/** The folder for what is measured: tmpfs if there is one, since disks differ too much from run to run. */
function scratchFolder(): string {
  return isTmpfs(SHARED_MEMORY) ? SHARED_MEMORY : tmpdir()
}

function isTmpfs(path: string): boolean {
  try {
    return statfsSync(path).type === TMPFS_MAGIC
  } catch {
    return false
  }
}
