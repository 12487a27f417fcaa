// Packs the library as npm would and checks what a consumer would get.
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../..')

const folder = await mkdtemp(join(tmpdir(), 'swarmcache-package-'))
try {
  const packed = execFileSync('npm', ['pack', '--json', '--pack-destination', folder], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const tarball = join(folder, tarballName(packed))
  run('publint', '--strict', tarball)
  run('attw', '--profile', 'esm-only', tarball)
} catch {
  process.exitCode = 1
} finally {
  await rm(folder, { recursive: true, force: true })
}

// What `prepare` prints comes before the JSON.
function tarballName(output: string): string {
  const list = JSON.parse(output.slice(output.indexOf('[\n'))) as { filename: string }[]
  const [first] = list
  if (first === undefined) throw new Error('npm pack named no tarball.')
  return first.filename
}

function run(tool: string, ...values: string[]): void {
  execFileSync(join(ROOT, 'node_modules/.bin', tool), values, { cwd: ROOT, stdio: 'inherit' })
}
