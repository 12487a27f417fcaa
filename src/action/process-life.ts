import { readFileSync } from 'node:fs'
import { errnoOf } from '../core/errors.ts'

/** True while the process with this id runs, whoever owns it. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (errnoOf(error) !== 'EPERM') return false
  }
  return !isZombie(pid)
}

// In a container whose first process reaps nobody, an ended process keeps its id.
function isZombie(pid: number): boolean {
  if (process.platform !== 'linux') return false
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 1).startsWith(' Z')
  } catch {
    return false
  }
}
