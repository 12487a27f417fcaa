import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { TarCheck } from '../../../src/archive/tar-check.ts'
import { temporaryFolder } from '../../support/file-tree.ts'
import { tarOf } from '../../support/tar-bytes.ts'
import type { TarItem } from '../../support/tar-bytes.ts'

/** Checks `bytes` piece by piece, as they would come. */
async function check(folder: string, bytes: Uint8Array, paths = ['deps']): Promise<void> {
  const archive = new TarCheck(paths, { workingDirectory: folder, folder })
  try {
    for (let at = 0; at < bytes.length; at += 700) await archive.write(bytes.subarray(at, at + 700))
    await archive.end()
  } finally {
    archive.close()
  }
}

/** What `tar` makes of a tree with long names, links and empty folders, as @actions/cache calls it. */
function realTar(t: TestContext, ...options: string[]): { folder: string; bytes: Buffer } {
  const folder = temporaryFolder(t)
  const deep = join(folder, 'deps', 'long '.repeat(30), 'deeper'.repeat(20))
  mkdirSync(deep, { recursive: true })
  mkdirSync(join(folder, 'deps', 'empty'))
  writeFileSync(join(deep, 'f\u00fcr-'.repeat(30)), 'content'.repeat(1000))
  writeFileSync(join(folder, 'deps', 'plain'), '')
  linkSync(join(folder, 'deps', 'plain'), join(folder, 'deps', 'same'))
  symlinkSync('/nowhere/'.repeat(20), join(folder, 'deps', 'link'))
  const args = ['-cf', '-', ...options, '-P', '-C', folder, 'deps']
  return { folder, bytes: execFileSync('tar', args) }
}

test('what tar makes in any of its formats passes, packed by zstd or gzip', async (t) => {
  for (const format of ['--posix', '--format=gnu']) {
    const { folder, bytes } = realTar(t, format)
    await check(folder, zstdCompressSync(bytes))
    await check(folder, gzipSync(bytes))
  }
})

test('absolute names and names above the folder pass where they are declared', async (t) => {
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'work'))
  const items: TarItem[] = [
    { name: '../home/.npm/', type: '5' },
    { name: '../home/.npm/a', content: 'a' },
    { name: `${folder}/other/b`, content: 'b' },
  ]
  const paths = [join(folder, 'home/.npm'), join(folder, 'other')]
  await check(join(folder, 'work'), gzipSync(tarOf(items)), paths)
})

const ESCAPES: Readonly<Record<string, readonly TarItem[]>> = {
  'a file beside the declared folder': [{ name: 'deps-2/a', content: 'a' }],
  'a file above the folder': [{ name: '../a', content: 'a' }],
  'a name that climbs out of the declared folder': [{ name: 'deps/../a', content: 'a' }],
  'an absolute name': [{ name: '/etc/cron.d/a', content: 'a' }],
  'a long name by a record': [{ name: 'deps/a', content: 'a', pax: { path: '/etc/passwd' } }],
  'a file through a link of the archive': [
    { name: 'deps/link', type: '2', target: '/etc' },
    { name: 'deps/link/passwd', content: 'a' },
  ],
  'a file through the declared folder as a link': [
    { name: 'deps', type: '2', target: '/etc' },
    { name: 'deps/passwd', content: 'a' },
  ],
  'a hard link to a file outside': [{ name: 'deps/a', type: '1', target: '/etc/passwd' }],
  'a hard link to a link': [
    { name: 'deps/link', type: '2', target: '/etc/passwd' },
    { name: 'deps/a', type: '1', target: 'deps/link' },
  ],
}

for (const [what, items] of Object.entries(ESCAPES)) {
  test(`${what} is refused`, async (t) => {
    await assert.rejects(check(temporaryFolder(t), gzipSync(tarOf(items))), { code: 'ERR_PATH' })
  })
}

test('a file through a link on the disk is refused', async (t) => {
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'deps'))
  symlinkSync('/tmp', join(folder, 'deps', 'link'))
  const bytes = gzipSync(tarOf([{ name: 'deps/link/a', content: 'a' }]))
  await assert.rejects(check(folder, bytes), { code: 'ERR_PATH' })
})

test('an archive that is cut, changed, of another kind or not understood is refused', async (t) => {
  const { folder, bytes } = realTar(t, '--posix')
  const packed = gzipSync(bytes)
  const changed = Buffer.from(bytes)
  changed[10]! ^= 1
  const device: TarItem = { name: 'deps/null', type: '3' }
  const sparse: TarItem = {
    name: 'deps/a',
    content: 'a',
    pax: { 'GNU.sparse.name': '/etc/passwd' },
  }
  const damaged = {
    empty: Buffer.alloc(0),
    cut: packed.subarray(0, packed.length - 50),
    'cut before it was packed': gzipSync(bytes.subarray(0, 3072)),
    changed: gzipSync(changed),
    plain: bytes,
    'with a device': gzipSync(tarOf([device])),
    'with a sparse file': gzipSync(tarOf([sparse])),
    'with more behind its end': gzipSync(Buffer.concat([bytes, tarOf([{ name: 'deps/a' }])])),
  }
  for (const [what, each] of Object.entries(damaged)) {
    await assert.rejects(check(folder, each), { code: 'ERR_INTEGRITY' }, what)
  }
})
