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
  readNames(columns, sections)
  readTree(columns, sections, bounds)
  const files = readProperties(columns, sections, bounds.contentBytes)
  readLinks(columns, sections[9])
  if (ignoresCase(bounds.platform ?? process.platform)) refuseCaseCollisions(columns)
  return { ...columns, contentFiles: columns.contentFiles.subarray(0, files) }
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
    contentFiles: new Uint32Array(shared(countOf(kinds, KIND.FILE) * 4)),
    names,
    nameEnds: new Uint32Array(shared(count * 4)),
    linkSources: new Uint32Array(shared(count * 4)),
    targets: new Uint8Array(shared(sections[9].length)),
    targetEnds: new Uint32Array(shared(count * 4)),
  }
}

function countOf(kinds: Uint8Array, wanted: number): number {
  let found = 0
  for (const kind of kinds) {
    if (kind > KIND.HARD_LINK) throw malformed(`a row has the unknown kind ${kind}`)
    if (kind === wanted) found += 1
  }
  return found
}

/** Checks the bytes of all names at once; lengths follow with the tree. */
function readNames(columns: CatalogColumns, sections: Sections): void {
  const blob = sections[4].rest()
  if (blob.includes(0)) throw malformed('a name holds a NUL')
  if (blob.includes(0x2f)) throw malformed('a name holds a "/"')
  if (process.platform === 'win32' && (blob.includes(0x5c) || blob.includes(0x3a))) {
    throw impossibleHere('a name holds a "\\" or ":", which Windows cannot store')
  }
  const { kinds, nameEnds, count } = columns
  const depths = sections[1].copy()
  let end = 0
  for (let i = 0; i < count; i += 1) {
    if (depths.varint(MAX_DEPTH) > 0) {
      const length = sections[3].varint(MAX_PATH_BYTES)
      if (length === 0) throw malformed('a name is empty')
      if (length <= 2 && blob[end] === 0x2e && (length === 1 || blob[end + 1] === 0x2e)) {
        throw malformed('a name is "." or ".."')
      }
      end += length
    }
    nameEnds[i] = end
  }
  sections[3].end()
  if (end !== blob.length) throw malformed('its names do not fill their section')
  if (kinds.length > 0 && columns.nameEnds[0] !== 0) throw malformed('it does not start at a root')
}

function readTree(columns: CatalogColumns, sections: Sections, bounds: CatalogBounds): void {
  const { kinds, parents, nameEnds, count } = columns
  const names = sections[4].text()
  const depths = sections[1]
  const roots = sections[2]
  // For each depth on the current path: its row, and the name that the next sibling must exceed.
  const rows: number[] = []
  const lastNames: string[] = []
  let previousDepth = -1
  let previousPattern = -1
  for (let i = 0; i < count; i += 1) {
    const depth = depths.varint(MAX_DEPTH)
    const previousKind = kinds[i - 1]
    if (depth > previousDepth) {
      if (depth > previousDepth + 1 || (depth > 0 && !isFolderKind(previousKind!))) {
        throw malformed('a row is below something that is no folder')
      }
    } else if (previousKind === KIND.ANCESTOR) {
      throw malformed('a folder on the way to nothing is listed')
    }
    if (depth === 0) {
      const pattern = roots.varint(bounds.patterns - 1)
      if (pattern <= previousPattern) throw malformed('its roots are not in order')
      previousPattern = pattern
      parents[i] = -1 - pattern
    } else {
      const name = names.slice(i === 0 ? 0 : nameEnds[i - 1], nameEnds[i])
      if (depth <= previousDepth && name <= lastNames[depth]!) {
        throw malformed('its names are not in order, or one is there twice')
      }
      lastNames[depth] = name
      parents[i] = rows[depth - 1]!
    }
    rows[depth] = i
    previousDepth = depth
  }
  if (count > 0 && kinds[count - 1] === KIND.ANCESTOR) {
    throw malformed('a folder on the way to nothing is listed')
  }
  depths.end()
  roots.end()
}

