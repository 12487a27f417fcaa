import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

/** What a tree of files is, in one digest, and how much it holds. */
export interface TreeContent {
  readonly digest: string
  readonly files: number
  readonly bytes: number
}

/**
 * Reads every name, mode, mtime, link and byte below `root`, its own included.
 *
 * Synchronous, since for 77,000 small files that takes a third of the time of promises.
 */
export function readTree(root: string): TreeContent {
  const hash = createHash('sha256')
  let files = 0
  let bytes = 0
  const visit = (path: string, name: string): void => {
    const stats = lstatSync(path, { bigint: true })
    hash.update(`${name}\0`)
    if (stats.isSymbolicLink()) {
      hash.update(`link ${readlinkSync(path)}\n`)
      return
    }
    hash.update(`${stats.mode.toString(8)} ${stats.mtimeNs} ${stats.isFile() ? stats.size : ''}\n`)
    if (stats.isFile()) {
      const content = readFileSync(path)
      hash.update(content)
      files += 1
      bytes += content.length
    } else {
      for (const child of readdirSync(path).sort()) visit(join(path, child), `${name}/${child}`)
    }
  }
  visit(root, '')
  return { digest: hash.digest('hex'), files, bytes }
}

/** @throws Error if the tree below `root` differs in anything from what it should be. */
export function checkTree(root: string, expected: TreeContent): void {
  const found = readTree(root)
  if (found.digest === expected.digest) return
  throw new Error(
    `The tree in ${root} is not the one that was saved: ${found.files} files and ${found.bytes} bytes ` +
      `where ${expected.files} files and ${expected.bytes} bytes belong, digest ${found.digest}.`,
  )
}
