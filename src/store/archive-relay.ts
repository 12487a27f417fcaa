import { randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { abortable, startDeadline } from '../async/deadline.ts'
import { SwarmCacheError, errorMessage } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { downloadArchive, sizeOfArchive } from './archive-download.ts'
import { PacedBytes } from './paced-bytes.ts'
import type { ArchiveBytes, ArchiveDownload, ArchiveSource } from './store.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** What a relay works with. */
export interface ArchiveRelayParts {
  readonly source: ArchiveSource
  readonly logger: Logger
}

/** Whose calls are relayed. */
export interface ArchiveRelayOptions {
  /** Names the service and has the token for it. */
  readonly env: Environment
  /** The folder that names in the archive are relative to. */
  readonly folder: string
  /** A request for the archive that brings no byte for this long is made again. */
  readonly silenceMs?: number
}

const SECRET_BYTES = 32
// A question names ten keys of 512 characters at most, an answer an address with its signature.
const MAX_QUESTION_BYTES = 64 * 1024
const MAX_ANSWER_BYTES = 1024 * 1024
// The client's own patience with a request.
const ANSWER_MS = 3 * 60_000
const PROXIES = ['https_proxy', 'http_proxy', 'all_proxy']
const LOOPBACK: readonly string[] = ['127.0.0.1', 'localhost', '[::1]']
/** The headers of a call that the service has to see. */
const PASSED = ['content-type', 'accept', 'user-agent']

/** True if the service can be reached from here as the client reaches it; what a proxy does is left to the client. */
export function canRelay(env: Environment): boolean {
  // What of an archive would lead out of the declared paths is known for sure of these file systems alone.
  if (process.platform !== 'linux') return false
  const services = ['ACTIONS_RESULTS_URL', 'ACTIONS_CACHE_URL'].map(
    (name) => env[name] || undefined,
  )
  const given = services.filter((url) => url !== undefined && URL.canParse(url)) as string[]
  if (given.length === 0 || !env['ACTIONS_RUNTIME_TOKEN']) return false
  if (given.every((url) => LOOPBACK.includes(new URL(url).hostname))) return true
  return PROXIES.every((name) => !env[name] && !env[name.toUpperCase()])
}

/**
 * A server on the loopback interface that stands between one call of @actions/cache and the cache service: calls
 * are passed on, and the address of the archive is replaced by one of its own, where the bytes come from `source`.
 *
 * It answers only to who knows the secret that is the client's token and part of the archive's address. The
 * token and the signed address of the service stay here.
 */
export class ArchiveRelay implements AsyncDisposable {
  readonly #parts: ArchiveRelayParts
  readonly #options: ArchiveRelayOptions
  readonly #secret = randomBytes(SECRET_BYTES).toString('hex')
  readonly #closing = new AbortController()
  readonly #server: Server
  #archive: { readonly key: string; readonly url: string } | undefined

  private constructor(parts: ArchiveRelayParts, options: ArchiveRelayOptions) {
    this.#parts = parts
    this.#options = options
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        parts.logger.log('debug', 'A relayed call failed', { reason: errorMessage(error) })
        response.destroy()
      })
    })
  }

  static async start(
    parts: ArchiveRelayParts,
    options: ArchiveRelayOptions,
  ): Promise<ArchiveRelay> {
    const relay = new ArchiveRelay(parts, options)
    await new Promise<void>((resolve, reject) => {
      relay.#server.once('error', reject)
      relay.#server.listen(0, '127.0.0.1', resolve)
    })
    return relay
  }

  /** What the client must have in its environment in place of the service's. */
  get environment(): Record<string, string> {
    return {
      ACTIONS_RESULTS_URL: this.#url,
      ACTIONS_CACHE_URL: this.#url,
      ACTIONS_RUNTIME_TOKEN: this.#secret,
    }
  }

  get #url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new SwarmCacheError('ERR_CLOSED', 'The call that was relayed is over.'))
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET' && this.#isSame(request.url ?? '', `/${this.#secret}/archive`)) {
      await this.#sendArchive(response)
    } else if (this.#isSame(request.headers.authorization ?? '', `Bearer ${this.#secret}`)) {
      await this.#passOn(request, response)
    } else {
      response.writeHead(404).end()
    }
  }

  #isSame(given: string, expected: string): boolean {
    const [a, b] = [Buffer.from(given), Buffer.from(expected)]
    return a.length === b.length && timingSafeEqual(a, b)
  }

  async #passOn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    using deadline = startDeadline(ANSWER_MS, 'The cache service', this.#closing.signal)
    const { signal } = deadline
    const body = await readBounded(request, MAX_QUESTION_BYTES)
    const headers: Record<string, string> = {
      authorization: `Bearer ${this.#options.env['ACTIONS_RUNTIME_TOKEN'] ?? ''}`,
    }
    for (const name of PASSED) {
      const value = request.headers[name]
      if (typeof value === 'string') headers[name] = value
    }
    const { method = 'GET' } = request
    const asked = serviceUrl(this.#options.env, request.url ?? '/')
    const answer = await fetch(asked, {
      method,
      headers,
      body: method === 'GET' ? undefined : body,
      signal,
      redirect: 'error',
    })
    const text = await readBounded(answer.body ?? [], MAX_ANSWER_BYTES)
    const passed: Record<string, string> = {}
    for (const name of ['content-type', 'retry-after']) {
      const value = answer.headers.get(name)
      if (value !== null) passed[name] = value
    }
    response.writeHead(answer.status, passed)
    response.end(answer.status === 200 ? this.#withOwnAddress(text) : text)
  }

  /** An answer that names an archive, with the relay's address in place of the archive's. */
  #withOwnAddress(text: Buffer): Buffer | string {
    let answer: Record<string, unknown>
    try {
      answer = JSON.parse(text.toString('utf8')) as Record<string, unknown>
    } catch {
      return text
    }
    for (const [urlName, keyName] of ADDRESSES) {
      const [url, key] = [answer[urlName], answer[keyName]]
      if (typeof url !== 'string' || typeof key !== 'string' || !URL.canParse(url)) continue
      this.#archive = { key, url }
      return JSON.stringify({ ...answer, [urlName]: `${this.#url}${this.#secret}/archive` })
    }
    return text
  }

  async #sendArchive(response: ServerResponse): Promise<void> {
    const archive = this.#archive
    if (archive === undefined) {
      response.writeHead(404).end()
      return
    }
    const { source, logger } = this.#parts
    const { key, url } = archive
    const { signal } = this.#closing
    const { folder, silenceMs } = this.#options
    const download = (from: number, stop: AbortSignal): Promise<ArchiveDownload> =>
      downloadArchive(url, from, AbortSignal.any([signal, stop]), { silenceMs })
    const size = (): Promise<number | undefined> => sizeOfArchive(url, signal)
    const opened = await source.open({ key, folder, size, download }).catch((error: unknown) => {
      logger.log('info', `The client downloads by itself: ${errorMessage(error)}`)
      return undefined
    })
    try {
      if (opened !== undefined) await this.#send(opened, response)
    } catch (error) {
      if (response.headersSent || signal.aborted) throw error
    }
    if (!response.headersSent) response.writeHead(302, { location: url })
    response.end()
  }

  async #send(opened: ArchiveBytes, response: ServerResponse): Promise<void> {
    const { archiveBytes, content } = opened
    const begin = (): void => {
      response.writeHead(200, { 'content-length': archiveBytes })
    }
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    const signal = AbortSignal.any([this.#closing.signal, gone.signal])
    for await (const bytes of new PacedBytes(content, signal)) {
      if (!response.headersSent) begin()
      if (response.write(bytes)) continue
      await abortable(new Promise((resolve) => response.once('drain', resolve)), signal)
    }
    if (!response.headersSent) begin()
  }
}

/** Where an answer has the address of the archive and the key that was matched: of v2, of v1. */
const ADDRESSES = [
  ['signed_download_url', 'matched_key'],
  ['archiveLocation', 'cacheKey'],
] as const

/** Where the client would have sent a call by itself. */
function serviceUrl(env: Environment, path: string): URL {
  const results = env['ACTIONS_RESULTS_URL'] || ''
  // Only the older protocol keeps the path of its base.
  if (!path.startsWith('/_apis/artifactcache/')) return new URL(path, results)
  return new URL(`${env['ACTIONS_CACHE_URL'] || results}${path.slice(1)}`)
}

async function readBounded(
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  limitBytes: number,
): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of content) {
    bytes += piece.length
    if (bytes > limitBytes) {
      throw new SwarmCacheError('ERR_LIMIT', `A relayed message has more than ${limitBytes} bytes.`)
    }
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}
