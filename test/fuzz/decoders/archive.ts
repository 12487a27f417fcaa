import fc from 'fast-check'
import { KIND } from '../../../src/archive/catalog.ts'
import type { CatalogColumns, CatalogRow } from '../../../src/archive/catalog.ts'
import { decodeCatalog } from '../../../src/archive/catalog-decode.ts'
import { encodeCatalog } from '../../../src/archive/catalog-encode.ts'
import { TarHeaders } from '../../../src/archive/tar-headers.ts'
import type { TarEntry } from '../../../src/archive/tar-headers.ts'
import { SeededRandom } from '../../support/seeded-random.ts'
import { catalogRows } from '../../support/catalog-rows.ts'
import { sumHeader, tarOf } from '../../support/tar-bytes.ts'
import type { TarItem } from '../../support/tar-bytes.ts'
import { Finding } from '../decoder.ts'
import type { Decoder } from '../decoder.ts'

/** Platform, number of patterns, and bytes of content, before the catalog. */
const PREFIX_BYTES = 8
const PLATFORMS = ['linux', 'darwin', 'win32'] as const

interface Described {
  readonly input: Uint8Array
  readonly columns: CatalogColumns
}

/** A tree of every kind of path; the same for the same seed. */
function treeOf(seed: number): CatalogRow[] {
  const random = new SeededRandom(seed)
  const rows: CatalogRow[] = []
  const files: CatalogRow[] = []
  const add = (kind: CatalogRow['kind'], depth: number, name: string, pattern = 0): void => {
    const row: CatalogRow = {
      kind,
      depth,
      pattern,
      name,
      mode: random.below(0o1000),
      seconds: random.below(2 ** 31) - 1000,
      nanos: random.below(1_000_000_000),
      bytes: kind === KIND.FILE ? random.below(300) : 0,
      target: kind === KIND.SYMLINK ? `to-${random.below(99)}` : '',
      ...(kind === KIND.HARD_LINK ? { source: random.pick(files) } : {}),
    }
    rows.push(row)
    if (kind === KIND.FILE) files.push(row)
  }
  const fill = (depth: number): void => {
    const count = random.below(5)
    for (let i = 0; i < count; i += 1) {
      const name = `${i}${String.fromCharCode(0x61 + random.below(26))}\u00e9`
      const kind = random.pick([KIND.FILE, KIND.SYMLINK, KIND.HARD_LINK, KIND.FOLDER, KIND.FILE])
      if (kind === KIND.HARD_LINK && files.length === 0) continue
      add(kind, depth, name)
      if (kind === KIND.FOLDER && depth < 5) fill(depth + 1)
    }
  }
  add(KIND.FOLDER, 0, '')
  fill(1)
  if (random.below(2) === 0) add(KIND.FILE, 0, '', 1)
  return rows
}

function encodeInput(rows: readonly CatalogRow[], platform: number): Uint8Array {
  const content = rows.reduce((sum, row) => sum + (row.kind === KIND.FILE ? row.bytes : 0), 0)
  const prefix = Buffer.alloc(PREFIX_BYTES)
  prefix[0] = platform
  prefix[1] = 3
  prefix.writeUIntBE(content, 2, 6)
  return Buffer.concat([prefix, encodeCatalog(rows)])
}

function assertSafe({ columns, input }: Described): void {
  const { count, kinds, parents } = columns
  for (let i = 0; i < count; i += 1) {
    const parent = parents[i]!
    if (parent < 0) continue
    if (parent >= i || (kinds[parent] !== KIND.FOLDER && kinds[parent] !== KIND.ANCESTOR)) {
      throw new Finding('something lies in what is no folder before it')
    }
  }
  for (const { name, depth } of catalogRows(columns)) {
    if (depth > 0 && (/[/\0]/.test(name) || ['', '.', '..'].includes(name))) {
      throw new Finding(`a path has the part ${JSON.stringify(name)}`)
    }
  }
  if (input.length < PREFIX_BYTES) throw new Finding('a catalog of nothing was accepted')
}

const TAR_ITEMS: readonly TarItem[] = [
  { name: 'a/', type: '5' },
  {
    name: 'a/b',
    content: 'content',
    pax: { size: '7', mtime: '1.5', 'SCHILY.xattr.user.a': 'b\nc' },
  },
  { name: '../c', pax: { path: 'long/'.repeat(60) } },
  { name: '/d', type: '1', target: 'a/b' },
  { name: 'e', type: '2', target: '/nowhere', pax: { linkpath: 'f' } },
]

export const ARCHIVE: readonly Decoder[] = [
  {
    name: 'catalog',
    valid: fc.nat(10_000).map((seed) => encodeInput(treeOf(seed), seed % 3)),
    refuses: ['ERR_INTEGRITY', 'ERR_PATH'],
    isCanonical: true,
    decode(input: Uint8Array) {
      const bytes = Buffer.concat([input, Buffer.alloc(Math.max(0, PREFIX_BYTES - input.length))])
      const columns = decodeCatalog(input.subarray(PREFIX_BYTES), {
        contentBytes: bytes.readUIntBE(2, 6),
        patterns: bytes[1]! % 8,
        platform: PLATFORMS[bytes[0]! % 3],
      })
      assertSafe({ input, columns })
      return { prefix: Buffer.from(input.subarray(0, PREFIX_BYTES)).toString('hex'), columns }
    },
    encode({ prefix, columns }: { prefix: string; columns: CatalogColumns }) {
      return Buffer.concat([Buffer.from(prefix, 'hex'), encodeCatalog(catalogRows(columns))])
    },
    // Columns take 48 bytes a row, and each row has a byte at least.
    allocates: (input: Uint8Array) => 256 * 1024 + 96 * input.length,
  },
  {
    name: 'tar-headers',
    valid: fc.array(fc.constantFrom(...TAR_ITEMS), { maxLength: 4 }).map(tarOf),
    refuses: ['ERR_INTEGRITY'],
    decode(input: Uint8Array) {
      const entries: TarEntry[] = []
      const headers = new TarHeaders((entry) => entries.push(entry))
      const bytes = Buffer.from(input)
      // However the bytes are cut they are read alike.
      headers.put(bytes.subarray(0, bytes.length >> 1))
      headers.put(bytes.subarray(bytes.length >> 1))
      headers.end()
      for (const { path, target } of entries) {
        if (path.includes('\0') || target.includes('\0')) throw new Finding('a name has a zero')
      }
      return entries
    },
    repair(input: Uint8Array) {
      const bytes = Buffer.from(input)
      for (let at = 0; at + 512 <= bytes.length; at += 512) {
        const block = bytes.subarray(at, at + 512)
        if (block.toString('latin1', 257, 262) === 'ustar') sumHeader(block)
      }
      return bytes
    },
    allocates: (input: Uint8Array) => 256 * 1024 + 4 * input.length,
  },
]
