import { errnoOf, errorMessage, isSwarmCacheError, SwarmCacheError } from '../core/errors.ts'

// What a person can do about the faults that file systems have in practice.
const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full: free some space, or set a smaller SWARMCACHE_DISK_LIMIT.',
  EDQUOT: 'The disk quota is used up: free some space, or set a smaller SWARMCACHE_DISK_LIMIT.',
  EACCES: 'Give this user the right to write there, or set SWARMCACHE_HOME to another folder.',
  EPERM: 'Give this user the right to write there, or set SWARMCACHE_HOME to another folder.',
  EROFS: 'The file system is read-only: set SWARMCACHE_HOME to another folder.',
  ENOTDIR: 'A file is in the way: remove it, or set SWARMCACHE_HOME to another folder.',
  EEXIST: 'A file is in the way: remove it, or set SWARMCACHE_HOME to another folder.',
  EMFILE: 'Too many files are open: raise the limit of open files (ulimit -n).',
}

const GENERAL_ADVICE = 'Check the disk, or set SWARMCACHE_HOME to another folder.'

/** ERR_STORE for what the file system or the index refused; errors of this package pass unchanged. */
export function storeFault(what: string, path: string, cause: unknown): SwarmCacheError {
  if (isSwarmCacheError(cause)) return cause
  const errno = errnoOf(cause) ?? ''
  return new SwarmCacheError(
    'ERR_STORE',
    `${what} failed at ${path}: ${errorMessage(cause)}. ${ADVICE[errno] ?? GENERAL_ADVICE}`,
    { cause, facts: { path, errno } },
  )
}

/** ERR_STORE for an entry that names something which is not stored. */
export function incompleteEntry(key: string, missing: string): SwarmCacheError {
  return new SwarmCacheError(
    'ERR_STORE',
    `The entry "${key}" cannot be added: ${missing}. Save it again.`,
    { facts: { key } },
  )
}

/** ERR_STORE for a store that cannot make room. */
export function storeFull(where: string, bytes: number, limitBytes: number): SwarmCacheError {
  return new SwarmCacheError(
    'ERR_STORE',
    `The store ${where} is full: ${bytes} more bytes do not fit within ${limitBytes}, and nothing in it may be dropped yet. Raise SWARMCACHE_DISK_LIMIT.`,
    { facts: { where, bytes, limitBytes } },
  )
}