/** Returns how many files have content. */
function readProperties(columns: CatalogColumns, sections: Sections, contentBytes: number): number {
  const { kinds, modes, sizes, starts, seconds, nanos, contentFiles, count } = columns
  const [, , , , , modeBytes, sizeBytes, secondBytes, nanoBytes] = sections
  let start = 0
  let files = 0
  let second = 0
  for (let i = 0; i < count; i += 1) {
    const kind = kinds[i]!
    if (kind === KIND.FILE || kind === KIND.FOLDER) modes[i] = modeBytes.u16(MAX_MODE)
    if (hasTime(kind)) {
      second += secondBytes.zigzag()
      if (Math.abs(second) > MAX_SECONDS) throw malformed('a time is out of range')
      seconds[i] = second
      nanos[i] = nanoBytes.u32(MAX_NANOS)
    }
    starts[i] = start
    if (kind === KIND.FILE) {
      const size = sizeBytes.varint(contentBytes - start)
      sizes[i] = size
      if (size > 0) contentFiles[files++] = i
      start += size
    }
  }
  if (start !== contentBytes) throw malformed('the sizes of its files do not sum to its content')
  for (const section of [modeBytes, sizeBytes, secondBytes, nanoBytes]) section.end()
  return files
}

function readLinks(columns: CatalogColumns, links: SectionReader): void {
  const { kinds, targets, targetEnds, linkSources, count } = columns
  let end = 0
  for (let i = 0; i < count; i += 1) {
    if (kinds[i] === KIND.SYMLINK) {
      const target = links.take(links.varint(MAX_PATH_BYTES))
      if (target.length === 0) throw malformed('a symbolic link points to nothing')
      if (target.includes(0)) throw malformed('the target of a symbolic link holds a NUL')
      targets.set(target, end)
      end += target.length
    } else if (kinds[i] === KIND.HARD_LINK) {
      const source = links.varint(count)
      if (source >= i || kinds[source] !== KIND.FILE) {
        throw malformed('a hard link does not name a file before it')
      }
      linkSources[i] = source
    }
    targetEnds[i] = end
  }
  links.end()
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

/** Reads one section, and never past its end. */
class SectionReader {
  readonly #bytes: Buffer
  #offset = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get length(): number {
    return this.#bytes.length
  }

  copy(): SectionReader {
    return new SectionReader(this.#bytes)
  }

  rest(): Buffer {
    return this.#bytes
  }

  text(): string {
    return this.#bytes.toString('latin1')
  }

  take(count: number): Buffer {
    const start = this.#advance(count)
    return this.#bytes.subarray(start, start + count)
  }

  /** Where the next `count` bytes start. */
  #advance(count: number): number {
    const start = this.#offset
    if (count > this.#bytes.length - start) throw malformed('a section ends too early')
    this.#offset = start + count
    return start
  }

  u16(max: number): number {
    return bounded(this.#bytes.readUInt16LE(this.#advance(2)), max)
  }

  u32(max: number): number {
    return bounded(this.#bytes.readUInt32LE(this.#advance(4)), max)
  }

  varint(max: number = Number.MAX_SAFE_INTEGER): number {
    const bytes = this.#bytes
    let value = 0
    let scale = 1
    for (let i = this.#offset; i < bytes.length && i - this.#offset < 8; i += 1) {
      const byte = bytes[i]!
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (byte === 0 && scale > 1) throw malformed('a number is not in its shortest form')
        this.#offset = i + 1
        return bounded(value, max)
      }
      scale *= 0x80
    }
    throw malformed('a number does not end')
  }

  zigzag(): number {
    const value = this.varint()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  end(): void {
    if (this.#offset !== this.#bytes.length) throw malformed('a section has bytes left over')
  }
}

function bounded(value: number, max: number): number {
  if (value > max) throw malformed(`a number is ${value}, but at most ${max} is possible`)
  return value
}

function malformed(why: string): SwarmCacheError {
  return new SwarmCacheError('ERR_INTEGRITY', `The catalog is malformed: ${why}.`, {
    facts: { malformed: true },
  })
}

/** What another machine could hold. */
function impossibleHere(why: string): SwarmCacheError {
  return new SwarmCacheError('ERR_PATH', `The cache entry cannot be restored here: ${why}.`)
}
