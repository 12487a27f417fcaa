import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { GitHubQuotas, quotaHeaders } from './github-quotas.ts'
import type { GitHubQuota, GitHubToken } from './github-quotas.ts'
import { etagOf, prettyPrinted, renderPage } from './github-resources.ts'
import type { EtagFormula, EtagInput, GitHubResource, GitHubTombstone } from './github-resources.ts'

/** A request as the server saw and answered it. */
export interface GitHubCall {
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly token: string
  readonly headers: IncomingMessage['headers']
  /** 0 while it is not answered, or when the connection was cut. */
  status: number
  charged: boolean
}

/** What a request meets instead of its answer, or before it. */
export interface GitHubFault {
  /** Answers this status instead. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly message?: string
  /** Sends half of the body, or nothing at all, and drops the connection. */
  readonly cut?: 'half' | 'all'
  /** Answers only after this. */
  readonly until?: Promise<unknown>
  readonly delayMs?: number
}

/** Settings of the stand-in. */
export interface GitHubApiOptions {
  /** By the bare token; any other is refused with 401. */
  readonly tokens?: Readonly<Record<string, GitHubToken>>
  /** Requests at once, of all tokens together, above which the secondary limit refuses. */
  readonly maxConcurrent?: number
  /** What `Retry-After` says then. */
  readonly retryAfterSeconds?: number
  /** True: a 304 says the Link of the page. GitHub's own say none. */
  readonly linkOn304?: boolean
  readonly fault?: (call: GitHubCall) => GitHubFault | undefined
}

const ANONYMOUS: GitHubToken = { quota: 'anonymous', limit: 60 }
const VARY =
  'Accept, Authorization, Cookie, X-GitHub-OTP, Accept-Encoding, Accept, X-Requested-With'
const MIN_GZIP_BYTES = 200

/**
 * A stateful stand-in of the GitHub REST API: public and private resources in pages, ETags by the formula that
 * GitHub's follow, quotas charged for everything but a 304, limits and faults; it counts everything.
 */
export class GitHubApi {
  readonly calls: GitHubCall[] = []
  readonly quotas: GitHubQuotas = new GitHubQuotas()
  formula: EtagFormula = 'github'
  fault: GitHubApiOptions['fault']
  peakConcurrent = 0
  readonly #options: GitHubApiOptions
  readonly #tokens: Map<string, GitHubToken>
  readonly #resources = new Map<string, GitHubResource | GitHubTombstone>()
  readonly #server = createServer((request, response) => void this.#handle(request, response))
  #concurrent = 0

  constructor(options: GitHubApiOptions = {}) {
    this.#options = options
    this.#tokens = new Map(Object.entries(options.tokens ?? {}))
    this.fault = options.fault
  }

  /** Starts it; it ends with the test. */
  static async start(t: TestContext, options: GitHubApiOptions = {}): Promise<GitHubApi> {
    const api = new GitHubApi(options)
    await api.listen()
    t.after(async () => await api.close())
    return api
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  /** Without a slash at the end, as clients want their `baseUrl`. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  put(path: string, resource: GitHubResource | GitHubTombstone): void {
    this.#resources.set(path, resource)
  }

  remove(path: string): void {
    this.#resources.delete(path)
  }

  addToken(token: string, owner: GitHubToken): void {
    this.#tokens.set(token, owner)
  }

  revoke(token: string): void {
    this.#tokens.delete(token)
  }

  /** Calls that counted against a quota. */
  charged(path?: string): number {
    return this.#count((call) => call.charged, path)
  }

  /** Calls that were answered with this status. */
  answered(status: number, path?: string): number {
    return this.#count((call) => call.status === status, path)
  }

  #count(matches: (call: GitHubCall) => boolean, path?: string): number {
    return this.calls.filter((call) => (path === undefined || call.path === path) && matches(call))
      .length
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume()
    const call: GitHubCall = {
      method: request.method ?? 'GET',
      path: request.url ?? '/',
      token: bareToken(request.headers.authorization),
      headers: request.headers,
      status: 0,
      charged: false,
    }
    this.calls.push(call)
    this.#concurrent += 1
    this.peakConcurrent = Math.max(this.peakConcurrent, this.#concurrent)
    try {
      const tooMany = this.#concurrent > (this.#options.maxConcurrent ?? Infinity)
      const fault = this.fault?.(call)
      await fault?.until
      if (fault?.delayMs !== undefined) await pause(fault.delayMs)
      if (fault?.cut === 'all') response.destroy()
      else this.#answer(call, new Reply(response, call, fault), tooMany)
    } finally {
      this.#concurrent -= 1
    }
  }

  #answer(call: GitHubCall, reply: Reply, tooMany: boolean): void {
    const owner = call.token === '' ? ANONYMOUS : this.#tokens.get(call.token)
    if (owner === undefined) return reply.error(401, 'Bad credentials')
    const quota = this.quotas.of(owner)
    const url = new URL(call.path, `http://${call.headers.host}`)
    if (url.pathname === '/rate_limit') return reply.json(200, quotaHeaders(quota), { quota })
    if (tooMany) {
      const retryAfter = String(this.#options.retryAfterSeconds ?? 60)
      const why = 'You have exceeded a secondary rate limit. Please wait a few minutes.'
      return reply.error(403, why, { ...quotaHeaders(quota), 'retry-after': retryAfter })
    }
    if (quota.used >= quota.limit) {
      return reply.error(403, 'API rate limit exceeded for this token.', quotaHeaders(quota))
    }
    this.#answerWithin(quota, url, call, reply)
  }

  #answerWithin(quota: GitHubQuota, url: URL, call: GitHubCall, reply: Reply): void {
    const charge = (): Record<string, string> => {
      quota.used += 1
      call.charged = true
      return quotaHeaders(quota)
    }
    if (reply.fault?.status !== undefined) {
      // GitHub does not say what its own failures cost; here they cost nothing.
      return reply.error(reply.fault.status, reply.fault.message ?? 'Fault', quotaHeaders(quota))
    }
    if (call.method !== 'GET' && call.method !== 'HEAD') {
      return reply.json(url.pathname === '/graphql' ? 200 : 201, charge(), { data: {} })
    }
    const resource = this.#resources.get(url.pathname)
    if (resource === undefined) return reply.error(404, 'Not Found', charge())
    if ('gone' in resource) return reply.error(410, 'This was deleted', charge())
    if ('movedTo' in resource) {
      const location = new URL(resource.movedTo, url).href
      return reply.error(resource.status ?? 301, 'Moved', { ...charge(), location })
    }
    if (resource.readers?.includes(call.token) === false) {
      return reply.error(resource.refusal ?? 404, 'Not Found', charge())
    }
    this.#sendPage(resource, url, call, reply, { charge, free: () => quotaHeaders(quota) })
  }

