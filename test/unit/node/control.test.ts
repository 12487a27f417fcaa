import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { MemoryTiers } from '../../../src/cache/memory-tiers.ts'
import { digestOf } from '../../../src/core/digest.ts'
import { isSwarmCacheError } from '../../../src/core/errors.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { checkSignature } from '../../../src/identity/identity.ts'
import { connectToNode } from '../../../src/node/control-client.ts'
import type { RemoteNode } from '../../../src/node/control-client.ts'
import { NodeTiers } from '../../../src/cache/node-tiers.ts'
import { openInbox } from '../../../src/node/control-inboxes.ts'
import { PROTOCOL } from '../../../src/node/control-protocol.ts'
import { ControlServer } from '../../../src/node/control-server.ts'
import type { Node } from '../../../src/node/node.ts'
import { openStore } from '../../support/disk-homes.ts'
import { writeFrames } from '../../support/inbox.ts'
import { readPlaces } from '../../../src/node/place-messages.ts'
import { save, tiersContract } from '../../contract/tiers.ts'
import { eventually } from '../../support/eventually.ts'
import { FixedNode, PEERS, STATUS } from '../../support/fixed-node.ts'
import { startLeases } from '../../support/leases.ts'
import { reachNode } from '../../support/reach-node.ts'
import { REPOSITORY, createSigner, makeSample } from '../../support/sample-entries.ts'

const options = { timeout: 20_000 }

async function makeHome(t: TestContext): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'swarmcache-home-'))
  t.after(() => rm(home, { recursive: true, force: true }))
  return home
}

function memoryNode(): FixedNode {
  return new FixedNode(new MemoryTiers({ sign: createSigner() }))
}

async function serve(
  t: TestContext,
  home: string,
  node: Node = memoryNode(),
): Promise<ControlServer> {
  const server = new ControlServer({ node, logger: silentLogger }, { home })
  await server.start()
  t.after(() => server.stop())
  return server
}

async function connected(t: TestContext, home: string): Promise<RemoteNode> {
  const node = await reachNode(home)
  t.after(() => node.stop())
  return node
}

tiersContract('control socket', async (t) => {
  const home = await makeHome(t)
  const tiers = new MemoryTiers({ sign: createSigner(), leases: startLeases(t) })
  await serve(t, home, new FixedNode(tiers))
  return await (await connected(t, home)).tiers(REPOSITORY)
})

test(
  'what people ask of a node comes back through the socket as it was said',
  options,
  async (t) => {
    const home = await makeHome(t)
    const node = memoryNode()
    await serve(t, home, node)
    const remote = await connected(t, home)
    assert.deepEqual(await remote.status(), STATUS)
    assert.deepEqual(await remote.peers(REPOSITORY), PEERS)
    const entry = await save(await remote.tiers(REPOSITORY), await makeSample('deps-1'))
    const { repository, writer, created } = entry
    const written = { attested: false, repository, writer, created, event: 'push' }
    node.entryList = [{ ...entry, lastUsed: 5, uses: 2, written }]
    assert.deepEqual(await remote.entries(REPOSITORY), node.entryList)
    const report = await remote.verify(REPOSITORY, { deep: true })
    assert.deepEqual(report, { chunks: 1, manifests: 2, entries: 3, orphans: 0, problems: ['one'] })
    await remote.verify(REPOSITORY)
    assert.deepEqual(node.verified, [true, false])
    await remote.stop()
    assert.equal(node.stops, 0, 'the node itself goes on')
  },
)

test('an error of the node arrives with its code, message and facts', options, async (t) => {
  const home = await makeHome(t)
  await serve(t, home)
  const remote = await connected(t, home)
  await assert.rejects(remote.tiers('octo/other'), {
    code: 'ERR_INPUT',
    message: 'No such repository: octo/other.',
    facts: { repository: 'octo/other' },
  })
  await assert.rejects(remote.peers('no-owner'), { code: 'ERR_INPUT' })
})

test('more digests than one call takes are asked in several', options, async (t) => {
  const home = await makeHome(t)
  await serve(t, home)
  const tiers = await (await connected(t, home)).tiers(REPOSITORY)
  const { frames } = await makeSample('deps-1', { count: 1 })
  await tiers.put(frames[0]!)
  const digests = Array.from({ length: 40_000 }, (_, index) => digestOf(`${index}`))
  digests.push(frames[0]!.chunk.digest)
  const held = await tiers.has(digests)
  assert.equal(held.length, digests.length)
  assert.deepEqual(
    held.flatMap((yes, index) => (yes ? [index] : [])),
    [40_000],
  )
})

