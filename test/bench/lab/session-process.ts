/**
 * A job that has begun already: opens the cache as a program does and restores what it is told on stdin.
 *
 * Lines in: `{"key", "path"}`. Lines out: `{}` once it is open, then `{"result", "milliseconds"}` for each.
 */
import { createInterface } from 'node:readline'
import type * as sdk from '../../../src/index.ts'

const [library = ''] = process.argv.slice(2)
const { createLogger, createSwarmCache } = (await import(library)) as typeof sdk
const logger = createLogger((_, line) => console.error(line), 'warning')

await using cache = await createSwarmCache({ logger })
console.log('{}')
for await (const line of createInterface({ input: process.stdin })) {
  const { key, path } = JSON.parse(line) as { key: string; path: string }
  const started = performance.now()
  const result = await cache.restore([path], key)
  console.log(JSON.stringify({ result, milliseconds: performance.now() - started }))
}
