import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { silentLogger } from '../../../src/core/logger.ts'
import { downloadArchive, sizeOfArchive } from '../../../src/store/archive-download.ts'
import { ArchiveRelay, canRelay } from '../../../src/store/archive-relay.ts'
import { PacedBytes } from '../../../src/store/paced-bytes.ts'
import type { ArchiveSource } from '../../../src/store/store.ts'
import { collect } from '../../support/eventually.ts'
import { noise } from '../../support/noise.ts'

const options = { timeout: 20_000 }
const LOOKUP = '/twirp/github.actions.results.api.v1.CacheService/GetCacheEntryDownloadURL'
const ARCHIVE = Buffer.from(noise(9_500_000, 'archive'))

/** A server that ends with the test. */
async function serve(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

/** Answers to ranges of the archive, the whole of it if `ranges` is false; every other body breaks off. */
function storage(
  asked: string[],
  { ranges = true, cuts = false } = {},
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const range = request.headers.range ?? ''
    asked.push(range)
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? []
    const isRange = ranges && first !== undefined
    const start = isRange ? Number(first) : 0
    const end = isRange ? Math.min(ARCHIVE.length, Number(last) + 1) : ARCHIVE.length
    response.writeHead(isRange ? 206 : 200, {
      'content-length': end - start,
      ...(isRange && { 'content-range': `bytes ${start}-${end - 1}/${ARCHIVE.length}` }),
    })
    if (request.method === 'HEAD') response.end()
    else if (!cuts || asked.length % 2 === 0) response.end(ARCHIVE.subarray(start, end))
    else response.write(ARCHIVE.subarray(start, (start + end) >> 1), () => response.destroy())
  }
}

async function download(url: string, from: number, signal: AbortSignal): Promise<Buffer> {
  const { archiveBytes, content, receivedBytes } = await downloadArchive(url, from, signal)
  assert.equal(archiveBytes, ARCHIVE.length)
  const bytes = Buffer.concat(await collect(content))
  assert.equal(receivedBytes(), bytes.length)
  return bytes
}

test(
  'an archive comes in ranges, from any byte on, and where they broke off',
  options,
  async (t) => {
    const asked: string[] = []
    const url = await serve(t, storage(asked, { cuts: true }))
    assert.deepEqual(await download(url, 0, t.signal), ARCHIVE)
    assert.deepEqual(await download(url, 7_000_001, t.signal), ARCHIVE.subarray(7_000_001))
    assert.ok(asked.every((range) => range !== ''))
    assert.equal(await sizeOfArchive(url, t.signal), ARCHIVE.length)
  },
)

test('an archive comes as a whole from a service without ranges', options, async (t) => {
  const url = await serve(t, storage([], { ranges: false, cuts: true }))
  assert.deepEqual(await download(url, 0, t.signal), ARCHIVE)
  assert.deepEqual(await download(url, 7_000_001, t.signal), ARCHIVE.subarray(7_000_001))
})

test('an archive that is gone, or breaks off for good, is an ERR_UPSTREAM', options, async (t) => {
  const gone = await serve(t, (_, response) => response.writeHead(404).end())
  await assert.rejects(downloadArchive(gone, 0, t.signal), { code: 'ERR_UPSTREAM' })
  assert.equal(await sizeOfArchive(gone, t.signal), undefined)
  const cut = await serve(t, (_, response) => {
    response.writeHead(200, { 'content-length': 10 })
    response.write('12345', () => response.destroy())
  })
  const { content } = await downloadArchive(cut, 0, t.signal)
  await assert.rejects(collect(content), { code: 'ERR_UPSTREAM' })
})

test(
  'a relay passes calls on with the real token, and only those that know its own',
  options,
  async (t) => {
    const tokens: (string | undefined)[] = []
    const answer = {
      ok: true,
      signed_download_url: 'http://127.0.0.1:1/a?sig=secret',
      matched_key: 'k',
    }
    const service = await serve(t, (request, response) => {
      tokens.push(request.headers.authorization)
      request.resume().on('end', () => response.end(JSON.stringify(answer)))
    })
    const env = { ACTIONS_RESULTS_URL: service, ACTIONS_RUNTIME_TOKEN: 'the real token' }
    const opened: string[] = []
    const source: ArchiveSource = {
      async open({ key }) {
        opened.push(key)
        async function* content(): AsyncGenerator<Uint8Array> {
          yield ARCHIVE.subarray(0, 1000)
        }
        return { archiveBytes: 1000, content: content() }
      },
    }
    await using relay = await ArchiveRelay.start(
      { source, logger: silentLogger },
      { env, folder: '/' },
    )
    const { ACTIONS_RESULTS_URL: url, ACTIONS_RUNTIME_TOKEN: secret } = relay.environment
    assert.ok(url!.startsWith('http://127.0.0.1:'))
    const ask = async (token: string): Promise<Response> =>
      await fetch(new URL(LOOKUP, url), {
        method: 'POST',
        body: '{}',
        headers: { authorization: `Bearer ${token}` },
      })
    assert.equal((await ask('the real token')).status, 404)
    assert.equal((await fetch(`${url}${'0'.repeat(64)}/archive`)).status, 404)
    const own = (await (await ask(secret!)).json()) as typeof answer
    assert.deepEqual(tokens, ['Bearer the real token'])
    assert.equal(own.matched_key, 'k')
    assert.ok(own.signed_download_url.startsWith(url!), 'the address of the archive is its own')
    const archive = await fetch(own.signed_download_url)
    assert.deepEqual(Buffer.from(await archive.arrayBuffer()), ARCHIVE.subarray(0, 1000))
    assert.deepEqual(opened, ['k'])
  },
)

test('what goes through a proxy is left to the client', () => {
  const env = { ACTIONS_RESULTS_URL: 'https://results.example/', ACTIONS_RUNTIME_TOKEN: 'token' }
  assert.equal(canRelay(env), process.platform === 'linux')
  assert.equal(canRelay({ ...env, https_proxy: 'http://proxy:3128' }), false)
  assert.equal(canRelay({ ...env, HTTPS_PROXY: 'http://proxy:3128' }), false)
  assert.equal(canRelay({}), false)
})

test(
  'a client gets something of the reserve while nothing comes, and all in the end',
  options,
  async (t) => {
    const more = Promise.withResolvers<void>()
    async function* content(): AsyncGenerator<Uint8Array> {
      yield ARCHIVE.subarray(0, 20_000)
      yield ARCHIVE.subarray(20_000, 60_000)
      await more.promise
      yield ARCHIVE.subarray(60_000, 70_000)
    }
    const paced = new PacedBytes(content(), t.signal, { reserveBytes: 20_000, silenceMs: 5 })
    const received: Uint8Array[] = []
    for await (const bytes of paced) {
      received.push(bytes)
      if (received.length === 4) more.resolve()
    }
    const [first, ...drops] = received
    assert.equal(first!.length, 20_000)
    assert.ok(drops[0]!.length < 10_000)
    assert.deepEqual(Buffer.concat(received), ARCHIVE.subarray(0, 70_000))
  },
)
