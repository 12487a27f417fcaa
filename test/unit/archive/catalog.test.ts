import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { KIND } from '../../../src/archive/catalog.ts'
import type { CatalogColumns, CatalogRow } from '../../../src/archive/catalog.ts'
import { decodeCatalog } from '../../../src/archive/catalog-decode.ts'
import { encodeCatalog } from '../../../src/archive/catalog-encode.ts'
import { amendCatalog } from '../../../src/archive/catalog-rows.ts'
import { isSwarmCacheError } from '../../../src/core/errors.ts'
import { catalogRows } from '../../support/catalog-rows.ts'

const PLAIN = { pattern: 0, mode: 0o644, seconds: 5, nanos: 7, bytes: 0, target: '' }

function row(kind: CatalogRow['kind'], depth: number, name: string, more = {}): CatalogRow {
  return { ...PLAIN, kind, depth, name, ...more }
}

const ROOT = row(KIND.FOLDER, 0, '')
const FILE = row(KIND.FILE, 1, 'f', { bytes: 3 })

function decode(rows: readonly CatalogRow[], contentBytes = 0, patterns = 1): CatalogColumns {
  return decodeCatalog(encodeCatalog(rows), { contentBytes, patterns, platform: 'linux' })
}

const NAME = fc
  .uint8Array({ minLength: 1, maxLength: 12 })
  .map((bytes) => Buffer.from(bytes).toString('latin1').replaceAll(/[/\0]/g, '_'))
  .filter((name) => name !== '.' && name !== '..')

interface Node {
  readonly kind: CatalogRow['kind']
  readonly children: readonly Node[]
  readonly name: string
  readonly values: Omit<CatalogRow, 'kind' | 'depth' | 'pattern' | 'name'>
}

const VALUES = fc.record({
  mode: fc.integer({ min: 0, max: 0o777 }),
  seconds: fc.integer({ min: -5_000_000_000, max: 20_000_000_000 }),
  nanos: fc.integer({ min: 0, max: 999_999_999 }),
  bytes: fc.oneof(fc.nat(300), fc.nat(2 ** 40)),
  target: fc
    .uint8Array({ minLength: 1, maxLength: 9 })
    .map((b) => `t${Buffer.from(b).toString('hex')}`),
})

function nodeArbitrary(levels: number): fc.Arbitrary<Node> {
  return fc.record({
    kind: fc.constantFrom(...Object.values(KIND)),
    children:
      levels === 0 ? fc.constant([]) : fc.array(nodeArbitrary(levels - 1), { maxLength: 4 }),
    name: NAME,
    values: VALUES,
  })
}

/** The rows of a tree as a scan gives them: ordered, and each kind with the properties it has. */
function flatten(roots: readonly Node[]): CatalogRow[] {
  const rows: CatalogRow[] = []
  const add = (node: Node, depth: number, pattern: number): void => {
    const files = rows.filter(({ kind }) => kind === KIND.FILE)
    let { kind } = node
    if (kind === KIND.HARD_LINK && files.length === 0) kind = KIND.FILE
    if (kind === KIND.ANCESTOR && node.children.length === 0) kind = KIND.FOLDER
    const timed = kind === KIND.FILE || kind === KIND.FOLDER || kind === KIND.SYMLINK
    const { mode, seconds, nanos, bytes, target } = node.values
    rows.push({
      kind,
      depth,
      pattern,
      name: depth === 0 ? '' : node.name,
      mode: kind === KIND.FILE || kind === KIND.FOLDER ? mode : 0,
      seconds: timed ? seconds : 0,
      nanos: timed ? nanos : 0,
      bytes: kind === KIND.FILE ? bytes : 0,
      target: kind === KIND.SYMLINK ? target : '',
      ...(kind === KIND.HARD_LINK ? { source: files[bytes % files.length]! } : {}),
    })
    if (kind !== KIND.FOLDER && kind !== KIND.ANCESTOR) return
    const children = new Map(node.children.map((child) => [child.name, child]))
    for (const name of [...children.keys()].sort()) add(children.get(name)!, depth + 1, 0)
  }
  for (const [pattern, root] of roots.entries()) add(root, 0, pattern)
  return rows
}

test('a catalog says after decoding what was encoded, whatever the tree', () => {
  fc.assert(
    fc.property(fc.array(nodeArbitrary(4), { maxLength: 3 }), (roots) => {
      const rows = flatten(roots)
      let contentBytes = 0
      for (const { bytes } of rows) contentBytes += bytes
      assert.deepEqual(catalogRows(decode(rows, contentBytes, roots.length)), rows)
    }),
    { numRuns: 300 },
  )
})

