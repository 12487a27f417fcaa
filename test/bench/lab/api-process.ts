/**
 * Parts of the scenario `api`, each in a process of its own.
 *
 * `github`: the stand-in of the API; prints `{"url"}`, then `{"charged"}` for each line that comes in.
 * `node`: a node of the folder that the environment names, until it is ended; prints `{}` when it takes part.
 */
import { createInterface } from 'node:readline'
import { serveNode } from '../../../src/compose.ts'
import { loadConfig } from '../../../src/config.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { GitHubApi } from '../../support/github-api.ts'

const [kind, repository = 'swarmcache/bench', jobs = '0'] = process.argv.slice(2)

function print(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

if (kind === 'github') {
  const owners = Array.from({ length: Number(jobs) }, (_, at) => [
    `ghs_job${at}`,
    { quota: repository, limit: 1_000_000 },
  ])
  const api = new GitHubApi({ tokens: Object.fromEntries(owners) })
  await api.listen()
  const issues = Array.from({ length: 100 }, (_, at) => ({ number: at, title: `issue ${at}` }))
  for (let at = 0; at < 400; at += 1) api.put(`/thing/${at}`, { value: { at, issues } })
  print({ url: api.url })
  for await (const line of createInterface({ input: process.stdin })) {
    const { change } = JSON.parse(line) as { change?: string }
    if (change !== undefined) api.put(change, { value: { change: Math.random(), issues } })
    print({ charged: api.charged() })
  }
} else {
  const node = await serveNode(loadConfig({}), { logger: silentLogger })
  print({})
  await new Promise((resolve) => process.once('SIGTERM', resolve))
  await node.stop()
}
