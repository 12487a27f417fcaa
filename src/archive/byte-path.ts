/**
 * A path or name as the file system holds it, one character for each byte.
 *
 * Names need not be UTF-8, and such strings lose nothing, compare in byte order and take as much memory
 * as the bytes. `readdir` and `readlink` give them with the encoding `latin1`.
 */
export type BytePath = string

// oxlint-disable-next-line no-control-regex -- ASCII is what the range says
const NOT_ASCII = /[^\0-\x7f]/

/** The bytes of a path that is ordinary text. */
export function bytePath(text: string): BytePath {
  return NOT_ASCII.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text
}

/** The form in which `node:fs` takes the path. */
export function fsPath(path: BytePath): string | Buffer {
  return NOT_ASCII.test(path) ? Buffer.from(path, 'latin1') : path
}

/** The path as text for people and for matching; bytes that are not UTF-8 become U+FFFD. */
export function textOf(path: BytePath): string {
  return NOT_ASCII.test(path) ? Buffer.from(path, 'latin1').toString('utf8') : path
}

/** The path of `name` in the folder `parent`. */
export function joinPath(parent: BytePath, name: BytePath): BytePath {
  return parent.endsWith('/') ? parent + name : `${parent}/${name}`
}

/** The folder that holds `path`, or undefined for a root. */
export function parentOf(path: BytePath): BytePath | undefined {
  const slash = path.lastIndexOf('/')
  if (slash === -1 || slash === path.length - 1) return undefined
  return slash === 0 ? '/' : path.slice(0, slash)
}