test('files that a client has written into the inbox of a node are chunks', options, async (t) => {
  const [home, storeHome] = [await makeHome(t), await makeHome(t)]
  const store = await openStore(t, storeHome, { repository: REPOSITORY })
  const parts = { store, sign: createSigner(), checkEntry: checkSignature, logger: silentLogger }
  await serve(t, home, new FixedNode(new NodeTiers(parts, { repository: REPOSITORY })))
  const remote = await connected(t, home)
  const inbox = await (await remote.tiers(REPOSITORY)).inbox()
  const { frames } = await makeSample('deps-1', { count: 5 })
  const digests = frames.map(({ chunk }) => chunk.digest)
  const written = writeFrames(inbox!, frames, 70_000)
  await inbox!.take(written.slice(1))
  assert.deepEqual(await store.has(digests), [false, true, true, true, true])
  assert.deepEqual(readdirSync(inbox!.folder), [written[0]!.name])
  await inbox!.take(written)
  assert.deepEqual(readdirSync(inbox!.folder), [])
  assert.ok((await store.has(digests)).every(Boolean))
  const other = writeFrames(inbox!, (await makeSample('deps-2', { count: 2 })).frames)
  await rm(join(inbox!.folder, other[0]!.name))
  await assert.rejects(inbox!.take(other), { code: 'ERR_STORE' })
})

test('a client that has another folder at the path of the inbox puts bytes', async () => {
  const offer = { folder: tmpdir(), prefix: 'a', place: '1:1' }
  assert.equal(
    openInbox(offer, async () => {}),
    undefined,
  )
  assert.equal(
    openInbox({}, async () => {}),
    undefined,
  )
})

test('many puts at once all arrive', options, async (t) => {
  const home = await makeHome(t)
  await serve(t, home)
  const tiers = await (await connected(t, home)).tiers(REPOSITORY)
  const { frames } = await makeSample('deps-1', { count: 300, bytes: 50_000 })
  await Promise.all(frames.map((frame) => tiers.put(frame)))
  const held = await tiers.has(frames.map((frame) => frame.chunk.digest))
  assert.ok(held.every(Boolean))
})

test('no node, or a file that is no socket, is no node', options, async (t) => {
  const home = await makeHome(t)
  assert.equal(await connectToNode(home), undefined)
  await writeFile(join(home, 'control.sock'), 'not a socket')
  assert.equal(await connectToNode(home), undefined)
})

test('a node that accepts but never answers is given up soon', options, async (t) => {
  const home = await makeHome(t)
  const hung = createServer().listen(join(home, 'control.sock'))
  await once(hung, 'listening')
  t.after(() => hung.close())
  assert.equal(await connectToNode(home), undefined)
})

test('a node of another protocol is named in a clear error', options, async (t) => {
  const home = await makeHome(t)
  const header = JSON.stringify({ hello: 'swarmcache control', protocol: 99, version: '9.9.9' })
  const prefix = Buffer.alloc(8)
  prefix.writeUInt32BE(header.length, 0)
  const newer = createServer((socket) => {
    socket.on('error', () => {})
    socket.write(Buffer.concat([prefix, Buffer.from(header)]))
  })
  newer.listen(join(home, 'control.sock'))
  await once(newer, 'listening')
  t.after(() => newer.close())
  await assert.rejects(connectToNode(home), { code: 'ERR_CONTROL', message: /9\.9\.9/ })
})

test('a client of another protocol is told who we are, and then left', options, async (t) => {
  const home = await makeHome(t)
  const { path } = await serve(t, home)
  const socket = connect(path)
  const header = JSON.stringify({ hello: 'swarmcache control', protocol: 99, version: '9.9.9' })
  const prefix = Buffer.alloc(8)
  prefix.writeUInt32BE(header.length, 0)
  socket.write(Buffer.concat([prefix, Buffer.from(header)]))
  const received = Buffer.concat(await Array.fromAsync(socket as AsyncIterable<Buffer>))
  assert.match(received.toString('latin1'), new RegExp(`"protocol":${PROTOCOL}\\b`))
})

