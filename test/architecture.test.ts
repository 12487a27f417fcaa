import assert from 'node:assert/strict'
import { glob, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { brokenRules } from './support/source-rules.ts'
import type { SourceFile } from './support/source-rules.ts'

const SOURCE = resolve(import.meta.dirname, '../src')

test('the source keeps the rules on imports, names and sizes', async () => {
  const files: SourceFile[] = []
  for await (const path of glob('**/*.ts', { cwd: SOURCE })) {
    const text = await readFile(join(SOURCE, path), 'utf8')
    files.push({ path: path.replaceAll('\\', '/'), text })
  }
  assert.ok(files.length > 20, `only ${files.length} files were found under ${SOURCE}`)
  assert.deepEqual(brokenRules(files), [])
})

const ALLOWED: Record<string, string> = {
  'cache/restore.ts': "import { unpack } from '../archive/archive.ts'\nimport './cache.ts'",
  'archive/unpack.ts':
    "import { digestOf } from '../core/digest.ts'\nimport { open } from 'node:fs'",
  'async/deadline.ts': "import { SwarmCacheError } from '../core/errors.ts'",
  'compose.ts': "import { DiskStore } from './store/disk-store.ts'\nnew DiskStore()",
  'swarm/libp2p-swarm.ts': "const { createLibp2p } = await import('libp2p')",
  'store/actions-cache-upstream.ts': "import * as cache from '@actions/cache'",
  'registry/seal.ts': '// process.env is not read here, nor is jose\n/* import x from "jose" */',
  'cli/demo/demo.ts': "import { openSession } from '../../compose.ts'",
  'cli/commands/save.ts': "import { parseSave } from '../arguments.ts'",
  'action/inputs.ts': 'process.env.INPUT_KEY',
  'store/actions-cache-worker.ts': "process.env['RUNNER_TEMP']",
  'actions-cache.ts': "import { createSwarmCache } from './index.ts'",
  'transfer/server.ts': "import type { Store } from '../store/store.ts'\nnew Map()",
}

for (const [path, text] of Object.entries(ALLOWED)) {
  test(`${path} may hold ${JSON.stringify(text)}`, () => {
    assert.deepEqual(brokenRules(withContracts({ path, text })), [])
  })
}

const FORBIDDEN: readonly [path: string, text: string, rule: RegExp][] = [
  ['store/disk-store.ts', "import { Cache } from '../cache/cache.ts'", /cache does not lie below/],
  ['store/disk-store.ts', "export * from '../cache/cache.ts'", /cache does not lie below/],
  ['store/disk-store.ts', "import type { A } from '../archive/archive.ts'", /does not lie below/],
  ['store/disk-store.ts', "await import('../swarm/swarm.ts')", /swarm does not lie below/],
  ['core/digest.ts', "import { limit } from '../async/limit.ts'", /async does not lie below core/],
  ['node/own-node.ts', "import { compose } from '../compose.ts'", /compose does not lie below/],
  ['cli/run.ts', "import { main } from '../action/main.ts'", /action does not lie below cli/],
  [
    'router/x.ts',
    "import {\n  A,\n  B,\n} from '../swarm/libp2p-swarm.ts'",
    /only swarm\/swarm\.ts/,
  ],
  ['archive/pack.ts', "new URL('../store/hash-worker.ts', import.meta.url)", /does not lie below/],
  [
    'cache/save.ts',
    "import { DiskStore } from '../store/store.ts'\nnew DiskStore()",
    /constructs DiskStore/,
  ],
  ['cache/save.ts', "import { A as B } from '../store/store.ts'\nnew B()", /constructs B/],
  ['router/dht-router.ts', "import { multiaddr } from '@multiformats/multiaddr'", /belongs in/],
  ['router/dht-router.ts', "import { kadDHT } from '@libp2p/kad-dht'", /belongs in \^swarm/],
  ['node/token.ts', "import { jwtVerify } from 'jose'", /belongs in \^identity/],
  ['registry/local.ts', "import { Octokit } from '@octokit/core'", /belongs in/],
  ['cli/output.ts', "import * as core from '@actions/core'", /belongs in \^action/],
  ['cache/upstream.ts', "import * as cache from '@actions/cache'", /belongs in/],
  ['core/digest.ts', "import { x } from 'lru-cache'", /node: only/],
  ['cli/output.ts', 'const debug = process.env.DEBUG', /reads process\.env/],
  ['cli/output.ts', 'const { env } = process', /reads process\.env/],
  ['cli/output.ts', "import x from '../../package.json'", /outside src/],
  ['store/store-utils.ts', '', /"utils" in a name/],
  ['store/diskStore.ts', '', /not kebab-case/],
  ['helpers/x.ts', '', /no part of the design/],
  ['store/disk-store.ts', 'export interface IStore {}', /declares IStore/],
  ['store/disk-store.ts', 'class StoreManager {}', /declares StoreManager/],
  ['store/disk-store.ts', 'x\n'.repeat(401), /401 lines/],
]

for (const [path, text, rule] of FORBIDDEN) {
  test(`${path} may not hold ${JSON.stringify(text.slice(0, 60))}`, () => {
    assert.match(brokenRules(withContracts({ path, text })).join('\n'), rule)
  })
}

test('a folder without its contract file is reported', () => {
  assert.match(brokenRules([{ path: 'store/disk-store.ts', text: '' }]).join(), /no contract/)
})

function withContracts(file: SourceFile): SourceFile[] {
  const [part, ...inside] = file.path.split('/')
  return inside.length === 0 ? [file] : [file, { path: `${part}/${part}.ts`, text: '' }]
}
