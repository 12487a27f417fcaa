import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { lstat, readdir, readlink } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'

/** What a tree of files is, in one digest, and how much it holds. */
export interface TreeFingerprint {
  readonly digest: string
  readonly files: number
  readonly bytes: number
}

/** Reads every name, type, mode, mtime (to the nanosecond), link target and byte below `root`. */
export async function fingerprintTree(root: string): Promise<TreeFingerprint> {
  const hash = createHash('sha256')
  let files = 0
  let bytes = 0
  const visit = async (path: Buffer, name: Buffer): Promise<void> => {
    const stats = await lstat(path, { bigint: true })
    // Folder sizes and link modes depend on the file system, not on the tree.
    const mode = stats.isSymbolicLink() ? 0n : stats.mode
    const size = stats.isFile() ? stats.size : 0n
    hash.update(name)
    hash.update(`\0${mode.toString(8)} ${size} ${stats.isSymbolicLink() ? 0n : stats.mtimeNs}\n`)
    if (stats.isSymbolicLink()) {
      hash.update(await readlink(path, { encoding: 'buffer' }))
      return
    }
    if (stats.isFile()) {
      files += 1
      bytes += Number(stats.size)
      await pipeline(createReadStream(path), async (source: AsyncIterable<Buffer>) => {
        for await (const piece of source) hash.update(piece)
      })
      return
    }
    if (!stats.isDirectory()) return
    const names = await readdir(path, { encoding: 'buffer' })
    for (const child of names.toSorted((a, b) => Buffer.compare(a, b))) {
      await visit(Buffer.concat([path, SLASH, child]), Buffer.concat([name, SLASH, child]))
    }
  }
  await visit(Buffer.from(root), Buffer.alloc(0))
  return { digest: hash.digest('hex'), files, bytes }
}

const SLASH = Buffer.from('/')
