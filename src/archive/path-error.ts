import { SwarmCacheError, errnoOf } from '../core/errors.ts'
import { textOf } from './byte-path.ts'
import type { BytePath } from './byte-path.ts'

const REASONS: Record<string, string> = {
  EACCES: 'permission denied. Make it accessible to this user, or exclude it with !PATH.',
  EPERM: 'the operation is not permitted for this user.',
  ENOSPC: 'the disk is full. Free some space and try again.',
  EDQUOT: 'the disk quota is used up. Free some space and try again.',
  EROFS: 'the file system is read-only.',
  ENOTDIR: 'a part of the path is not a folder.',
  ENAMETOOLONG: 'the path is too long for this file system. Use a shorter base folder.',
  ENOTEMPTY: 'a folder with other files is in the way. Remove it first.',
  ELOOP: 'a symbolic link is in the way.',
}

/** ERR_PATH that says what was tried on `path` and why the file system refused it. */
export function pathError(doing: string, path: BytePath, cause: unknown): SwarmCacheError {
  const errno = errnoOf(cause)
  const reason =
    (errno === undefined ? undefined : REASONS[errno]) ??
    `${cause instanceof Error ? cause.message : String(cause)}.`
  const text = textOf(path)
  return new SwarmCacheError('ERR_PATH', `Cannot ${doing} ${text}: ${reason}`, {
    cause,
    facts: errno === undefined ? { path: text } : { path: text, errno },
  })
}
