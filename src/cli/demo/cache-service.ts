import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { CacheServiceArchives, parseBlockList, readText } from './cache-service-archives.ts'
import {
  answerOlder,
  answerTwirp,
  ARCHIVE_PATH,
  sendJson,
  sendTwirpError,
} from './cache-service-calls.ts'
import type { CallParts } from './cache-service-calls.ts'
import { CacheServiceRest, restCallOf } from './cache-service-rest.ts'
import { CacheServiceEntries } from './cache-service-entries.ts'
import type { CacheServiceToken } from './cache-service-entries.ts'
import { answerWithFault, discardBody, isTransferFault } from './cache-service-faults.ts'
import type {
  CacheServiceFault,
  CacheServiceRequest,
  TransferFault,
} from './cache-service-faults.ts'

/** Settings of the service. */
export interface CacheServiceOptions {
  /** What each bearer token may do. */
  readonly tokens: Readonly<Record<string, CacheServiceToken>>
  /** Bytes kept on disk; the least recently used entries go beyond. */
  readonly limitBytes?: number
  /** Rate of all uploads together; unlimited by default. */
  readonly uploadBytesPerSecond?: number
  /** Rate of all downloads together; unlimited by default. */
  readonly downloadBytesPerSecond?: number
  /** Requests to the REST API in an hour, as GITHUB_TOKEN has them for a repository; 1000 by default. */
  readonly restRequestsPerHour?: number
  /** Chooses a fault for a request; for tests. */
  readonly fault?: (request: CacheServiceRequest) => CacheServiceFault | undefined
}

/** What the service has done so far. */
export interface CacheServiceStats {
  /**
   * Requests by call: Twirp methods, `upload`, `download`, `size`, of the older protocol `find`, `list`, `reserve`, `commit`,
   * and of the REST API `list caches`, `delete caches`.
   */
  readonly requests: Readonly<Record<string, number>>
  /** Bytes of archives that were uploaded and downloaded. */
  readonly bytesUp: number
  readonly bytesDown: number
  readonly entries: number
  readonly bytesStored: number
}

/** A running service. */
export interface CacheService extends AsyncDisposable {
  /** Base URL, ending in a slash. */
  readonly url: string
  /** Where archives are kept until it closes. */
  readonly folder: string
  /**
   * The variables that a client of @actions/cache needs, and where the REST API is; `v1` is the protocol of GitHub
   * Enterprise Server.
   */
  environment(token: string, protocol?: 'v1' | 'v2'): Record<string, string>
  stats(): CacheServiceStats
  close(): Promise<void>
}

const DEFAULT_LIMIT_BYTES = 10e9
const TWIRP_PATH = '/twirp/github.actions.results.api.v1.CacheService/'
const OLDER_PATH = '/_apis/artifactcache/'