test('garbage ends its own connection and nothing else', options, async (t) => {
  const home = await makeHome(t)
  const { path } = await serve(t, home)
  const remote = await connected(t, home)
  const greeting = JSON.stringify({ hello: 'swarmcache control', protocol: PROTOCOL, version: 'x' })
  const prefix = Buffer.alloc(8)
  prefix.writeUInt32BE(greeting.length, 0)
  const greeted = Buffer.concat([prefix, Buffer.from(greeting)])
  const huge = Buffer.alloc(8, 0xff)
  const noJson = Buffer.from([0, 0, 0, 2, 0, 0, 0, 0, 0x7b, 0x7b])
  const noId = Buffer.concat([Buffer.from([0, 0, 0, 2, 0, 0, 0, 0]), Buffer.from('{}')])
  const attempts = [
    Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
    huge,
    noJson,
    Buffer.concat([greeted, huge]),
    Buffer.concat([greeted, noJson]),
    Buffer.concat([greeted, noId]),
  ]
  for (const bytes of attempts) {
    const socket = connect(path)
    socket.on('error', () => {})
    socket.write(bytes)
    socket.resume()
    await once(socket, 'close')
  }
  assert.deepEqual(await remote.status(), STATUS)
})

test('calls with wrong arguments are refused one by one', options, async (t) => {
  const home = await makeHome(t)
  await serve(t, home)
  const remote = await connected(t, home)
  const repository = REPOSITORY
  const refs = Buffer.alloc(36)
  const wrong: [Parameters<RemoteNode['call']>[0], Record<string, unknown>, Uint8Array?][] = [
    ['find', { repository, query: { key: 'x' } }],
    ['find', { repository, query: null }],
    ['readManifest', { repository, entry: { key: 1 } }],
    ['commit', { repository, entry: 'text' }],
    ['has', { repository }, Buffer.alloc(33)],
    ['put', { repository, digest: digestOf('a'), bytes: 0 }, Buffer.alloc(1)],
    ['put', { repository, digest: digestOf('a'), bytes: 5 }],
    ['put', { repository, digest: 'a', bytes: 5 }, Buffer.alloc(1)],
    ['readChunks', { repository, entry: {} }, refs],
    ['shutdown' as 'ping', {}],
  ]
  for (const [name, args, body] of wrong) {
    await assert.rejects(remote.call(name, args, { body }), { code: 'ERR_FRAME' }, name)
  }
  assert.deepEqual(await remote.status(), STATUS)
})

test('the socket is for this user only, and goes with the server', options, async (t) => {
  const home = await makeHome(t)
  const server = await serve(t, home)
  assert.equal((await stat(server.path)).mode & 0o777, 0o600)
  await server.stop()
  await assert.rejects(stat(server.path), { code: 'ENOENT' })
})

test(
  'a home whose path is too long for a socket works through a private folder',
  options,
  async (t) => {
    const home = join(await makeHome(t), 'a-long-name'.repeat(12))
    const server = await serve(t, home)
    assert.ok(!server.path.startsWith(home))
    assert.ok(Buffer.byteLength(server.path) < 104)
    assert.equal((await stat(join(server.path, '..'))).mode & 0o777, 0o700)
    assert.deepEqual(await (await connected(t, home)).status(), STATUS)
  },
)

test('a second server of one home is told so, and the first goes on', options, async (t) => {
  const home = await makeHome(t)
  await serve(t, home)
  const second = new ControlServer({ node: memoryNode(), logger: silentLogger }, { home })
  await assert.rejects(second.start(), { code: 'ERR_CONTROL', message: /runs already/ })
  await second.stop()
  assert.deepEqual(await (await connected(t, home)).status(), STATUS)
})

test('of servers that start at once over a dead socket exactly one gets it', options, async (t) => {
  const home = await makeHome(t)
  await writeFile(join(home, 'control.sock'), '')
  const servers = Array.from(
    { length: 6 },
    () => new ControlServer({ node: memoryNode(), logger: silentLogger }, { home }),
  )
  const starts = await Promise.allSettled(servers.map((server) => server.start()))
  t.after(() => Promise.all(servers.map((server) => server.stop())))
  assert.equal(starts.filter((start) => start.status === 'fulfilled').length, 1)
  for (const start of starts) {
    if (start.status === 'rejected') assert.ok(isSwarmCacheError(start.reason, 'ERR_CONTROL'))
  }
  assert.deepEqual(await (await connected(t, home)).status(), STATUS)
})

