import { chmod, lstat, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { digestOf } from '../core/digest.ts'
import { SwarmCacheError, errorMessage } from '../core/errors.ts'

// sun_path holds 108 bytes on Linux and 104 on macOS, the closing zero included.
const MAX_SOCKET_PATH_BYTES = 103
const SOCKET_NAME = 'control.sock'

/**
 * Where the node of `home` listens: `control.sock` in the home, or, where that path is too long for a
 * socket, a file named after the home in a folder of this user under the system's temp folder.
 *
 * @throws ERR_CONTROL if even that path is too long.
 */
export function controlPath(home: string): string {
  const absolute = resolve(home)
  const name = digestOf(absolute).slice(0, 20)
  if (process.platform === 'win32') return `\\\\.\\pipe\\swarmcache-${name}`
  const usual = join(absolute, SOCKET_NAME)
  if (fits(usual)) return usual
  const short = join(tmpdir(), `swarmcache-${process.getuid?.() ?? 0}`, `${name}.sock`)
  if (fits(short)) return short
  throw new SwarmCacheError(
    'ERR_CONTROL',
    `No socket fits under ${absolute}, nor under the temp folder ${tmpdir()}: both paths are too long. Choose a shorter SWARMCACHE_HOME.`,
    { facts: { home: absolute } },
  )
}

/** Creates the folder of the socket, readable by this user only if it is new. @throws ERR_CONTROL. */
export async function prepareControlFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new SwarmCacheError(
      'ERR_CONTROL',
      `The folder ${dirname(path)} of the control socket cannot be made: ${errorMessage(cause)}. Remove what is in the way, or choose another SWARMCACHE_HOME.`,
      { cause, facts: { folder: dirname(path) } },
    )
  }
  if (await isPrivate(path)) return
  throw new SwarmCacheError(
    'ERR_CONTROL',
    `The folder ${dirname(path)} belongs to another user or is open to others, so no control socket can be put there. Remove it, or choose a shorter SWARMCACHE_HOME.`,
    { facts: { folder: dirname(path) } },
  )
}

/** True unless others could have put the socket there: the shared temp folder is not to be trusted blindly. */
export async function isPrivate(path: string): Promise<boolean> {
  if (process.platform === 'win32' || path.endsWith(`/${SOCKET_NAME}`)) return true
  try {
    const folder = await lstat(dirname(path))
    return folder.isDirectory() && folder.uid === process.getuid?.() && (folder.mode & 0o077) === 0
  } catch {
    return false
  }
}

/** Lets nobody but this user connect. */
export async function protectSocket(path: string): Promise<void> {
  if (process.platform !== 'win32') await chmod(path, 0o600)
}

function fits(path: string): boolean {
  return Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES
}
