import * as core from '@actions/core'

/** What main tells post. */
export interface StepState {
  /** The inputs are evaluated again for post, and the key may be another by then. */
  readonly primaryKey: string
  /** Empty on a miss. */
  readonly matchedKey: string
  /** The node that main started and post stops; undefined if none. */
  readonly node: StartedNode | undefined
  /** False if there is no node, so that post does not try again. */
  readonly peers: boolean
}

/** A node in a process of its own. */
export interface StartedNode {
  readonly pid: number
  readonly logPath: string
}

const NODE_PID = 'SWARMCACHE_NODE_PID'
const NODE_LOG = 'SWARMCACHE_NODE_LOG'
const NODE_ABSENT = 'SWARMCACHE_NODE_ABSENT'
// The names that actions/cache uses, for whoever reads them.
const PRIMARY_KEY = 'CACHE_KEY'
const MATCHED_KEY = 'CACHE_RESULT'

/** Keeps the key that was asked for. */
export function keepPrimaryKey(key: string): void {
  core.saveState(PRIMARY_KEY, key)
}

/** Keeps the key that was restored. */
export function keepMatchedKey(key: string): void {
  core.saveState(MATCHED_KEY, key)
}

/** Keeps the node to stop. */
export function keepNode(node: StartedNode): void {
  core.saveState(NODE_PID, String(node.pid))
  core.saveState(NODE_LOG, node.logPath)
}

/** Keeps that there is no node and none is to be started. */
export function keepNodeAbsent(): void {
  core.saveState(NODE_ABSENT, 'true')
}

/** What main kept. */
export function readState(): StepState {
  const pid = Number(core.getState(NODE_PID))
  const isPid = Number.isSafeInteger(pid) && pid > 1
  return {
    primaryKey: core.getState(PRIMARY_KEY),
    matchedKey: core.getState(MATCHED_KEY),
    node: isPid ? { pid, logPath: core.getState(NODE_LOG) } : undefined,
    peers: core.getState(NODE_ABSENT) === '',
  }
}
