/**
 * The barest server that the stock client restores from and saves to: archives in memory, one sends them as they came.
 *
 * It is the baseline that a team could not improve on, so it does nothing that the protocol does not ask for.
 * Prints its URL when it listens; then, for every line on stdin, how many bytes of archives it has moved.
 */
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'

interface Archive {
  readonly key: string
  readonly version: string
  /** By block id, until they are put in order. */
  readonly blocks: Map<string, Buffer[]>
  content: Buffer[]
  finished: boolean
}

const METHODS = '/twirp/github.actions.results.api.v1.CacheService/'
// Azure's client expects an account and a container in the path of a host without a name.
const ARCHIVES = '/bench/archives/'
const MAX_BYTES = 6e9

const [host = '127.0.0.1'] = process.argv.slice(2)
const archives: Archive[] = []
const moved = { up: 0, down: 0 }

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    console.error(error)
    response.destroy()
  })
})

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://server')
  if (url.pathname.startsWith(METHODS)) {
    const body = JSON.parse(Buffer.concat(await readBody(request)).toString()) as Call
    sendJson(response, answerCall(url.pathname.slice(METHODS.length), body))
    return
  }
  const archive = archives[Number(url.pathname.slice(ARCHIVES.length))]
  if (archive === undefined) response.writeHead(404).end()
  else if (request.method === 'PUT') await receive(archive, url.searchParams, request, response)
  else await send(archive, request, response)
}

interface Call {
  readonly key: string
  readonly version: string
  readonly restore_keys?: readonly string[]
}

function answerCall(method: string, { key, version, restore_keys: prefixes = [] }: Call): object {
  const own = archives.findIndex((archive) => archive.key === key && archive.version === version)
  switch (method) {
    case 'CreateCacheEntry': {
      if (own >= 0) return { ok: false, message: 'it exists' }
      const id =
        archives.push({ key, version, blocks: new Map(), content: [], finished: false }) - 1
      return { ok: true, signed_upload_url: urlOf(id) }
    }
    case 'FinalizeCacheEntryUpload':
      archives[own]!.finished = true
      return { ok: true, entry_id: String(own) }
    case 'GetCacheEntryDownloadURL': {
      const matches = [key, ...prefixes].map((prefix) =>
        archives.findLastIndex(
          (archive) =>
            archive.finished && archive.version === version && archive.key.startsWith(prefix),
        ),
      )
      const id = matches.find((match) => match >= 0)
      if (id === undefined) return { ok: false }
      return { ok: true, signed_download_url: urlOf(id), matched_key: archives[id]!.key }
    }
    default:
      throw new Error(`there is no method ${method}`)
  }
}

async function receive(
  archive: Archive,
  query: URLSearchParams,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readBody(request)
  if (query.get('comp') === 'blocklist') {
    const ids = Buffer.concat(body)
      .toString()
      .matchAll(/<Latest>([^<]+)</g)
    archive.content = [...ids].flatMap(([, id]) => archive.blocks.get(id!) ?? [])
    archive.blocks.clear()
  } else {
    for (const piece of body) moved.up += piece.length
    if (moved.up > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes were saved`)
    if (query.get('comp') === 'block') archive.blocks.set(query.get('blockid') ?? '', body)
    else archive.content = body
  }
  response.writeHead(201, { 'x-ms-request-id': 'bench', 'content-length': 0 }).end()
}

async function send(
  archive: Archive,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const length = archive.content.reduce((sum, piece) => sum + piece.length, 0)
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')
  const start = Number(range?.[1] ?? 0)
  const end = Math.min(length, Number(range?.[2] ?? length) + 1)
  response.writeHead(range === null ? 200 : 206, {
    'content-length': end - start,
    ...(range !== null && { 'content-range': `bytes ${start}-${end - 1}/${length}` }),
  })
  if (request.method === 'HEAD') {
    response.end()
    return
  }
  let at = 0
  for (const whole of archive.content) {
    const piece = whole.subarray(Math.max(0, start - at), Math.max(0, end - at))
    at += whole.length
    if (piece.length === 0) continue
    if (response.destroyed) return
    moved.down += piece.length
    if (!response.write(piece)) {
      await new Promise<void>((resolve) => {
        response.once('drain', resolve)
        response.once('close', resolve)
      })
    }
  }
  response.end()
}

async function readBody(request: IncomingMessage): Promise<Buffer[]> {
  const pieces: Buffer[] = []
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece)
  return pieces
}

function sendJson(response: ServerResponse, body: object): void {
  const bytes = Buffer.from(JSON.stringify(body))
  response
    .writeHead(200, { 'content-type': 'application/json', 'content-length': bytes.length })
    .end(bytes)
}

function urlOf(id: number): string {
  return `${base()}${ARCHIVES}${id}`
}

function base(): string {
  return `http://${host}:${(server.address() as AddressInfo).port}`
}

server.listen(0, host, () => console.log(JSON.stringify({ url: `${base()}/` })))
createInterface({ input: process.stdin })
  .on('line', () => console.log(JSON.stringify(moved)))
  .on('close', () => process.exit())
