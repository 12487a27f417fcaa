import { SwarmCacheError } from '../core/errors.ts'
import { CATALOG_HEADER_BYTES, CATALOG_MAGIC, KIND, MAX_CATALOG_BYTES, hasTime } from './catalog.ts'
import type { CatalogRow } from './catalog.ts'

// Up to here a loop costs less than a call of the buffer's own method.
const LONG_NAME_BYTES = 40

/**
 * Bytes of a catalog.
 *
 * Layout, little endian: u32 magic, u32 count of rows, u32 length of each section, then the sections.
 * Each holds one property of all rows that have it, so that what rarely changes (names, modes, sizes)
 * stays byte for byte the same when times change, and deduplicates:
 *
 *  0 kinds         one byte a row
 *  1 depths        varint a row
 *  2 roots         varint a root: the index of its pattern
 *  3 name lengths  varint a row that is no root
 *  4 names         bytes
 *  5 modes         u16 a file or folder
 *  6 sizes         varint a file
 *  7 seconds       zigzag varint a file, folder or symbolic link: difference to the one before
 *  8 nanoseconds   u32 a file, folder or symbolic link
 *  9 links         symbolic link: varint length and bytes; hard link: varint index of the file's row
 */
export function encodeCatalog(rows: readonly CatalogRow[]): Uint8Array {
  const writer = new CatalogWriter()
  const indices = new Map<CatalogRow, number>()
  for (const [index, row] of rows.entries()) {
    if (row.kind === KIND.FILE) indices.set(row, index)
    writer.add(row, row.source && indices.get(row.source))
  }
  return writer.finish()
}

/** Writes a catalog as its rows are found, so that none of them need be kept. */
export class CatalogWriter {
  readonly #kinds = new ByteWriter()
  readonly #depths = new ByteWriter()
  readonly #roots = new ByteWriter()
  readonly #lengths = new ByteWriter()
  readonly #names = new ByteWriter()
  readonly #modes = new ByteWriter()
  readonly #sizes = new ByteWriter()
  readonly #seconds = new ByteWriter()
  readonly #nanos = new ByteWriter()
  readonly #links = new ByteWriter()
  #previousSeconds = 0
  /** Rows so far, and how many of them are files or links. */
  count = 0
  files = 0

  /** Returns the index of the row; a hard link needs that of its source. */
  add(row: CatalogRow, source?: number): number {
    const { kind, depth } = row
    this.#kinds.byte(kind)
    this.#depths.varint(depth)
    if (depth === 0) {
      this.#roots.varint(row.pattern)
    } else {
      this.#lengths.varint(row.name.length)
      this.#names.bytes(row.name)
    }
    if (hasTime(kind)) {
      this.#seconds.zigzag(row.seconds - this.#previousSeconds)
      this.#previousSeconds = row.seconds
      this.#nanos.u32(row.nanos)
    }
    if (kind === KIND.FILE || kind === KIND.FOLDER) this.#modes.u16(row.mode)
    if (kind === KIND.FILE) {
      this.#sizes.varint(row.bytes)
    } else if (kind === KIND.SYMLINK) {
      this.#links.varint(row.target.length)
      this.#links.bytes(row.target)
    } else if (kind === KIND.HARD_LINK) {
      this.#links.varint(source!)
    }
    if (kind >= KIND.FILE) this.files += 1
    this.count += 1
    return this.count - 1
  }

  /** @throws ERR_LIMIT if there are more rows than an entry can list. */
  finish(): Uint8Array {
    return assemble(this.count, [
      this.#kinds,
      this.#depths,
      this.#roots,
      this.#lengths,
      this.#names,
      this.#modes,
      this.#sizes,
      this.#seconds,
      this.#nanos,
      this.#links,
    ])
  }
}

function assemble(count: number, sections: readonly ByteWriter[]): Uint8Array {
  const total = sections.reduce((sum, section) => sum + section.length, CATALOG_HEADER_BYTES)
  if (total > MAX_CATALOG_BYTES) {
    throw new SwarmCacheError(
      'ERR_LIMIT',
      `The declared paths hold ${count} files and folders, more than a cache entry can list. Cache them in several entries.`,
      { facts: { count } },
    )
  }
  const bytes = Buffer.allocUnsafe(total)
  bytes.writeUInt32LE(CATALOG_MAGIC, 0)
  bytes.writeUInt32LE(count, 4)
  let offset = CATALOG_HEADER_BYTES
  for (const [i, section] of sections.entries()) {
    bytes.writeUInt32LE(section.length, 8 + i * 4)
    bytes.set(section.written(), offset)
    offset += section.length
  }
  return bytes
}

/** Bytes that grow as they are written. */
class ByteWriter {
  #buffer = Buffer.allocUnsafe(1024)
  length = 0

  byte(value: number): void {
    this.#reserve(1)
    this.#buffer[this.length++] = value
  }

  u16(value: number): void {
    this.#reserve(2)
    this.length = this.#buffer.writeUInt16LE(value, this.length)
  }

  u32(value: number): void {
    this.#reserve(4)
    this.length = this.#buffer.writeUInt32LE(value, this.length)
  }

  /** Seven bits a byte, the lowest first; arithmetic instead of shifts above 31 bits. */
  varint(value: number): void {
    this.#reserve(8)
    let rest = value
    while (rest >= 0x80) {
      this.#buffer[this.length++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#buffer[this.length++] = rest
  }

  zigzag(value: number): void {
    this.varint(value < 0 ? -value * 2 - 1 : value * 2)
  }

  bytes(latin1: string): void {
    const count = latin1.length
    this.#reserve(count)
    if (count > LONG_NAME_BYTES) {
      this.length += this.#buffer.write(latin1, this.length, 'latin1')
      return
    }
    for (let i = 0; i < count; i += 1) this.#buffer[this.length++] = latin1.charCodeAt(i)
  }

  written(): Uint8Array {
    return this.#buffer.subarray(0, this.length)
  }

  #reserve(count: number): void {
    if (this.length + count <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.length + count))
    this.#buffer.copy(larger, 0, 0, this.length)
    this.#buffer = larger
  }
}