/** Starts a local stand-in of GitHub's cache service on 127.0.0.1, which unmodified clients use like the real one. */
export async function startCacheService(options: CacheServiceOptions): Promise<CacheService> {
  const folder = await mkdtemp(path.join(tmpdir(), 'swarmcache-service-'))
  const entries = new CacheServiceEntries(options.limitBytes ?? DEFAULT_LIMIT_BYTES)
  const archives = new CacheServiceArchives(entries, folder, options)
  const requests: Record<string, number> = {}
  // A slow upload may take longer than the five minutes that Node allows a request.
  const server = createServer({ requestTimeout: 0 })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const desk = new FrontDesk({ entries, archives, url }, options, requests)
  server.on('request', (request, response) => void desk.answer(request, response))
  let closed: Promise<void> | undefined
  const close = (): Promise<void> => (closed ??= stop(server, folder))
  return {
    url,
    folder,
    environment: (token, protocol = 'v2') => ({
      ACTIONS_CACHE_SERVICE_V2: protocol === 'v2' ? 'True' : '',
      ACTIONS_RESULTS_URL: url,
      ACTIONS_CACHE_URL: url,
      ACTIONS_RUNTIME_TOKEN: token,
      GITHUB_API_URL: url.slice(0, -1),
      // Without it the client takes the older protocol for any other server.
      GITHUB_SERVER_URL: 'https://github.com',
      NO_PROXY: '127.0.0.1,localhost',
      no_proxy: '127.0.0.1,localhost',
    }),
    stats: () => ({
      requests: { ...requests },
      ...archives.counts,
      entries: entries.count,
      bytesStored: entries.bytes,
    }),
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function stop(server: Server, folder: string): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  server.closeAllConnections()
  await closed
  await rm(folder, { recursive: true, force: true, maxRetries: 3 })
}

/** Names each request, counts it, checks its token and hands it on. */
class FrontDesk {
  readonly #parts: CallParts
  readonly #options: CacheServiceOptions
  readonly #requests: Record<string, number>
  readonly #rest: CacheServiceRest

  constructor(parts: CallParts, options: CacheServiceOptions, requests: Record<string, number>) {
    this.#parts = parts
    this.#rest = new CacheServiceRest(parts.entries, options.restRequestsPerHour)
    this.#options = options
    this.#requests = requests
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const url = new URL(request.url ?? '/', this.#parts.url)
      const call = nameOf(request.method ?? '', url.pathname)
      const earlier = this.#requests[call] ?? 0
      this.#requests[call] = earlier + 1
      const fault = this.#options.fault?.({ call, earlier })
      if (fault !== undefined && !isTransferFault(fault)) {
        await answerWithFault(fault, request, response)
      } else await this.#dispatch(call, url, request, response, fault)
    } catch {
      // The client went away in the middle, or sent something impossible.
      if (response.headersSent) response.destroy()
      else sendJson(response, 400, { message: 'the request could not be read' })
    }
  }

  async #dispatch(
    call: string,
    url: URL,
    request: IncomingMessage,
    response: ServerResponse,
    fault: TransferFault | undefined,
  ): Promise<void> {
    if (url.pathname.startsWith(ARCHIVE_PATH)) {
      await this.#moveArchive(url, request, response, fault)
      return
    }
    const bearer = /^(?:Bearer|token) (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
    const { tokens } = this.#options
    const token = Object.hasOwn(tokens, bearer) ? tokens[bearer] : undefined
    if (restCallOf(request.method ?? '', url.pathname) !== undefined) {
      await discardBody(request)
      await this.#rest.answer(url, token, request, response)
    } else if (token === undefined) {
      await discardBody(request)
      sendTwirpError(response, 401, 'unauthenticated', 'the token is unknown')
    } else if (url.pathname.startsWith(TWIRP_PATH)) {
      await answerTwirp(this.#parts, call, token, request, response)
    } else {
      await answerOlder(this.#parts, call, url, token, request, response)
    }
  }

  async #moveArchive(
    url: URL,
    request: IncomingMessage,
    response: ServerResponse,
    fault: TransferFault | undefined,
  ): Promise<void> {
    const { entries, archives } = this.#parts
    const entry = entries.get(Number(url.pathname.slice(ARCHIVE_PATH.length)))
    if (entry === undefined || url.searchParams.get('sig') !== entry.manifest) {
      await discardBody(request)
      sendJson(response, 404, { message: 'no such archive' })
    } else if (['GET', 'HEAD'].includes(request.method ?? '') && entry.finished) {
      await archives.send(entry, request, response, fault)
    } else if (request.method !== 'PUT' || entry.finished) {
      await discardBody(request)
      sendJson(response, 409, { message: 'the archive cannot be changed or read now' })
    } else {
      const status = await this.#receiveArchive(url, request)
      response.writeHead(status, {
        'x-ms-request-id': `${entry.id}-${Date.now()}`,
        'content-length': 0,
      })
      response.end()
    }
  }

  /** Status of the answer to one request of Azure's block blob protocol. */
  async #receiveArchive(url: URL, request: IncomingMessage): Promise<number> {
    const { entries, archives } = this.#parts
    const entry = entries.get(Number(url.pathname.slice(ARCHIVE_PATH.length)))!
    const part = url.searchParams.get('comp')
    if (part === 'blocklist') {
      const ids = parseBlockList(await readText(request))
      return (await archives.assemble(
        entry,
        ids.map((id) => `block ${id}`),
      ))
        ? 201
        : 400
    }
    const name = part === 'block' ? `block ${url.searchParams.get('blockid')}` : 'whole'
    if (!(await archives.receivePiece(entry, name, request))) return 413
    if (part !== 'block') await archives.assemble(entry, [name])
    return 201
  }
}

function nameOf(method: string, pathname: string): string {
  if (pathname.startsWith(TWIRP_PATH)) return pathname.slice(TWIRP_PATH.length)
  if (pathname.startsWith(ARCHIVE_PATH)) {
    if (method === 'HEAD') return 'size'
    return method === 'PUT' ? 'upload' : 'download'
  }
  if (pathname.startsWith(OLDER_PATH)) {
    const rest = pathname.slice(OLDER_PATH.length)
    if (method === 'GET') return rest === 'cache' ? 'find' : 'list'
    if (method === 'PATCH') return 'upload'
    return rest === 'caches' ? 'reserve' : 'commit'
  }
  return restCallOf(method, pathname) ?? 'other'
}