test('content starts where the content of the files before it ends', () => {
  const columns = decode(
    [ROOT, FILE, row(KIND.FILE, 1, 'g'), row(KIND.FILE, 1, 'h', { bytes: 4 })],
    7,
  )
  assert.deepEqual([...columns.starts], [0, 0, 3, 3])
  assert.deepEqual([...columns.contentFiles], [1, 3])
})

const SYMLINK = row(KIND.SYMLINK, 1, 's', { target: 'x' })

const HOSTILE: Record<string, { rows: CatalogRow[]; contentBytes?: number; patterns?: number }> = {
  'a name ".."': { rows: [ROOT, row(KIND.FILE, 1, '..')] },
  'a name "."': { rows: [ROOT, row(KIND.FILE, 1, '.')] },
  'an empty name': { rows: [ROOT, row(KIND.FILE, 1, '')] },
  'a name with a slash': { rows: [ROOT, row(KIND.FILE, 1, 'a/../../b')] },
  'an absolute name': { rows: [ROOT, row(KIND.FILE, 1, '/etc/passwd')] },
  'a name with a NUL': { rows: [ROOT, row(KIND.FILE, 1, 'a\0b')] },
  'the same name twice': { rows: [ROOT, row(KIND.FILE, 1, 'a'), row(KIND.FOLDER, 1, 'a')] },
  'names out of order': { rows: [ROOT, row(KIND.FILE, 1, 'b'), row(KIND.FILE, 1, 'a')] },
  'a row below a file': { rows: [ROOT, row(KIND.FILE, 1, 'a'), row(KIND.FILE, 2, 'b')] },
  'a row below a symbolic link': { rows: [ROOT, SYMLINK, row(KIND.FILE, 2, 'b')] },
  'a row below a hard link': {
    rows: [ROOT, FILE, row(KIND.HARD_LINK, 1, 'g', { source: FILE }), row(KIND.FILE, 2, 'b')],
    contentBytes: 3,
  },
  'a row two levels below another': { rows: [ROOT, row(KIND.FILE, 2, 'b')] },
  'a start that is no root': { rows: [row(KIND.FILE, 1, 'b')] },
  'an unknown pattern': { rows: [row(KIND.FOLDER, 0, '', { pattern: 1 })] },
  'one pattern twice': { rows: [ROOT, ROOT], patterns: 2 },
  'a folder on the way to nothing': { rows: [ROOT, row(KIND.ANCESTOR, 1, 'a')] },
  'another folder on the way to nothing': { rows: [ROOT, row(KIND.ANCESTOR, 1, 'a'), SYMLINK] },
  'a setuid bit': { rows: [row(KIND.FILE, 0, '', { mode: 0o4755 })] },
  'too many nanoseconds': { rows: [row(KIND.FILE, 0, '', { nanos: 1_000_000_000 })] },
  'a time beyond all dates': { rows: [row(KIND.FILE, 0, '', { seconds: 9e12 })] },
  'a link to nothing': { rows: [row(KIND.SYMLINK, 0, '')] },
  'a link target with a NUL': { rows: [row(KIND.SYMLINK, 0, '', { target: 'a\0' })] },
  'a link target without end': { rows: [row(KIND.SYMLINK, 0, '', { target: 'a'.repeat(5000) })] },
  'more bytes than there is content': { rows: [ROOT, FILE], contentBytes: 2 },
  'fewer bytes than there is content': { rows: [ROOT, FILE], contentBytes: 4 },
  'folders nested without end': {
    rows: [ROOT, ...Array.from({ length: 2100 }, (_, i) => row(KIND.FOLDER, i + 1, 'd'))],
  },
  'an unknown kind': { rows: [row(9 as CatalogRow['kind'], 0, '')] },
}

for (const [what, { rows, contentBytes, patterns }] of Object.entries(HOSTILE)) {
  test(`a catalog with ${what} is refused`, () => {
    assert.throws(() => decode(rows, contentBytes, patterns), { code: 'ERR_INTEGRITY' })
  })
}

