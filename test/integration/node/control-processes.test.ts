import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { MemoryTiers } from '../../../src/cache/memory-tiers.ts'
import type { SourcedFrame } from '../../../src/core/chunk.ts'
import type { SignedEntry } from '../../../src/core/entry.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import type { ChunkRef } from '../../../src/core/manifest.ts'
import { connectToNode } from '../../../src/node/control-client.ts'
import type { RemoteNode } from '../../../src/node/control-client.ts'
import { ControlServer } from '../../../src/node/control-server.ts'
import { eventually } from '../../support/eventually.ts'
import { FixedNode, STATUS } from '../../support/fixed-node.ts'
import { reachNode } from '../../support/reach-node.ts'
import { REPOSITORY, createSigner, makeSample } from '../../support/sample-entries.ts'

const options = { timeout: 20_000 }
const FRAME = Buffer.alloc(64 * 1024, 7)

/** Gives a frame for every chunk without end, counting what was taken and how many reads are open. */
class CountingTiers extends MemoryTiers {
  given = 0
  open = 0

  override async *readChunks(
    _entry: SignedEntry,
    chunks: readonly ChunkRef[],
    { signal }: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<SourcedFrame, void, void> {
    this.open += 1
    try {
      for (let next = 0; ; next += 1) {
        signal?.throwIfAborted()
        this.given += FRAME.length
        yield { chunk: chunks[next % chunks.length]!, bytes: FRAME, tier: 'memory' }
      }
    } finally {
      this.open -= 1
    }
  }
}

async function makeHome(t: TestContext): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'swarmcache-home-'))
  t.after(() => rm(home, { recursive: true, force: true }))
  return home
}

async function serveCounting(t: TestContext, home: string): Promise<CountingTiers> {
  const tiers = new CountingTiers({ sign: createSigner() })
  const server = new ControlServer({ node: new FixedNode(tiers), logger: silentLogger }, { home })
  await server.start()
  t.after(() => server.stop())
  return tiers
}

async function connected(t: TestContext, home: string): Promise<RemoteNode> {
  const node = await reachNode(home)
  t.after(() => node.stop())
  return node
}

async function startProcess(
  t: TestContext,
  command: 'serve' | 'read',
  home: string,
): Promise<ChildProcess> {
  const child = fork(join(import.meta.dirname, 'control-process.ts'), [command, home])
  t.after(() => child.kill('SIGKILL'))
  const [message] = (await once(child, 'message')) as [string]
  assert.equal(message, command === 'serve' ? 'ready' : 'reading')
  return child
}

async function sampleEntry(): Promise<{ entry: SignedEntry; chunks: ChunkRef[] }> {
  const { entry, frames } = await makeSample('deps-1', { count: 4 })
  return { entry: createSigner()(entry), chunks: frames.map((frame) => frame.chunk) }
}

test('a slow reader holds the node up instead of filling its memory', options, async (t) => {
  const home = await makeHome(t)
  const served = await serveCounting(t, home)
  const remote = await connected(t, home)
  const { entry, chunks } = await sampleEntry()
  let taken = 0
  for await (const frame of (await remote.tiers(REPOSITORY)).readChunks(entry, chunks)) {
    taken += frame.bytes.length
    // The answers show that the node's event loop went round while nobody took frames.
    for (let round = 0; round < 4; round += 1) assert.deepEqual(await remote.status(), STATUS)
    const ahead = served.given - taken
    assert.ok(ahead < 4 * 1024 * 1024, `${ahead} bytes were given that nobody has taken`)
    if (taken > 20 * 1024 * 1024) break
  }
  await eventually('the end of the read on the node', () => served.open === 0)
})

test(
  'a client that is killed in the middle of a read frees what the node held for it',
  options,
  async (t) => {
    const home = await makeHome(t)
    const served = await serveCounting(t, home)
    const child = await startProcess(t, 'read', home)
    await eventually('the read', () => served.open === 1)
    child.kill('SIGKILL')
    await eventually('the end of the read on the node', () => served.open === 0)
  },
)

test('an aborted read ends on the node too', options, async (t) => {
  const home = await makeHome(t)
  const served = await serveCounting(t, home)
  const tiers = await (await connected(t, home)).tiers(REPOSITORY)
  const { entry, chunks } = await sampleEntry()
  const controller = new AbortController()
  const reason = new Error('enough')
  await assert.rejects(async () => {
    for await (const _ of tiers.readChunks(entry, chunks, controller)) controller.abort(reason)
  }, reason)
  await eventually('the end of the read on the node', () => served.open === 0)
})

test(
  'a node that is killed fails every call that waits at once, and its socket is taken over',
  options,
  async (t) => {
    const home = await makeHome(t)
    const child = await startProcess(t, 'serve', home)
    const remote = await connected(t, home)
    const { entry, chunks } = await sampleEntry()
    const frames = (await remote.tiers(REPOSITORY)).readChunks(entry, chunks)
    const reader = frames[Symbol.asyncIterator]()
    assert.equal((await reader.next()).done, false)
    const next = reader.next()
    child.kill('SIGKILL')
    await assert.rejects(Promise.resolve(next), { code: 'ERR_CLOSED' })
    await assert.rejects(remote.status(), { code: 'ERR_CLOSED' })
    assert.equal(await connectToNode(home), undefined, 'a dead socket is no node')
    await serveCounting(t, home)
    assert.deepEqual(await (await connected(t, home)).status(), STATUS)
  },
)

test(
  'a node that is frozen is left after it gave no sign of life for a while',
  options,
  async (t) => {
    const home = await makeHome(t)
    const child = await startProcess(t, 'serve', home)
    const remote = await reachNode(home, { pingMs: 50, pingDeadlineMs: 200 })
    t.after(() => remote.stop())
    const tiers = await remote.tiers(REPOSITORY)
    const { entry, chunks } = await sampleEntry()
    const reader = tiers.readChunks(entry, chunks)[Symbol.asyncIterator]()
    assert.equal((await reader.next()).done, false)
    child.kill('SIGSTOP')
    const silent = { code: 'ERR_CONTROL', message: /no sign of life/ }
    await Promise.all([
      assert.rejects(Promise.resolve(reader.next()), silent),
      assert.rejects(remote.status(), silent),
    ])
  },
)
