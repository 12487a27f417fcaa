import { createHash } from 'node:crypto'
import {
  chmodSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { noise } from './noise.ts'
import { SeededRandom } from './seeded-random.ts'

/** A folder that is gone after the test. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'swarmcache-tree-'))
  t.after(() => {
    openFolders(Buffer.from(folder))
    rmSync(folder, { recursive: true, force: true })
  })
  return folder
}

function openFolders(folder: Buffer): void {
  chmodSync(folder, 0o755)
  for (const name of readdirSync(folder, { encoding: 'buffer' })) {
    const path = under(folder, name)
    if (lstatSync(path).isDirectory()) openFolders(path)
  }
}

function under(folder: Buffer, name: Buffer): Buffer {
  return Buffer.concat([folder, Buffer.from('/'), name])
}

/**
 * One line for each path below `folder`: name (as latin1), kind, mode, time to the nanosecond, and content,
 * link target, or the first name of a hard-linked file.
 */
export function describeTree(folder: string): string[] {
  const lines: string[] = []
  const inodes = new Map<bigint, string>()
  const visit = (path: Buffer, name: string): void => {
    const stats = lstatSync(path, { bigint: true })
    const line = [JSON.stringify(name), stats.mtimeNs]
    if (stats.isSymbolicLink()) {
      lines.push([...line, '->', readlinkSync(path, 'latin1')].join(' '))
    } else if (stats.isDirectory()) {
      lines.push([...line, 'folder', (stats.mode & 0o7777n).toString(8)].join(' '))
      for (const child of readdirSync(path, { encoding: 'buffer' }).sort((a, b) => a.compare(b))) {
        visit(under(path, child), `${name}/${child.toString('latin1')}`)
      }
    } else {
      const first = inodes.get(stats.ino)
      inodes.set(stats.ino, first ?? name)
      const digest = createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 16)
      const rest = [(stats.mode & 0o7777n).toString(8), stats.size, digest, first ?? '']
      lines.push([...line, 'file', ...rest].join(' '))
    }
  }
  visit(Buffer.from(folder), '')
  return lines
}

/** Times that Node can set exactly, so that they can be compared to the nanosecond. */
export function settleTimes(folder: string, seed = 1): void {
  const random = new SeededRandom(seed)
  const visit = (path: Buffer): void => {
    const stats = lstatSync(path)
    if (stats.isDirectory()) {
      for (const name of readdirSync(path, { encoding: 'buffer' }).sort((a, b) => a.compare(b))) {
        visit(under(path, name))
      }
    }
    const time = 1_600_000_000 + random.below(10 ** 8) + random.below(2 ** 20) / 2 ** 20
    if (stats.isSymbolicLink()) lutimesSync(path, time, time)
    else utimesSync(path, time, time)
  }
  visit(Buffer.from(folder))
}

/** Makes every kind of path that a tree can hold, with names and content that go wrong easily, folders `depth` deep. */
export function makeAwkwardTree(folder: string, depth = 300): void {
  const random = new SeededRandom(7)
  const at = (...names: string[]): string => join(folder, ...names)
  const bytes = (count: number): Buffer => noise(count, `${random.next()}`.slice(0, 16))
  mkdirSync(at('empty folder'), { recursive: true })
  mkdirSync(at('deep/empty/of/empty'), { recursive: true })
  writeFileSync(at('empty file'), '')
  writeFileSync(at('name with\nnewline and "quotes" \\ back'), 'n')
  writeFileSync(at(' leading and trailing '), 's')
  writeFileSync(at('-rf'), 'dash')
  writeFileSync(at('ünï ☃ 🐝'), 'unicode')
  writeFileSync(at('[a]*?{b,c}!#'), 'glob characters')
  const raw = Buffer.concat([Buffer.from(at('raw-')), Buffer.from([0xff, 0xfe, 0x80, 0xc3])])
  mkdirSync(raw)
  const rawFile = Buffer.concat([raw, Buffer.from('/'), Buffer.from([0xe9, 0x0a, 0xa0])])
  writeFileSync(rawFile, 'not UTF-8')
  const rawTarget = Buffer.from([0xc0, 0x2f, 0xfe])
  symlinkSync(rawTarget, Buffer.concat([raw, Buffer.from('/link')]))
  writeFileSync(at('large'), bytes(3_000_000))
  writeFileSync(at('sparse-looking'), Buffer.alloc(2_000_000))
  writeFileSync(at('z-copy-of-large'), readFileSync(at('large')))
  mkdirSync(at('many'))
  for (let i = 0; i < 300; i += 1) writeFileSync(at('many', `file-${i}`), bytes(random.below(3000)))
  symlinkSync('large', at('link to file'))
  symlinkSync('many', at('link to folder'))
  symlinkSync('/nowhere/at all', at('dangling'))
  symlinkSync('link to itself', at('link to itself'))
  writeFileSync(at('hard-1'), 'shared content')
  linkSync(at('hard-1'), at('hard-2'))
  linkSync(at('hard-1'), at('many', 'hard-3'))
  writeFileSync(at('empty-hard-1'), '')
  linkSync(at('empty-hard-1'), at('empty-hard-2'))
  writeFileSync(at('read-only'), 'r', { mode: 0o444 })
  writeFileSync(at('script.sh'), 'x')
  chmodSync(at('script.sh'), 0o755)
  writeFileSync(at('secret'), 's')
  chmodSync(at('secret'), 0o600)
  writeFileSync(at('large secret'), bytes(700_000))
  chmodSync(at('large secret'), 0o600)
  writeFileSync(at('all may write'), 'w')
  chmodSync(at('all may write'), 0o666)
  mkdirSync(at('closed'))
  writeFileSync(at('closed', 'inside'), 'i')
  chmodSync(at('closed'), 0o555)
  mkdirSync(at('open'))
  chmodSync(at('open'), 0o777)
  let long = folder
  while (Buffer.byteLength(long) < 3550) long = join(long, 'd'.repeat(200))
  mkdirSync(long, { recursive: true })
  writeFileSync(join(long, 'e'.repeat(250)), 'at the end of a long path')
  mkdirSync(at(...Array.from({ length: depth }, () => 'n')), { recursive: true })
}