for (const [what, source] of [
  ['to a folder', 0],
  ['to a symbolic link', 2],
  ['to itself', 3],
  ['to what comes later', 4],
] as const) {
  test(`a hard link ${what} is refused`, () => {
    const link = row(KIND.HARD_LINK, 1, 'u', { source: FILE })
    const rows = [ROOT, FILE, SYMLINK, link, row(KIND.FILE, 1, 'v')]
    const bytes = encodeCatalog(rows)
    // The index of the linked row is the last byte.
    assert.equal(bytes.at(-1), 1)
    bytes[bytes.length - 1] = source
    assert.throws(() => decodeCatalog(bytes, { contentBytes: 3, patterns: 1 }), {
      code: 'ERR_INTEGRITY',
    })
  })
}

test('names that differ in case only are refused where the file system cannot tell them apart', () => {
  const rows = [ROOT, row(KIND.FILE, 1, 'README'), row(KIND.FILE, 1, 'readme')]
  const bytes = encodeCatalog(rows)
  assert.equal(decode(rows).count, 3)
  for (const platform of ['darwin', 'win32'] as const) {
    assert.throws(() => decodeCatalog(bytes, { contentBytes: 0, patterns: 1, platform }), {
      code: 'ERR_PATH',
    })
  }
})

const SAMPLE = encodeCatalog([
  ROOT,
  FILE,
  row(KIND.HARD_LINK, 1, 'g', { source: FILE }),
  row(KIND.FOLDER, 1, 'h', { seconds: -1 }),
  row(KIND.SYMLINK, 2, 'l', { target: '../f' }),
])

function survives(bytes: Uint8Array): void {
  try {
    decodeCatalog(bytes, { contentBytes: 3, patterns: 1 })
  } catch (error) {
    assert.ok(isSwarmCacheError(error, 'ERR_INTEGRITY'), String(error))
  }
}

test('a count that the bytes do not account for is refused before anything is allocated', () => {
  const bytes = Uint8Array.from(SAMPLE)
  new DataView(bytes.buffer).setUint32(4, 0xffffffff, true)
  assert.throws(() => decodeCatalog(bytes, { contentBytes: 3, patterns: 1 }), {
    code: 'ERR_INTEGRITY',
  })
})

test('every truncation of a catalog is refused, and so are bytes after it', () => {
  for (let length = 0; length < SAMPLE.length; length += 1) {
    assert.throws(
      () => decodeCatalog(SAMPLE.subarray(0, length), { contentBytes: 3, patterns: 1 }),
      { code: 'ERR_INTEGRITY' },
    )
  }
  const longer = Buffer.concat([SAMPLE, Buffer.from([0])])
  assert.throws(() => decodeCatalog(longer, { contentBytes: 3, patterns: 1 }), {
    code: 'ERR_INTEGRITY',
  })
})

test('garbage and damaged catalogs are refused or read, and never crash', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), survives), { numRuns: 2000 })
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(SAMPLE.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      (edits) => {
        const bytes = Uint8Array.from(SAMPLE)
        for (const [at, value] of edits) bytes[at] = value
        survives(bytes)
      },
    ),
    { numRuns: 5000 },
  )
})

test('an amended catalog has the sizes as read, and what vanished goes with its links', () => {
  const file = row(KIND.FILE, 2, 'b', { bytes: 3 })
  const rows = [
    row(KIND.ANCESTOR, 0, '', { mode: 0, seconds: 0, nanos: 0 }),
    row(KIND.FOLDER, 1, 'a', { seconds: -9 }),
    file,
    row(KIND.HARD_LINK, 2, 'c', { mode: 0, seconds: 0, nanos: 0, source: file }),
    row(KIND.SYMLINK, 2, 'd', { mode: 0, target: 'b' }),
    row(KIND.FILE, 2, 'e', { bytes: 5 }),
    row(KIND.ANCESTOR, 1, 'f', { mode: 0, seconds: 0, nanos: 0 }),
    row(KIND.FILE, 2, 'g', { bytes: 7 }),
  ]
  const amended = amendCatalog(encodeCatalog(rows), 15, {
    growth: new Map([
      [2, 4],
      [5, -1],
      [7, -7],
    ]),
    vanished: new Set([7]),
  })
  assert.equal(amended.files, 4)
  const bounds = { contentBytes: 11, patterns: 1, platform: 'linux' } as const
  const grown = { ...file, bytes: 7 }
  assert.deepEqual(catalogRows(decodeCatalog(amended.catalog, bounds)), [
    ...rows.slice(0, 2),
    grown,
    { ...rows[3], source: grown },
    rows[4],
    { ...rows[5], bytes: 4 },
  ])
  const gone = amendCatalog(encodeCatalog(rows), 15, {
    growth: new Map([[2, -3]]),
    vanished: new Set([2]),
  })
  assert.equal(gone.files, 3)
})
