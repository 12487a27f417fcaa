import { SwarmCacheError } from '../core/errors.ts'
import type { BytePath } from './byte-path.ts'

/** What an archive says of one file, folder or link in it. */
export interface TarEntry {
  readonly path: BytePath
  readonly kind: 'file' | 'folder' | 'symlink' | 'hardlink'
  /** Of a link. */
  readonly target: BytePath
}

const BLOCK_BYTES = 512
// A name with its attributes; the kernel takes no path of more than 4 KiB.
const MAX_RECORDS_BYTES = 256 * 1024
const KINDS: Readonly<Record<string, TarEntry['kind']>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '5': 'folder',
}

/**
 * Reads the headers of a tar archive (POSIX pax, ustar and GNU's long names) from its bytes as they come.
 *
 * Whatever `tar` could understand in another way than this does, or that caches of files do not hold (devices,
 * sparse files, archives of several volumes), is refused.
 */
export class TarHeaders {
  readonly #onEntry: (entry: TarEntry) => void
  readonly #block = Buffer.alloc(BLOCK_BYTES)
  #filled = 0
  #skipBytes = 0
  /** What is being read instead of skipped: the type of its header, and how much of it is no padding. */
  #records: { readonly type: string; readonly bytes: number; readonly pieces: Buffer[] } | undefined
  /** What the headers before the next one say of it. */
  #next: { path?: BytePath; target?: BytePath; bytes?: number } = {}
  #isOver = false

  constructor(onEntry: (entry: TarEntry) => void) {
    this.#onEntry = onEntry
  }

