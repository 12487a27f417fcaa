// Runs the tests, and keeps what Node compiles: most of the time of a command in them would go into
// compiling the same modules again.
import { spawn } from 'node:child_process'
import { join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../..')

const tests = spawn(process.execPath, ['--test', ...process.argv.slice(2)], {
  cwd: ROOT,
  env: {
    NODE_COMPILE_CACHE: join(ROOT, 'node_modules/.cache/compiled-tests'),
    ...process.env,
  },
  stdio: 'inherit',
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => tests.kill(signal))
tests.once('close', (code) => (process.exitCode = code ?? 1))