  #sendPage(
    resource: GitHubResource,
    url: URL,
    call: GitHubCall,
    reply: Reply,
    quota: { charge: () => Record<string, string>; free: () => Record<string, string> },
  ): void {
    const { accept, authorization, cookie } = call.headers
    const page = renderPage(resource, url, call.token, accept ?? '*/*')
    const etag = etagOf(this.formula, { accept, authorization, cookie } as EtagInput, page.body)
    const headers: Record<string, string> = {
      vary: VARY,
      'cache-control': 'private, max-age=60, s-maxage=60',
      'x-oauth-scopes': `of ${call.token}`,
      'x-github-request-id': String(this.calls.length),
      'x-github-media-type': 'github.v3; format=json',
    }
    const gzip =
      page.body.length >= MIN_GZIP_BYTES && /gzip/.test(`${call.headers['accept-encoding']}`)
    if (etag !== undefined) headers['etag'] = gzip ? `W/"${etag}"` : `"${etag}"`
    const link: Record<string, string> = page.link === undefined ? {} : { link: page.link }
    const asked = opaqueTags(call.headers['if-none-match'])
    if (etag !== undefined && asked.includes(etag)) {
      const shown = this.#options.linkOn304 === true ? link : {}
      return reply.send(304, { ...quota.free(), ...headers, ...shown })
    }
    const isJson = page.contentType.startsWith('application/json')
    const plain = isJson ? prettyPrinted(page.body, call.headers['user-agent'] ?? '') : page.body
    const body = gzip ? gzipSync(plain) : plain
    reply.send(
      200,
      {
        ...quota.charge(),
        ...headers,
        ...link,
        'content-type': page.contentType,
        'content-length': String(body.length),
        ...(gzip ? { 'content-encoding': 'gzip' } : {}),
      },
      body,
    )
  }
}

/** Writes one answer, whole or cut. */
class Reply {
  readonly fault: GitHubFault | undefined
  readonly #response: ServerResponse
  readonly #call: GitHubCall

  constructor(response: ServerResponse, call: GitHubCall, fault: GitHubFault | undefined) {
    this.#response = response
    this.#call = call
    this.fault = fault
  }

  error(status: number, message: string, headers: Record<string, string> = {}): void {
    this.json(status, headers, { message, documentation_url: 'https://docs.github.com/rest' })
  }

  json(status: number, headers: Record<string, string>, value: unknown): void {
    const body = Buffer.from(JSON.stringify(value))
    const type = { 'content-type': 'application/json; charset=utf-8' }
    this.send(status, { ...headers, ...type, 'content-length': String(body.length) }, body)
  }

  send(status: number, headers: Record<string, string>, body: Buffer = Buffer.alloc(0)): void {
    this.#response.writeHead(status, { ...headers, ...this.fault?.headers })
    if (this.fault?.cut === 'half') {
      this.#response.write(body.subarray(0, body.length >> 1), () => this.#response.destroy())
      return
    }
    this.#call.status = status
    this.#response.end(this.#call.method === 'HEAD' ? undefined : body)
  }
}

function bareToken(authorization: string | undefined): string {
  return (authorization ?? '').replace(/^\s*(bearer|token)\s+/i, '').trim()
}

function opaqueTags(ifNoneMatch: string | undefined): string[] {
  return [...(ifNoneMatch ?? '').matchAll(/(?:W\/)?"([^"]*)"/g)].map((match) => match[1]!)
}
