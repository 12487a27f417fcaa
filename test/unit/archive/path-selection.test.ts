import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { KIND } from '../../../src/archive/catalog.ts'
import { PathSelection } from '../../../src/archive/path-selection.ts'
import { scanTree } from '../../../src/archive/tree-scan.ts'
import type { ScannedRow } from '../../../src/archive/tree-scan.ts'
import { temporaryFolder } from '../../support/file-tree.ts'
import { SeededRandom } from '../../support/seeded-random.ts'

const FILES = [
  'a.txt',
  'b.log',
  '.hidden',
  'node_modules/x/index.js',
  'node_modules/x/.bin/run',
  'node_modules/.cache/one/two.log',
  'packages/p1/node_modules/y/y.js',
  'packages/p1/src/a.txt',
  'packages/p2/node_modules/z/z.js',
  'packages/p2/dist/[x].js',
  'packages/p2/dist/b-c.js',
  'target/release/app',
  'target/debug/app',
]

// Components of random patterns: wildcards, sets, escapes, names that exist and names that do not.
const PARTS =
  '* ** ?.txt a.* [a-c].* [!a]* [^b].log p? *.js .c* b*c.js node_modules x target packages app dist p1 src a.txt [[]x].js \\[x\\].js b[-]c.js []x [x *[0-9] ***'.split(
    ' ',
  )

function makeTree(t: TestContext): string {
  const folder = temporaryFolder(t)
  for (const file of FILES) {
    mkdirSync(join(folder, file, '..'), { recursive: true })
    writeFileSync(join(folder, file), file)
  }
  return folder
}

async function select(paths: readonly string[], folder: string): Promise<ScannedRow[]> {
  const rows: ScannedRow[] = []
  await scanTree(PathSelection.of(paths, folder), {
    onRow: (row) => rows.push(row),
    onWarning: (text) => assert.fail(text),
  })
  return rows
}

/** Paths of what is selected, without the folders on the way to it. */
async function selected(paths: readonly string[], folder: string): Promise<string[]> {
  const rows = await select(paths, folder)
  return rows
    .filter(({ kind }) => kind !== KIND.ANCESTOR)
    .map(({ path }) => path.slice(folder.length + 1))
    .sort()
}

async function files(paths: readonly string[], folder: string): Promise<string[]> {
  return (await selected(paths, folder)).filter((path) => FILES.includes(path))
}

test('a folder is taken with everything in it', async (t) => {
  assert.deepEqual(await selected(['node_modules'], makeTree(t)), [
    'node_modules',
    'node_modules/.cache',
    'node_modules/.cache/one',
    'node_modules/.cache/one/two.log',
    'node_modules/x',
    'node_modules/x/.bin',
    'node_modules/x/.bin/run',
    'node_modules/x/index.js',
  ])
})

test('an exclusion takes effect below a matched folder, and on all below what it matches', async (t) => {
  const folder = makeTree(t)
  assert.deepEqual(await files(['node_modules', '!node_modules/.cache'], folder), [
    'node_modules/x/.bin/run',
    'node_modules/x/index.js',
  ])
  assert.deepEqual(await files(['.', '!**/*.log', '!**/node_modules', '!packages/'], folder), [
    '.hidden',
    'a.txt',
    'target/debug/app',
    'target/release/app',
  ])
})

test('patterns apply in order: what is excluded can be included again', async (t) => {
  const folder = makeTree(t)
  const rows = await select(['target', '!target/debug', 'target/debug/app'], folder)
  assert.deepEqual(
    rows.map(({ kind, pattern, path }) => [kind, pattern, path.slice(folder.length + 1)]),
    [
      [KIND.FOLDER, 0, 'target'],
      [KIND.ANCESTOR, 0, 'target/debug'],
      [KIND.FILE, 0, 'target/debug/app'],
      [KIND.FOLDER, 0, 'target/release'],
      [KIND.FILE, 0, 'target/release/app'],
    ],
  )
})

test('comments and empty lines mean nothing, and one value may hold several lines', async (t) => {
  const folder = makeTree(t)
  assert.deepEqual(await files(['# a comment\n\n  a.txt  \n!b.log', ''], folder), ['a.txt'])
})

test('rows come parents first, siblings in byte order, with paths relative to the literal root', async (t) => {
  const folder = makeTree(t)
  const rows = await select(['packages/*/node_modules'], folder)
  assert.deepEqual(
    rows.map(({ kind, depth, name }) => [kind, depth, name]),
    [
      [KIND.ANCESTOR, 0, ''],
      [KIND.ANCESTOR, 1, 'p1'],
      [KIND.FOLDER, 2, 'node_modules'],
      [KIND.FOLDER, 3, 'y'],
      [KIND.FILE, 4, 'y.js'],
      [KIND.ANCESTOR, 1, 'p2'],
      [KIND.FOLDER, 2, 'node_modules'],
      [KIND.FOLDER, 3, 'z'],
      [KIND.FILE, 4, 'z.js'],
    ],
  )
})

