import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ApiCache } from '../api-cache/api-cache.ts'
import { SwarmCacheError, isSwarmCacheError } from '../core/errors.ts'
import type { HttpRoute, RoutedRequest } from './gateway.ts'
import { refuse } from './http-gateway.ts'
import { forwardedHeaders, returnedHeaders } from './proxied-headers.ts'

/** What the proxy of the API works with. */
export interface GithubApiRouteParts {
  readonly cache: Pick<ApiCache, 'fetch'>
}

/** Whose API it is. */
export interface GithubApiRouteOptions {
  /** Base URL without a slash at the end; nothing else is asked through this route. */
  readonly apiUrl: string
}

const METHODS: readonly (string | undefined)[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']
// Small ones are sent with their length, which some servers want; larger ones as a stream.
const MAX_WHOLE_BYTES = 1024 * 1024
// GitHub takes files of 100 MB as base64.
const MAX_BODY_BYTES = 160 * 1024 * 1024

/**
 * The GitHub API under `/api/github/`, and under `/api/v3/` for clients that know Enterprise Server: with the caller's
 * own token, GET and HEAD through the cache, everything else as it is.
 */
export class GithubApiRoute implements HttpRoute {
  readonly prefixes: readonly string[] = ['/api/github/', '/api/v3/']
  readonly #cache: Pick<ApiCache, 'fetch'>
  readonly #apiUrl: string

  constructor({ cache }: GithubApiRouteParts, { apiUrl }: GithubApiRouteOptions) {
    this.#cache = cache
    this.#apiUrl = apiUrl
  }

  async handle(
    { message, rest, base, signal }: RoutedRequest,
    response: ServerResponse,
  ): Promise<void> {
    const { method } = message
    const url = this.#target(rest)
    if (!METHODS.includes(method)) return refuse(response, 405, `${method} is not answered here.`)
    if (url === undefined) return refuse(response, 400, 'The path leads out of the API.')
    let answer: Response
    try {
      answer = await this.#cache.fetch(url.href, {
        method,
        headers: forwardedHeaders(message.headers),
        redirect: 'manual',
        signal,
        ...(await bodyOf(message)),
      })
    } catch (error) {
      signal.throwIfAborted()
      if (isSwarmCacheError(error, 'ERR_LIMIT')) return refuse(response, 413, error.message)
      const { cause } = error as { readonly cause?: unknown }
      throw cause instanceof SwarmCacheError
        ? cause
        : new Error(
            'GitHub cannot be reached. Check the network of this node, and GITHUB_API_URL.',
            { cause },
          )
    }
    response.writeHead(answer.status, returnedHeaders(answer.headers, this.#apiUrl, base))
    if (answer.body === null || method === 'HEAD') {
      await answer.body?.cancel()
      response.end()
      return
    }
    await pipeline(
      Readable.fromWeb(answer.body as Parameters<typeof Readable.fromWeb>[0]),
      response,
    )
  }

  /** The URL at the API; undefined for a path that is written so as to get out of it. */
  #target(rest: string): URL | undefined {
    const api = new URL(`${this.#apiUrl}/`)
    if (/^graphql(\?|$)/.test(rest) && api.pathname.endsWith('/api/v3/')) {
      return new URL(`/api/${rest}`, api)
    }
    if (!URL.canParse(`${api.href}${rest}`)) return undefined
    const url = new URL(`${api.href}${rest}`)
    const isInside = url.origin === api.origin && url.pathname.startsWith(api.pathname)
    return isInside && url.username === '' ? url : undefined
  }
}

async function bodyOf(message: IncomingMessage): Promise<RequestInit> {
  if (message.method === 'GET' || message.method === 'HEAD') {
    message.resume()
    return {}
  }
  const length = message.headers['content-length']
  if (length === undefined && message.headers['transfer-encoding'] === undefined) return {}
  const declared = Number(length ?? Infinity)
  if (length !== undefined && declared > MAX_BODY_BYTES) throw tooLarge()
  if (declared <= MAX_WHOLE_BYTES) {
    const pieces: Buffer[] = []
    // The parser lets no more come than was declared.
    for await (const piece of message) pieces.push(piece as Buffer)
    return { body: Buffer.concat(pieces) }
  }
  let bytes = 0
  const bounded = new Transform({
    transform(piece: Buffer, _encoding, done) {
      bytes += piece.length
      done(bytes > MAX_BODY_BYTES ? tooLarge() : undefined, piece)
    },
  })
  pipeline(message, bounded).catch(() => {})
  return { body: Readable.toWeb(bounded) as ReadableStream, duplex: 'half' } as RequestInit
}

function tooLarge(): SwarmCacheError {
  return new SwarmCacheError('ERR_LIMIT', `The body is larger than ${MAX_BODY_BYTES} bytes.`)
}
