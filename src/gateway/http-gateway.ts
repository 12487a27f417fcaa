import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import type { AddressInfo } from 'node:net'
import { withDeadline } from '../async/deadline.ts'
import { errorMessage, inputError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Gateway, HttpRoute } from './gateway.ts'

/** What an HTTP door works with. */
export interface HttpGatewayParts {
  readonly routes: readonly HttpRoute[]
  readonly logger: Logger
}

/** Where an HTTP door listens. */
export interface HttpGatewayOptions {
  /** A name or an address. */
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
}

const MAX_CONNECTIONS = 512
const STOP_MS = 2000
const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::\d{1,5})?$/i

/**
 * The HTTP door: routes by the start of the path.
 *
 * It answers only under its own names and under addresses, so that no web page can reach it through a name of its own
 * (DNS rebinding), and no request that a browser makes for another site.
 */
export class HttpGateway implements Gateway {
  readonly #routes: readonly HttpRoute[]
  readonly #logger: Logger
  readonly #options: HttpGatewayOptions
  readonly #server: Server

  constructor({ routes, logger }: HttpGatewayParts, options: HttpGatewayOptions) {
    this.#routes = routes
    this.#logger = logger
    this.#options = options
    this.#server = createServer((request, response) => void this.#answer(request, response))
    this.#server.maxConnections = MAX_CONNECTIONS
    // Neither tunnels nor other protocols.
    this.#server.on('connect', (_request, socket) => socket.destroy())
    this.#server.on('upgrade', (_request, socket) => socket.destroy())
  }

  get url(): string {
    const { address, family, port } = this.#server.address() as AddressInfo
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
  }

  async start(): Promise<void> {
    const { host, port } = this.#options
    const listening = Promise.withResolvers<void>()
    this.#server.once('error', listening.reject)
    this.#server.listen(port, host, listening.resolve)
    try {
      await listening.promise
    } catch (error) {
      throw inputError(
        `The HTTP door cannot listen on ${host}:${port}: ${errorMessage(error)}. Choose another port with --http.`,
        { host, port },
      )
    }
    this.#server.off('error', listening.reject)
    this.#server.on('error', (error) => {
      this.#logger.log('warning', `The HTTP door failed: ${errorMessage(error)}`)
    })
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeIdleConnections()
    await withDeadline(STOP_MS, 'Ending answers', undefined, () => closed).catch(() => {})
    this.#server.closeAllConnections()
    await closed
  }

  async #answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController()
    response.once('close', () => gone.abort(new Error('The client has gone.')))
    response.on('error', () => gone.abort())
    try {
      await this.#route(message, response, gone.signal)
    } catch (error) {
      if (gone.signal.aborted) return
      this.#logger.log('debug', `A request to the HTTP door failed: ${errorMessage(error)}`)
      if (response.headersSent) response.destroy()
      else refuse(response, 502, errorMessage(error))
    }
  }

  async #route(
    message: IncomingMessage,
    response: ServerResponse,
    signal: AbortSignal,
  ): Promise<void> {
    const { host } = message.headers
    if (!this.#isOwnName(host)) return refuse(response, 421, 'This door has another name.')
    if (message.headers['sec-fetch-site'] === 'cross-site') {
      return refuse(response, 403, 'This door is not for pages of other sites.')
    }
    const path = message.url ?? ''
    // A whole URL is what proxies are asked for, and this is none.
    if (!path.startsWith('/')) return refuse(response, 400, 'Only paths are answered here.')
    for (const route of this.#routes) {
      const prefix = route.prefixes.find((start) => path.startsWith(start))
      if (prefix === undefined) continue
      const base = `http://${host}${prefix.slice(0, -1)}`
      const rest = path.slice(prefix.length)
      return await route.handle({ message, rest, base, signal }, response)
    }
    const known = this.#routes.flatMap(({ prefixes }) => prefixes).join(', ')
    refuse(response, 404, `Nothing is answered there. There is ${known}.`)
  }

  #isOwnName(host: string | undefined): boolean {
    const [, written = ''] = HOST.exec(host ?? '') ?? []
    const name = written.replace(/^\[(.*)\]$/, '$1').toLowerCase()
    return name === 'localhost' || isIP(name) !== 0 || name === this.#options.host.toLowerCase()
  }
}

/** Answers with an error of this door, in the form of GitHub's. */
export function refuse(response: ServerResponse, status: number, why: string): void {
  const body = JSON.stringify({ message: `swarmcache: ${why}` })
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  })
  response.end(body)
}