test('a client goes on with a node that was restarted', options, async (t) => {
  const home = await makeHome(t)
  const first = await serve(t, home)
  const remote = await connected(t, home)
  await first.stop()
  await eventually('the loss of the node', async () => {
    return await remote.status().then(
      () => false,
      () => true,
    )
  })
  await serve(t, home)
  assert.deepEqual(await remote.status(), STATUS)
})

test(
  'frames that nobody has opened cross the socket, and so does what the client found',
  options,
  async (t) => {
    const { entry, frames } = await makeSample('key')
    const verdicts = new Map<number, boolean[]>()
    const tiers = new MemoryTiers({ sign: createSigner() })
    tiers.readChunks = async function* (_entry, _chunks, readOptions) {
      assert.equal(readOptions?.unopened, true)
      for (const [index, frame] of frames.entries()) {
        const list: boolean[] = []
        verdicts.set(index, list)
        for (;;) {
          const settled = Promise.withResolvers<boolean>()
          yield { ...frame, tier: 'peers', peer: 'somebody', settle: settled.resolve }
          list.push(await settled.promise)
          if (list.at(-1) === true) break
        }
      }
    }
    const home = await makeHome(t)
    await serve(t, home, new FixedNode(tiers))
    const remote = await (await connected(t, home)).tiers(REPOSITORY)
    const signed = createSigner()(entry)
    const chunks = frames.map(({ chunk }) => chunk)
    let read = 0
    for await (const frame of remote.readChunks(signed, chunks, { unopened: true })) {
      read += 1
      frame.settle!(read % 2 === 0)
    }
    assert.deepEqual(
      [...verdicts.values()],
      frames.map(() => [false, true]),
    )
  },
)

test('places in the home cross the socket by their path within it', options, async (t) => {
  const { entry, frames } = await makeSample('key')
  const home = await makeHome(t)
  const settled: boolean[] = []
  const allSettled = Promise.withResolvers<void>()
  const tiers = new MemoryTiers({ sign: createSigner() })
  tiers.readChunks = async function* (_entry, _chunks, readOptions) {
    assert.equal(readOptions?.placed, true)
    for (const [index, { chunk, bytes }] of frames.entries()) {
      const place = { path: join(home, `v1/${index}`), position: 16, bytes: bytes.length }
      const settle = (good: boolean): void => {
        settled.push(good)
        if (settled.length === frames.length) allSettled.resolve()
      }
      yield { chunk, bytes: new Uint8Array(), place, tier: 'disk', settle }
    }
    await allSettled.promise
  }
  await serve(t, home, new FixedNode(tiers))
  const remote = await (await connected(t, home)).tiers(REPOSITORY)
  const chunks = frames.map(({ chunk }) => chunk)
  const read = { unopened: true, placed: true }
  const places: unknown[] = []
  for await (const frame of remote.readChunks(createSigner()(entry), chunks, read)) {
    places.push({ ...frame.place, digest: frame.chunk.digest, tier: frame.tier })
    frame.settle!(places.length === 2)
  }
  assert.deepEqual(
    places,
    frames.map(({ chunk, bytes }, index) => ({
      path: join(home, `v1/${index}`),
      position: 16,
      bytes: bytes.length,
      digest: chunk.digest,
      tier: 'disk',
    })),
  )
  assert.equal(settled.filter((good) => good).length, 1)
})

for (const path of ['../elsewhere', '/etc/passwd', 'v1/../../elsewhere', 'v1/a\0b', '..']) {
  test(`a place outside the home is refused: ${JSON.stringify(path)}`, () => {
    const chunks = [{ digest: digestOf('one'), bytes: 3 }]
    const placed = { frame: 0, path, position: 16, bytes: 20, tier: 'disk', unopened: 0 }
    const inside = Buffer.from(JSON.stringify([{ ...placed, path: 'v1/one' }]))
    assert.equal(readPlaces(inside, chunks, '/home').length, 1)
    const body = Buffer.from(JSON.stringify([placed]))
    assert.throws(() => readPlaces(body, chunks, '/home'), { code: 'ERR_FRAME' })
  })
}