  /** Takes the next bytes. @throws ERR_INTEGRITY, or what the listener throws. */
  put(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#skipBytes > 0) {
        const end = Math.min(bytes.length, at + this.#skipBytes)
        this.#records?.pieces.push(bytes.subarray(at, end))
        this.#skipBytes -= end - at
        at = end
        if (this.#skipBytes === 0) this.#readRecords()
        continue
      }
      const end = Math.min(bytes.length, at + BLOCK_BYTES - this.#filled)
      bytes.copy(this.#block, this.#filled, at, end)
      this.#filled += end - at
      at = end
      if (this.#filled < BLOCK_BYTES) continue
      this.#filled = 0
      this.#readBlock(this.#block)
    }
  }

  /** @throws ERR_INTEGRITY if the archive ends in the middle. */
  end(): void {
    if (!this.#isOver || this.#filled > 0) throw damaged('it ends too early')
  }

  #readBlock(block: Buffer): void {
    const isEmpty = block.every((byte) => byte === 0)
    if (isEmpty || this.#isOver) {
      if (!isEmpty) throw damaged('something follows its end')
      this.#isOver = true
      return
    }
    checkSum(block)
    if (block.toString('latin1', 257, 262) !== 'ustar')
      throw damaged('a header is of no known kind')
    const type = String.fromCharCode(block[156]!)
    const bytes = this.#next.bytes ?? numberOf(block, 124, 12)
    if ('xgLK'.includes(type)) {
      const own = numberOf(block, 124, 12)
      if (own === 0 || own > MAX_RECORDS_BYTES) throw damaged(`a header claims ${own} bytes`)
      this.#records = { type, bytes: own, pieces: [] }
      this.#skipBytes = padded(own)
      return
    }
    const kind = KINDS[type]
    if (kind === undefined) throw damaged(`it holds something of the type "${type}"`)
    const path = this.#next.path ?? nameOf(block)
    const target = this.#next.target ?? textOf(block, 157, 100)
    this.#next = {}
    // Older writers mark a folder by a slash alone.
    const isFolder = kind === 'file' && path.endsWith('/')
    this.#onEntry({ path, kind: isFolder ? 'folder' : kind, target })
    this.#skipBytes = kind === 'file' ? padded(bytes) : 0
    if (kind !== 'file' && bytes !== 0) throw damaged('what is no file has content')
  }

  #readRecords(): void {
    const records = this.#records
    if (records === undefined) return
    this.#records = undefined
    const content = Buffer.concat(records.pieces).subarray(0, records.bytes)
    if (records.type === 'L' || records.type === 'K') {
      const text = content.toString('latin1').replace(/\0+$/, '')
      if (text === '' || text.includes('\0')) throw damaged('a long name is malformed')
      this.#set(records.type === 'L' ? 'path' : 'target', text)
      return
    }
    for (const [key, value] of paxRecords(content)) {
      const isForAll = records.type === 'g'
      if (key === 'path' || key === 'linkpath' || key === 'size') {
        if (isForAll) throw damaged(`it says the ${key} of everything`)
        if (key !== 'size') this.#set(key === 'path' ? 'path' : 'target', value)
        else if (!/^\d{1,15}$/.test(value) || this.#next.bytes !== undefined) {
          throw damaged('a size is malformed')
        } else this.#next.bytes = Number(value)
      } else if (
        /^(?:GNU|LIBARCHIVE|SCHILY|SUN)\.(?!xattr\.|acl\.|dev$|ino$|nlink$|fflags$|creationtime$)/.test(
          key,
        )
      ) {
        throw damaged(`it needs "${key}", which is not understood`)
      }
    }
  }

  #set(name: 'path' | 'target', value: BytePath): void {
    if (value === '' || value.includes('\0') || this.#next[name] !== undefined) {
      throw damaged('a name is malformed')
    }
    this.#next[name] = value
  }
}

/** Records `length key=value\n`, whose values may hold anything. */
function* paxRecords(content: Buffer): Generator<readonly [key: string, value: BytePath]> {
  for (let at = 0; at < content.length;) {
    const length = /^\d{1,7}(?= )/.exec(content.toString('latin1', at, at + 8))?.[0]
    const end = at + Number(length ?? NaN)
    if (!(end <= content.length) || content[end - 1] !== 0x0a)
      throw damaged('a record is malformed')
    const text = content.toString('latin1', at + length!.length + 1, end - 1)
    const equals = text.indexOf('=')
    if (equals <= 0) throw damaged('a record is malformed')
    yield [text.slice(0, equals), text.slice(equals + 1)]
    at = end
  }
}

function checkSum(block: Buffer): void {
  let sum = 0
  for (const [index, byte] of block.entries()) sum += index >= 148 && index < 156 ? 0x20 : byte
  if (sum !== numberOf(block, 148, 8)) throw damaged('a header has another sum than it says')
}

/** A number as octal digits, or in binary where they are too few. */
function numberOf(block: Buffer, start: number, length: number): number {
  if ((block[start]! & 0x80) !== 0) {
    const isSmall = block.subarray(start + 1, start + length - 6).every((byte) => byte === 0)
    if (block[start] !== 0x80 || !isSmall) throw damaged('a number is too large')
    return block.readUIntBE(start + length - 6, 6)
  }
  const text = block
    .toString('latin1', start, start + length)
    .replace(/[\0 ]+$/, '')
    .trimStart()
  if (!/^[0-7]*$/.test(text)) throw damaged('a number is malformed')
  return Number.parseInt(text || '0', 8)
}

function nameOf(block: Buffer): BytePath {
  const name = textOf(block, 0, 100)
  // GNU's own format has other things where ustar has the first part of a long name.
  const isUstar = block.toString('latin1', 257, 263) === 'ustar\0'
  const prefix = isUstar ? textOf(block, 345, 155) : ''
  return prefix === '' ? name : `${prefix}/${name}`
}

function textOf(block: Buffer, start: number, length: number): BytePath {
  const text = block.toString('latin1', start, start + length)
  const end = text.indexOf('\0')
  return end === -1 ? text : text.slice(0, end)
}

function padded(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES
}

function damaged(why: string): SwarmCacheError {
  return new SwarmCacheError('ERR_INTEGRITY', `The archive is damaged: ${why}.`)
}
