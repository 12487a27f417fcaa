// Compiles the library and the CLI into dist/lib, leaving nothing there from earlier builds.
import { execFileSync } from 'node:child_process'
import { chmod, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../..')

await rm(join(ROOT, 'dist/lib'), { recursive: true, force: true })
try {
  execFileSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'src'], {
    cwd: ROOT,
    stdio: 'inherit',
  })
} catch {
  process.exit(1)
}
await chmod(join(ROOT, 'dist/lib/cli/swarmcache.js'), 0o755)
