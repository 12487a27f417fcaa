// Compiles the library and the CLI into dist/lib, leaving nothing there from earlier builds.
import { execFileSync } from 'node:child_process'
import { chmod, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { bundleClientWorker } from './bundle.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const LIBRARY = join(ROOT, 'dist/lib')
const fresh = `${LIBRARY}-${process.pid}`
const old = `${fresh}-old`

try {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  execFileSync(process.execPath, [tsc, '-p', 'src', '--outDir', fresh], {
    cwd: ROOT,
    stdio: 'inherit',
  })
  await bundleClientWorker(join(fresh, 'store'))
  await chmod(join(fresh, 'cli/swarmcache.js'), 0o755)
  // npx builds once more before its first run, and a node that runs from here loads files as it needs them.
  await rename(LIBRARY, old).catch(() => {})
  await rename(fresh, LIBRARY).catch((error: NodeJS.ErrnoException) => {
    // Another build of the same source was faster.
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
  })
} catch (error) {
  // The compiler has said what is wrong.
  if ((error as { status?: number }).status === undefined) console.error(error)
  process.exitCode = 1
} finally {
  await Promise.all([fresh, old].map((path) => rm(path, { recursive: true, force: true })))
}
