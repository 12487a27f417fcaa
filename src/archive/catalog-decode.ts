import { SwarmCacheError } from '../core/errors.ts'
import {
  CATALOG_HEADER_BYTES,
  CATALOG_MAGIC,
  CATALOG_SECTIONS,
  KIND,
  MAX_DEPTH,
  MAX_PATH_BYTES,
  hasTime,
  isFolderKind,
} from './catalog.ts'
import type { CatalogColumns } from './catalog.ts'
import { textOf } from './byte-path.ts'
import { SectionReader, malformed } from './section-reader.ts'

const MAX_MODE = 0o777
const MAX_NANOS = 999_999_999
// What a Date can hold, in seconds; no file system goes further.
const MAX_SECONDS = 8.64e12

/** What the reader expects of a catalog. */
export interface CatalogBounds {
  /** Bytes of content that the manifest lists. */
  readonly contentBytes: number
  /** How many patterns were declared. */
  readonly patterns: number
  readonly platform?: NodeJS.Platform
}

/**
 * The catalog that `bytes` encode (the layout is told at `encodeCatalog`).
 *
 * The tree shape makes most tricks impossible to express: names hold no separator, every parent is a
 * folder that comes first, siblings ascend strictly.
 *
 * @throws ERR_INTEGRITY for everything that `encodeCatalog` would not have written, ERR_PATH for names that this
 * platform cannot store.
 */
export function decodeCatalog(bytes: Uint8Array, bounds: CatalogBounds): CatalogColumns {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const { count, sections } = splitSections(source)
  const columns = allocate(count, sections)
  checkNames(sections[4].rest())
  const rows = new RowReader(columns, sections, bounds)
  for (let row = 0; row < count; row += 1) rows.read(row)
  rows.end()
  if (ignoresCase(bounds.platform ?? process.platform)) refuseCaseCollisions(columns)
  return { ...columns, contentFiles: columns.contentFiles.subarray(0, rows.files) }
}

type Sections = [
  kinds: SectionReader,
  depths: SectionReader,
  roots: SectionReader,
  lengths: SectionReader,
  names: SectionReader,
  modes: SectionReader,
  sizes: SectionReader,
  seconds: SectionReader,
  nanos: SectionReader,
  links: SectionReader,
]

function splitSections(source: Buffer): { count: number; sections: Sections } {
  if (source.length < CATALOG_HEADER_BYTES || source.readUInt32LE(0) !== CATALOG_MAGIC) {
    throw malformed('it does not start like one')
  }
  const count = source.readUInt32LE(4)
  const sections: SectionReader[] = []
  let offset = CATALOG_HEADER_BYTES
  for (let i = 0; i < CATALOG_SECTIONS; i += 1) {
    const length = source.readUInt32LE(8 + i * 4)
    if (length > source.length - offset) throw malformed('a section is longer than the catalog')
    sections.push(new SectionReader(source.subarray(offset, offset + length)))
    offset += length
  }
  if (offset !== source.length) throw malformed('its length does not match its sections')
  // One byte a row: nothing is allocated that the bytes received do not account for.
  if (sections[0]!.length !== count) throw malformed('its count does not match its rows')
  return { count, sections: sections as Sections }
}

function shared(byteCount: number): SharedArrayBuffer {
  return new SharedArrayBuffer(byteCount)
}

function allocate(count: number, sections: Sections): CatalogColumns {
  const kinds = new Uint8Array(shared(count))
  kinds.set(sections[0].rest())
  const names = new Uint8Array(shared(sections[4].length))
  names.set(sections[4].rest())
  return {
    count,
    kinds,
    parents: new Int32Array(shared(count * 4)),
    modes: new Uint16Array(shared(count * 2)),
    seconds: new Float64Array(shared(count * 8)),
    nanos: new Uint32Array(shared(count * 4)),
    sizes: new Float64Array(shared(count * 8)),
    starts: new Float64Array(shared(count * 8)),
    contentFiles: new Uint32Array(shared(count * 4)),
    names,
    nameEnds: new Uint32Array(shared(count * 4)),
    linkSources: new Uint32Array(shared(count * 4)),
    targets: new Uint8Array(shared(sections[9].length)),
    targetEnds: new Uint32Array(shared(count * 4)),
  }
}

/** Checks the bytes of all names at once; their lengths are checked row by row. */
function checkNames(names: Buffer): void {
  if (names.includes(0)) throw malformed('a name holds a NUL')
  if (names.includes(0x2f)) throw malformed('a name holds a "/"')
  if (process.platform === 'win32' && (names.includes(0x5c) || names.includes(0x3a))) {
    throw impossibleHere('a name holds a "\\" or ":", which Windows cannot store')
  }
}

/** Reads rows in their order, each with what it has in all sections. */
class RowReader {
  readonly #columns: CatalogColumns
  readonly #sections: Sections
  readonly #names: Buffer
  readonly #contentBytes: number
  readonly #lastPattern: number
  /** For each depth on the current path: its row, and where the name is that the next sibling must exceed. */
  readonly #rows: number[] = []
  readonly #nameStarts: number[] = []
  readonly #nameEnds: number[] = []
  #depth = -1
  #pattern = -1
  #nameEnd = 0
  #start = 0
  #second = 0
  #targetEnd = 0
  /** Files with content so far. */
  files = 0

  constructor(columns: CatalogColumns, sections: Sections, bounds: CatalogBounds) {
    this.#columns = columns
    this.#sections = sections
    this.#names = sections[4].rest()
    this.#contentBytes = bounds.contentBytes
    this.#lastPattern = bounds.patterns - 1
  }

