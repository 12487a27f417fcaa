import assert from 'node:assert/strict'
import { lstatSync } from 'node:fs'
import { test } from 'node:test'
import { KIND } from '../../../src/archive/catalog.ts'
import { MAX_WHOLE_SEGMENT_BYTES, Segmenter } from '../../../src/archive/segment.ts'
import type { ScannedRow } from '../../../src/archive/tree-scan.ts'
import { SeededRandom } from '../../support/seeded-random.ts'

interface SmallFile {
  readonly name: string
  readonly bytes: number
}

const stats = lstatSync(import.meta.dirname, { bigint: true })
const random = new SeededRandom(5)
const FILES: readonly SmallFile[] = Array.from({ length: 2000 }, (_, i) => ({
  name: `file-${i}.js`,
  bytes: random.below(random.below(10) === 0 ? 100_000 : 8000),
}))

/** The names of the files in each segment. */
function divide(files: readonly SmallFile[]): string[] {
  const segments: string[] = []
  const segmenter = new Segmenter(({ pieces }) =>
    segments.push(pieces.map(({ row, offset }) => `${row.name}+${offset}`).join()),
  )
  for (const { name, bytes } of files) {
    const rest = { depth: 1, pattern: 0, mode: 0o644, seconds: 0, nanos: 0, target: '' }
    const where = { path: name, pathHash: 0, index: 0 }
    const row: ScannedRow = {
      kind: KIND.FILE,
      name,
      bytes,
      ...rest,
      ...where,
      stats,
      folder: stats,
    }
    segmenter.add(row)
  }
  segmenter.end()
  return segments
}

test('segments of small files are chunks of about the average size', () => {
  const sizes: number[] = []
  const bytesOf = new Map(FILES.map(({ name, bytes }) => [`${name}+0`, bytes]))
  for (const names of divide(FILES)) {
    let bytes = 0
    for (const name of names.split(',')) bytes += bytesOf.get(name)!
    sizes.push(bytes)
  }
  const total = sizes.reduce((sum, bytes) => sum + bytes)
  assert.ok(sizes.every((bytes) => bytes <= MAX_WHOLE_SEGMENT_BYTES))
  assert.ok(total / sizes.length > 80_000 && total / sizes.length < 180_000, `${sizes.length}`)
})

for (const [what, change] of [
  ['added', () => FILES.toSpliced(1000, 0, { name: 'another', bytes: 5000 })],
  ['removed', () => FILES.toSpliced(1000, 1)],
  ['of another size', () => FILES.with(1000, { name: FILES[1000]!.name, bytes: 12_345 })],
  ['large', () => FILES.with(1000, { name: FILES[1000]!.name, bytes: 50_000_000 })],
] as const) {
  test(`a file that is ${what} leaves nearly all segments as they are`, () => {
    const before = new Set(divide(FILES))
    const others = divide(change()).filter((segment) => !before.has(segment))
    assert.ok(others.length <= 8, `${others.length} of ${before.size} are others`)
  })
}

test('where the same files lie elsewhere, they are divided in the same way', () => {
  const here = divide(FILES)
  const there = divide([{ name: 'before', bytes: 70_000 }, ...FILES.slice(500)])
  const same = there.filter((segment) => here.includes(segment))
  assert.ok(same.length >= there.length - 8, `${same.length} of ${there.length}`)
})