test('a path that several patterns match is taken once', async (t) => {
  const folder = makeTree(t)
  const paths = ['packages/p1', 'packages/*', 'packages/p1/src', '**/src']
  const found = (await files(paths, folder)).toSorted()
  assert.deepEqual(found, FILES.filter((file) => file.startsWith('packages/')).toSorted())
})

test('a file, a dangling link or a link to a folder can itself be the declared path', async (t) => {
  const folder = makeTree(t)
  symlinkSync('/nowhere', join(folder, 'dangling'))
  symlinkSync('node_modules', join(folder, 'modules'))
  assert.deepEqual(await selected(['a.txt', 'dangling', 'modules'], folder), [
    'a.txt',
    'dangling',
    'modules',
  ])
})

test('a slash at the end leaves plain files out', async (t) => {
  const folder = makeTree(t)
  assert.deepEqual(await selected(['*/', 'a.txt/'], folder), await selected(['[npt]*'], folder))
})

test('links are not followed in a search, except before the first wildcard', async (t) => {
  const folder = makeTree(t)
  symlinkSync('node_modules', join(folder, 'modules'))
  const rows = await select(['modules/*/index.js'], folder)
  assert.deepEqual(
    rows.map(({ name }) => name),
    ['', 'x', 'index.js'],
  )
  assert.deepEqual(await selected(['**/x/index.js'], folder), ['node_modules/x/index.js'])
})

test('a path that does not exist selects nothing, also below a file', async (t) => {
  const folder = makeTree(t)
  assert.deepEqual(await selected(['missing', 'a.txt/below', 'missing/*'], folder), [])
})

test('~ is the home, relative paths start at the working folder, absolute ones at the root', () => {
  const { patterns } = PathSelection.of(['~/.npm', '~', 'a/b/*', '/x/y?/z', './c'], '/work space')
  const home = homedir()
  assert.deepEqual(
    patterns.map(({ root }) => root),
    [`${home}/.npm`, home, '/work space/a/b', '/x', '/work space/c'],
  )
})

test('wildcards in the working folder mean themselves', async (t) => {
  const folder = join(temporaryFolder(t), '[a]*')
  mkdirSync(folder)
  writeFileSync(join(folder, 'f'), '')
  assert.deepEqual(await selected(['*'], folder), ['f'])
})

for (const [what, paths] of [
  ['".."', ['a/../b']],
  ['a lone "!"', ['a', '!']],
  ['nothing', []],
  ['only comments', ['# x']],
  ['only exclusions', ['!a']],
] as const) {
  test(`${what} is wrong input`, () => {
    assert.throws(() => PathSelection.of(paths, '/w'), { code: 'ERR_INPUT' })
  })
}

/** What @actions/glob finds for each text of patterns, or null if it gives up; in a process of its own, since it logs to stdout. */
async function globAll(folder: string, texts: readonly string[]): Promise<(string[] | null)[]> {
  const input = join(folder, 'patterns.json')
  const output = join(folder, 'found.json')
  writeFileSync(input, JSON.stringify(texts))
  const script = `
    import { readFileSync, writeFileSync } from 'node:fs'
    import { create } from '@actions/glob'
    const found = []
    for (const text of JSON.parse(readFileSync(${JSON.stringify(input)}, 'utf8'))) {
      const globber = await create(text, { followSymbolicLinks: false })
      // It gives up on patterns that lead through a plain file.
      found.push(await globber.glob().catch(() => null))
    }
    writeFileSync(${JSON.stringify(output)}, JSON.stringify(found))`
  await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: import.meta.dirname,
    maxBuffer: 64 * 1024 * 1024,
  })
  return JSON.parse(readFileSync(output, 'utf8')) as (string[] | null)[]
}

test('random patterns select what @actions/glob selects', async (t) => {
  const folder = makeTree(t)
  const random = new SeededRandom()
  const texts = Array.from({ length: 500 }, () => {
    const lines = Array.from({ length: 1 + random.below(3) }, (_, i) => {
      const path = Array.from({ length: 1 + random.below(4) }, () => random.pick(PARTS)).join('/')
      const negate = i > 0 && random.below(2) === 0 ? '!' : ''
      return `${negate}${folder}/${path}${random.below(6) === 0 ? '/' : ''}`
    })
    return lines.join('\n')
  })
  const expected = await globAll(temporaryFolder(t), texts)
  for (const [i, text] of texts.entries()) {
    const paths = expected[i] ?? null
    if (paths === null) continue
    const names = paths.map((path) => path.slice(folder.length + 1))
    const what = `seed ${random.seed}: ${text.replaceAll(`${folder}/`, '')}`
    assert.deepEqual(await selected([text], folder), [...new Set(names)].sort(), what)
  }
})
