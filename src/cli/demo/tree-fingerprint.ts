import { createHash } from 'node:crypto'
import type { Hash } from 'node:crypto'
import {
  closeSync,
  lstatSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  readlinkSync,
} from 'node:fs'

/** What a tree of files is, in one digest, and how much it holds. */
export interface TreeFingerprint {
  readonly digest: string
  readonly files: number
  readonly bytes: number
}

const SLASH = Buffer.from('/')
// Larger files are read in pieces, so that memory stays bounded.
const PIECE_BYTES = 4 * 1024 * 1024
// Others on this thread get their turn after this many paths.
const PATHS_AT_ONCE = 200

/** Reads every name, type, mode, mtime (to the nanosecond), link target and byte below `root`. */
export async function fingerprintTree(root: string): Promise<TreeFingerprint> {
  const hash = createHash('sha256')
  let files = 0
  let bytes = 0
  let paths = 0
  for (const [path, name] of walk(Buffer.from(root), Buffer.alloc(0))) {
    const stats = lstatSync(path, { bigint: true })
    const isLink = stats.isSymbolicLink()
    // Folder sizes and link modes depend on the file system, not on the tree.
    hash.update(name)
    hash.update(`\0${isLink ? 0n : stats.mode} ${stats.isFile() ? stats.size : 0n}`)
    hash.update(` ${isLink ? 0n : stats.mtimeNs}\n`)
    if (isLink) hash.update(readlinkSync(path, { encoding: 'buffer' }))
    if (stats.isFile()) {
      files += 1
      bytes += Number(stats.size)
      hashFile(hash, path, Number(stats.size))
    }
    paths += 1
    if (paths % PATHS_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  return { digest: hash.digest('hex'), files, bytes }
}

/** Every path and its name within the tree, parents first, in byte order. */
function* walk(path: Buffer, name: Buffer): Generator<readonly [Buffer, Buffer]> {
  yield [path, name]
  if (!lstatSync(path).isDirectory()) return
  const names = readdirSync(path, { encoding: 'buffer' })
  for (const child of names.toSorted((a, b) => Buffer.compare(a, b))) {
    yield* walk(Buffer.concat([path, SLASH, child]), Buffer.concat([name, SLASH, child]))
  }
}

function hashFile(hash: Hash, path: Buffer, size: number): void {
  if (size <= PIECE_BYTES) {
    hash.update(readFileSync(path))
    return
  }
  const file = openSync(path, 'r')
  try {
    const piece = Buffer.allocUnsafe(PIECE_BYTES)
    for (;;) {
      const read = readSync(file, piece)
      if (read === 0) return
      hash.update(piece.subarray(0, read))
    }
  } finally {
    closeSync(file)
  }
}