  read(row: number): void {
    const kind = this.#columns.kinds[row]!
    if (kind > KIND.HARD_LINK) throw malformed(`a row has the unknown kind ${kind}`)
    const depth = this.#sections[1].varint(MAX_DEPTH)
    this.#checkDepth(row, depth)
    if (depth === 0) this.#readRoot(row)
    else this.#readName(row, depth)
    this.#columns.nameEnds[row] = this.#nameEnd
    this.#rows[depth] = row
    this.#depth = depth
    this.#readProperties(row, kind)
    if (kind >= KIND.SYMLINK) this.#readLink(row, kind)
    this.#columns.targetEnds[row] = this.#targetEnd
  }

  /** @throws ERR_INTEGRITY if what was read is not all there is. */
  end(): void {
    const { kinds, count } = this.#columns
    if (count > 0 && kinds[count - 1] === KIND.ANCESTOR) throw leadsNowhere()
    if (this.#nameEnd !== this.#names.length) throw malformed('its names do not fill their section')
    if (this.#start !== this.#contentBytes) {
      throw malformed('the sizes of its files do not sum to its content')
    }
    const [, depths, roots, lengths, , ...properties] = this.#sections
    for (const section of [depths, roots, lengths, ...properties]) section.end()
  }

  #checkDepth(row: number, depth: number): void {
    const before = this.#depth
    if (depth <= before) {
      if (this.#columns.kinds[row - 1] === KIND.ANCESTOR) throw leadsNowhere()
      return
    }
    if (
      row === 0 ? depth > 0 : depth > before + 1 || !isFolderKind(this.#columns.kinds[row - 1]!)
    ) {
      throw malformed('a row is below something that is no folder')
    }
  }

  #readRoot(row: number): void {
    const pattern = this.#sections[2].varint(this.#lastPattern)
    if (pattern <= this.#pattern) throw malformed('its roots are not in order')
    this.#pattern = pattern
    this.#columns.parents[row] = -1 - pattern
  }

  #readName(row: number, depth: number): void {
    const names = this.#names
    const start = this.#nameEnd
    const length = this.#sections[3].varint(MAX_PATH_BYTES)
    const end = start + length
    if (length === 0) throw malformed('a name is empty')
    if (end > names.length) throw malformed('its names do not fill their section')
    if (length <= 2 && names[start] === 0x2e && (length === 1 || names[start + 1] === 0x2e)) {
      throw malformed('a name is "." or ".."')
    }
    if (depth <= this.#depth && !this.#isAfter(depth, start, end)) {
      throw malformed('its names are not in order, or one is there twice')
    }
    this.#nameStarts[depth] = start
    this.#nameEnds[depth] = end
    this.#nameEnd = end
    this.#columns.parents[row] = this.#rows[depth - 1]!
  }

  /** True if a name comes after the one before it in the same folder. */
  #isAfter(depth: number, start: number, end: number): boolean {
    const names = this.#names
    const beforeEnd = this.#nameEnds[depth]!
    let before = this.#nameStarts[depth]!
    for (let at = start; at < end; at += 1, before += 1) {
      if (before === beforeEnd) return true
      const difference = names[at]! - names[before]!
      if (difference !== 0) return difference > 0
    }
    return false
  }

  #readProperties(row: number, kind: number): void {
    const { modes, seconds, nanos, sizes, starts, contentFiles } = this.#columns
    const sections = this.#sections
    if (kind === KIND.FILE || kind === KIND.FOLDER) modes[row] = sections[5].u16(MAX_MODE)
    if (hasTime(kind)) {
      this.#second += sections[7].zigzag()
      if (Math.abs(this.#second) > MAX_SECONDS) throw malformed('a time is out of range')
      seconds[row] = this.#second
      nanos[row] = sections[8].u32(MAX_NANOS)
    }
    starts[row] = this.#start
    if (kind !== KIND.FILE) return
    const size = sections[6].varint(this.#contentBytes - this.#start)
    sizes[row] = size
    this.#start += size
    if (size > 0) {
      contentFiles[this.files] = row
      this.files += 1
    }
  }

  #readLink(row: number, kind: number): void {
    const { kinds, targets, linkSources, count } = this.#columns
    const links = this.#sections[9]
    if (kind === KIND.SYMLINK) {
      const target = links.take(links.varint(MAX_PATH_BYTES))
      if (target.length === 0) throw malformed('a symbolic link points to nothing')
      if (target.includes(0)) throw malformed('the target of a symbolic link holds a NUL')
      targets.set(target, this.#targetEnd)
      this.#targetEnd += target.length
      return
    }
    const source = links.varint(count)
    if (source >= row || kinds[source] !== KIND.FILE) {
      throw malformed('a hard link does not name a file before it')
    }
    linkSources[row] = source
  }
}

function leadsNowhere(): SwarmCacheError {
  return malformed('a folder on the way to nothing is listed')
}

function ignoresCase(platform: NodeJS.Platform): boolean {
  return platform === 'win32' || platform === 'darwin'
}

function refuseCaseCollisions(columns: CatalogColumns): void {
  const { parents, names, nameEnds, count } = columns
  const text = Buffer.from(names).toString('latin1')
  const seen = new Set<string>()
  for (let i = 0; i < count; i += 1) {
    if (parents[i]! < 0) continue
    const name = textOf(text.slice(nameEnds[i - 1], nameEnds[i]))
    const folded = `${parents[i]}/${name.normalize('NFC').toLowerCase()}`
    if (seen.has(folded)) {
      throw impossibleHere(`this file system cannot tell "${name}" from another name beside it`)
    }
    seen.add(folded)
  }
}

/** What another machine could hold. */
function impossibleHere(why: string): SwarmCacheError {
  return new SwarmCacheError('ERR_PATH', `The cache entry cannot be restored here: ${why}.`)
}
